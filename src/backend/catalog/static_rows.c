/* static_rows.c - the built-in rows of the catalogs, made from the program's own tables (K3). */
#include "backend/catalog/catalog_int.h"

#include "backend/type/array.h"
#include "backend/type/func.h"

typedef struct Row {
    Ctx *cx;
    const TableInfo *table;
    RowReceiver *to;
    Value *values; /* 1-based like COL_... */
} Row;

static void
row_begin(Row *r, Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    *r = (Row){cx, table, to, catalog_blank(cx, table->column_count + 1)};
}

static Status
row_send(Row *r)
{
    Status rc = r->to->row(r->cx, r->to, r->values + 1);

    for (int i = 1; i <= r->table->column_count; i++)
        r->values[i] = value_null();
    return rc;
}

static Value
text(const char *s)
{
    return s == NULL ? value_null() : value_var(s, strlen(s));
}

static Value
one_char(const char *c)
{
    return value_var(c, *c != '\0');
}

static Value
i16(int v)
{
    return (Value){.i16 = (int16_t)v, .phys = PHYS_I16};
}

static Value
f32(double v)
{
    return (Value){.f32 = (float)v, .phys = PHYS_F32};
}

/* ---- pg_type ------------------------------------------------------------------------------------------------------ */

static Status
rows_pg_type(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    int count;
    const TypeInfo *types = type_table(&count);
    Row r;

    row_begin(&r, cx, table, to);
    for (int i = 0; i < count; i++) {
        const TypeInfo *t = &types[i];
        Value *v = r.values;

        v[COL_PG_TYPE_oid] = value_oid(t->oid);
        v[COL_PG_TYPE_typname] = text(t->name);
        v[COL_PG_TYPE_typnamespace] = value_oid(SCHEMA_PG_CATALOG);
        v[COL_PG_TYPE_typowner] = value_oid(ROLE_BOOTSTRAP);
        v[COL_PG_TYPE_typlen] = i16(t->typlen);
        v[COL_PG_TYPE_typbyval] = value_bool(t->byval);
        v[COL_PG_TYPE_typtype] = one_char(&t->typtype);
        v[COL_PG_TYPE_typtype].var.bytes = 1;
        v[COL_PG_TYPE_typcategory] = value_var(&t->category, 1);
        v[COL_PG_TYPE_typispreferred] = value_bool(t->preferred);
        v[COL_PG_TYPE_typisdefined] = value_bool(true);
        v[COL_PG_TYPE_typdelim] = text(",");
        v[COL_PG_TYPE_typrelid] = value_oid(0);
        v[COL_PG_TYPE_typsubscript] = value_oid(t->elem == 0 ? 0 : t->typlen == -1 ? 6179 : 6180);
        v[COL_PG_TYPE_typelem] = value_oid(t->elem);
        v[COL_PG_TYPE_typarray] = value_oid(t->array);
        v[COL_PG_TYPE_typinput] = value_oid(t->in_fn);
        v[COL_PG_TYPE_typoutput] = value_oid(t->out_fn);
        v[COL_PG_TYPE_typreceive] = value_oid(t->recv_fn);
        v[COL_PG_TYPE_typsend] = value_oid(t->send_fn);
        v[COL_PG_TYPE_typmodin] = value_oid(t->modin_fn);
        v[COL_PG_TYPE_typmodout] = value_oid(t->modout_fn);
        v[COL_PG_TYPE_typanalyze] = value_oid(0);
        v[COL_PG_TYPE_typalign] = value_var(&t->align, 1);
        v[COL_PG_TYPE_typstorage] = value_var(&t->storage, 1);
        v[COL_PG_TYPE_typnotnull] = value_bool(false);
        v[COL_PG_TYPE_typbasetype] = value_oid(0);
        v[COL_PG_TYPE_typtypmod] = value_i32(-1);
        v[COL_PG_TYPE_typndims] = value_i32(0);
        v[COL_PG_TYPE_typcollation] = value_oid(t->collation);
        TRY(row_send(&r));
    }
    return ST_OK;
}

/* ---- pg_proc, pg_aggregate ---------------------------------------------------------------------------------------- */

static Status
rows_pg_proc(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    int count;
    const FnInfo *fns = fn_table(&count);
    Row r;

    row_begin(&r, cx, table, to);
    for (int i = 0; i < count; i++) {
        const FnInfo *f = &fns[i];
        Value *v = r.values;
        char parallel;

        v[COL_PG_PROC_oid] = value_oid(f->oid);
        v[COL_PG_PROC_proname] = text(f->name);
        v[COL_PG_PROC_pronamespace] = value_oid(SCHEMA_PG_CATALOG);
        v[COL_PG_PROC_proowner] = value_oid(ROLE_BOOTSTRAP);
        v[COL_PG_PROC_prolang] = value_oid(12);
        v[COL_PG_PROC_procost] = f32(1);
        v[COL_PG_PROC_prorows] = f32(f->returns_set ? 1000 : 0);
        v[COL_PG_PROC_provariadic] = value_oid(f->variadic);
        v[COL_PG_PROC_prosupport] = value_oid(0);
        v[COL_PG_PROC_prokind] = value_var(&f->kind, 1);
        v[COL_PG_PROC_prosecdef] = v[COL_PG_PROC_proleakproof] = value_bool(false);
        v[COL_PG_PROC_proisstrict] = value_bool(f->strict);
        v[COL_PG_PROC_proretset] = value_bool(f->returns_set);
        v[COL_PG_PROC_provolatile] = value_var(&f->volatility, 1);
        parallel = fn_parallel(f);
        v[COL_PG_PROC_proparallel] = value_var(&parallel, 1);
        v[COL_PG_PROC_pronargs] = i16(f->arg_count);
        v[COL_PG_PROC_pronargdefaults] = i16(f->default_count);
        v[COL_PG_PROC_prorettype] = value_oid(f->result);
        TRY(vector_oid_make(cx, f->args, f->arg_count, &v[COL_PG_PROC_proargtypes]));
        v[COL_PG_PROC_prosrc] = text(f->source);
        TRY(row_send(&r));
    }
    return ST_OK;
}

static Status
rows_pg_aggregate(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    int count;
    const FnInfo *fns = fn_table(&count);
    Row r;

    row_begin(&r, cx, table, to);
    for (int i = 0; i < count; i++) {
        Value *v = r.values;

        if (fns[i].kind != 'a')
            continue;
        for (int c = COL_PG_AGGREGATE_aggtransfn; c <= COL_PG_AGGREGATE_aggmfinalfn; c++)
            v[c] = value_oid(0);
        v[COL_PG_AGGREGATE_aggfnoid] = value_oid(fns[i].oid);
        v[COL_PG_AGGREGATE_aggkind] = text("n");
        v[COL_PG_AGGREGATE_aggnumdirectargs] = i16(0);
        v[COL_PG_AGGREGATE_aggfinalextra] = v[COL_PG_AGGREGATE_aggmfinalextra] = value_bool(false);
        v[COL_PG_AGGREGATE_aggfinalmodify] = v[COL_PG_AGGREGATE_aggmfinalmodify] = text("r");
        v[COL_PG_AGGREGATE_aggsortop] = v[COL_PG_AGGREGATE_aggmtranstype] = value_oid(0);
        v[COL_PG_AGGREGATE_aggtranstype] = value_oid(fns[i].result);
        v[COL_PG_AGGREGATE_aggtransspace] = v[COL_PG_AGGREGATE_aggmtransspace] = value_i32(0);
        TRY(row_send(&r));
    }
    return ST_OK;
}

/* ---- pg_operator, pg_cast ------------------------------------------------------------------------------------------ */

static Oid
named_function(const char *name)
{
    const FnInfo *const *list = name != NULL ? fn_by_name(name) : NULL;

    return list != NULL && *list != NULL ? (*list)->oid : OID_NONE;
}

static Status
rows_pg_operator(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    int count;
    const OperInfo *opers = oper_table(&count);
    Row r;

    row_begin(&r, cx, table, to);
    for (int i = 0; i < count; i++) {
        const OperInfo *o = &opers[i];
        Value *v = r.values;

        v[COL_PG_OPERATOR_oid] = value_oid(o->oid);
        v[COL_PG_OPERATOR_oprname] = text(o->name);
        v[COL_PG_OPERATOR_oprnamespace] = value_oid(SCHEMA_PG_CATALOG);
        v[COL_PG_OPERATOR_oprowner] = value_oid(ROLE_BOOTSTRAP);
        v[COL_PG_OPERATOR_oprkind] = text(o->left == OID_NONE ? "l" : "b");
        v[COL_PG_OPERATOR_oprcanmerge] = value_bool(o->strategy == 3);
        v[COL_PG_OPERATOR_oprcanhash] = value_bool(o->can_hash);
        v[COL_PG_OPERATOR_oprleft] = value_oid(o->left);
        v[COL_PG_OPERATOR_oprright] = value_oid(o->right);
        v[COL_PG_OPERATOR_oprresult] = value_oid(o->result);
        v[COL_PG_OPERATOR_oprcom] = value_oid(o->commutator);
        v[COL_PG_OPERATOR_oprnegate] = value_oid(o->negator);
        v[COL_PG_OPERATOR_oprcode] = value_oid(o->fn);
        v[COL_PG_OPERATOR_oprrest] = value_oid(named_function(o->restrict_fn));
        v[COL_PG_OPERATOR_oprjoin] = value_oid(named_function(o->join_fn));
        TRY(row_send(&r));
    }
    return ST_OK;
}

static Status
rows_pg_cast(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    int count;
    const CastInfo *casts = cast_table(&count);
    Row r;

    row_begin(&r, cx, table, to);
    for (int i = 0; i < count; i++) {
        Value *v = r.values;

        v[COL_PG_CAST_oid] = value_oid(casts[i].oid);
        v[COL_PG_CAST_castsource] = value_oid(casts[i].source);
        v[COL_PG_CAST_casttarget] = value_oid(casts[i].target);
        v[COL_PG_CAST_castfunc] = value_oid(casts[i].fn);
        v[COL_PG_CAST_castcontext] = value_var(&casts[i].context, 1);
        v[COL_PG_CAST_castmethod] = value_var(&casts[i].method, 1);
        TRY(row_send(&r));
    }
    return ST_OK;
}

/* ---- the catalogs about themselves ----------------------------------------------------------------------------------- */

static Status
class_row(Row *r, Oid schema, Oid oid, const char *name, char kind, int columns, bool shared, bool has_index)
{
    static const char kinds[] = "riv";
    Value *v = r->values;
    const char *letter = strchr(kinds, kind);

    v[COL_PG_CLASS_oid] = value_oid(oid);
    v[COL_PG_CLASS_relfilenode] = value_oid(kind == 'v' ? 0 : oid);
    v[COL_PG_CLASS_relname] = text(name);
    v[COL_PG_CLASS_relnamespace] = value_oid(schema);
    v[COL_PG_CLASS_reltype] = v[COL_PG_CLASS_reloftype] = value_oid(0);
    v[COL_PG_CLASS_relowner] = value_oid(ROLE_BOOTSTRAP);
    v[COL_PG_CLASS_relam] = value_oid(kind == 'r' ? 2 : kind == 'i' ? 403 : 0);
    v[COL_PG_CLASS_reltablespace] = value_oid(shared ? 1664 : 0);
    v[COL_PG_CLASS_relpages] = v[COL_PG_CLASS_relallvisible] = value_i32(0);
    v[COL_PG_CLASS_reltuples] = f32(-1);
    v[COL_PG_CLASS_reltoastrelid] = value_oid(0);
    v[COL_PG_CLASS_relhasindex] = value_bool(has_index);
    v[COL_PG_CLASS_relisshared] = value_bool(shared);
    v[COL_PG_CLASS_relpersistence] = text("p");
    v[COL_PG_CLASS_relkind] = value_var(letter, 1);
    v[COL_PG_CLASS_relnatts] = i16(columns);
    v[COL_PG_CLASS_relchecks] = i16(0);
    v[COL_PG_CLASS_relhasrules] = value_bool(kind == 'v');
    v[COL_PG_CLASS_relhastriggers] = v[COL_PG_CLASS_relhassubclass] = value_bool(false);
    v[COL_PG_CLASS_relrowsecurity] = v[COL_PG_CLASS_relforcerowsecurity] = value_bool(false);
    v[COL_PG_CLASS_relispopulated] = value_bool(true);
    v[COL_PG_CLASS_relreplident] = text("n");
    v[COL_PG_CLASS_relispartition] = value_bool(false);
    v[COL_PG_CLASS_relrewrite] = v[COL_PG_CLASS_relfrozenxid] = v[COL_PG_CLASS_relminmxid] = value_oid(0);
    return row_send(r);
}

static Status
rows_pg_class(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    const TableInfo *others;
    int count;
    Row r;

    row_begin(&r, cx, table, to);
    for (int i = 0; i < CAT_COUNT; i++) {
        const TableInfo *t = catalog_relation(cx, (CatalogNo)i);
        bool shared = catalog_is_shared((CatalogNo)i);

        TRY(class_row(&r, t->schema, t->oid, t->name, 'r', t->column_count, shared, t->index_count > 0));
        for (int k = 0; k < t->index_count; k++)
            TRY(class_row(&r, t->schema, t->indexes[k].oid, t->indexes[k].name, 'i', t->indexes[k].key_count,
                          shared, false));
    }
    TRY(system_relations_all(cx, &others, &count));
    for (int i = 0; i < count; i++)
        TRY(class_row(&r, others[i].schema, others[i].oid, others[i].name, 'v', others[i].column_count, false,
                      false));
    return ST_OK;
}

static Status
attribute_rows(Row *r, const TableInfo *t)
{
    for (int c = 0; c < t->column_count; c++) {
        const TypeInfo *type = type_by_oid(t->columns[c].type);
        Value *v = r->values;

        v[COL_PG_ATTRIBUTE_attrelid] = value_oid(t->oid);
        v[COL_PG_ATTRIBUTE_attname] = text(t->columns[c].name);
        v[COL_PG_ATTRIBUTE_atttypid] = value_oid(type->oid);
        v[COL_PG_ATTRIBUTE_attstattarget] = v[COL_PG_ATTRIBUTE_attcacheoff] = value_i32(-1);
        v[COL_PG_ATTRIBUTE_attlen] = i16(type->typlen);
        v[COL_PG_ATTRIBUTE_attnum] = i16(c + 1);
        v[COL_PG_ATTRIBUTE_attndims] = value_i32(type_is_array(type));
        v[COL_PG_ATTRIBUTE_atttypmod] = value_i32(t->columns[c].typmod);
        v[COL_PG_ATTRIBUTE_attbyval] = value_bool(type->byval);
        v[COL_PG_ATTRIBUTE_attalign] = value_var(&type->align, 1);
        v[COL_PG_ATTRIBUTE_attstorage] = value_var(&type->storage, 1);
        v[COL_PG_ATTRIBUTE_attcompression] = v[COL_PG_ATTRIBUTE_attidentity] = text("");
        v[COL_PG_ATTRIBUTE_attgenerated] = text("");
        v[COL_PG_ATTRIBUTE_attnotnull] = value_bool(t->columns[c].not_null);
        v[COL_PG_ATTRIBUTE_atthasdef] = v[COL_PG_ATTRIBUTE_atthasmissing] = value_bool(false);
        v[COL_PG_ATTRIBUTE_attisdropped] = value_bool(false);
        v[COL_PG_ATTRIBUTE_attislocal] = value_bool(true);
        v[COL_PG_ATTRIBUTE_attinhcount] = value_i32(0);
        v[COL_PG_ATTRIBUTE_attcollation] = value_oid(type->collation);
        TRY(row_send(r));
    }
    return ST_OK;
}

static Status
rows_pg_attribute(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    const TableInfo *others;
    int count;
    Row r;

    row_begin(&r, cx, table, to);
    for (int i = 0; i < CAT_COUNT; i++)
        TRY(attribute_rows(&r, catalog_relation(cx, (CatalogNo)i)));
    TRY(system_relations_all(cx, &others, &count));
    for (int i = 0; i < count; i++)
        TRY(attribute_rows(&r, &others[i]));
    return ST_OK;
}

/* ---- small ones ---------------------------------------------------------------------------------------------------------- */

static Status
rows_pg_namespace(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    static const struct {
        Oid oid;
        const char *name;
    } schemas[] = {{SCHEMA_PG_CATALOG, "pg_catalog"},
                   {99, "pg_toast"},
                   {SCHEMA_INFORMATION_SCHEMA, "information_schema"}};
    Row r;

    row_begin(&r, cx, table, to);
    for (size_t i = 0; i < COUNT_OF(schemas); i++) {
        r.values[COL_PG_NAMESPACE_oid] = value_oid(schemas[i].oid);
        r.values[COL_PG_NAMESPACE_nspname] = text(schemas[i].name);
        r.values[COL_PG_NAMESPACE_nspowner] = value_oid(ROLE_BOOTSTRAP);
        TRY(row_send(&r));
    }
    return ST_OK;
}

static Status
rows_pg_am(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    static const struct {
        Oid oid, handler;
        const char *name, *type;
    } methods[] = {{2, 3, "heap", "t"}, {403, 330, "btree", "i"}};
    Row r;

    row_begin(&r, cx, table, to);
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        r.values[COL_PG_AM_oid] = value_oid(methods[i].oid);
        r.values[COL_PG_AM_amname] = text(methods[i].name);
        r.values[COL_PG_AM_amhandler] = value_oid(methods[i].handler);
        r.values[COL_PG_AM_amtype] = text(methods[i].type);
        TRY(row_send(&r));
    }
    return ST_OK;
}

static Status
rows_pg_tablespace(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    static const struct {
        Oid oid;
        const char *name;
    } spaces[] = {{1663, "pg_default"}, {1664, "pg_global"}};
    Row r;

    row_begin(&r, cx, table, to);
    for (size_t i = 0; i < COUNT_OF(spaces); i++) {
        r.values[COL_PG_TABLESPACE_oid] = value_oid(spaces[i].oid);
        r.values[COL_PG_TABLESPACE_spcname] = text(spaces[i].name);
        r.values[COL_PG_TABLESPACE_spcowner] = value_oid(ROLE_BOOTSTRAP);
        TRY(row_send(&r));
    }
    return ST_OK;
}

static Status
rows_pg_language(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    static const struct {
        Oid oid;
        const char *name;
        bool trusted;
    } languages[] = {{12, "internal", false}, {13, "c", false}, {14, "sql", true}};
    Row r;

    row_begin(&r, cx, table, to);
    for (size_t i = 0; i < COUNT_OF(languages); i++) {
        r.values[COL_PG_LANGUAGE_oid] = value_oid(languages[i].oid);
        r.values[COL_PG_LANGUAGE_lanname] = text(languages[i].name);
        r.values[COL_PG_LANGUAGE_lanowner] = value_oid(ROLE_BOOTSTRAP);
        r.values[COL_PG_LANGUAGE_lanispl] = value_bool(false);
        r.values[COL_PG_LANGUAGE_lanpltrusted] = value_bool(languages[i].trusted);
        r.values[COL_PG_LANGUAGE_lanplcallfoid] = r.values[COL_PG_LANGUAGE_laninline] = value_oid(0);
        r.values[COL_PG_LANGUAGE_lanvalidator] = value_oid(0);
        TRY(row_send(&r));
    }
    return ST_OK;
}

static Status
rows_pg_collation(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    static const struct {
        Oid oid;
        const char *name, *provider, *collate;
        int encoding;
    } rows[] = {{100, "default", "d", NULL, -1}, {950, "C", "c", "C", -1}, {951, "POSIX", "c", "POSIX", -1}};
    Row r;

    row_begin(&r, cx, table, to);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        r.values[COL_PG_COLLATION_oid] = value_oid(rows[i].oid);
        r.values[COL_PG_COLLATION_collname] = text(rows[i].name);
        r.values[COL_PG_COLLATION_collnamespace] = value_oid(SCHEMA_PG_CATALOG);
        r.values[COL_PG_COLLATION_collowner] = value_oid(ROLE_BOOTSTRAP);
        r.values[COL_PG_COLLATION_collprovider] = text(rows[i].provider);
        r.values[COL_PG_COLLATION_collisdeterministic] = value_bool(true);
        r.values[COL_PG_COLLATION_collencoding] = value_i32(rows[i].encoding);
        r.values[COL_PG_COLLATION_collcollate] = r.values[COL_PG_COLLATION_collctype] = text(rows[i].collate);
        TRY(row_send(&r));
    }
    return ST_OK;
}

RowMaker
catalog_static_rows(CatalogNo no)
{
    switch (no) {
    case CAT_PG_TYPE: return rows_pg_type;
    case CAT_PG_PROC: return rows_pg_proc;
    case CAT_PG_AGGREGATE: return rows_pg_aggregate;
    case CAT_PG_OPERATOR: return rows_pg_operator;
    case CAT_PG_CAST: return rows_pg_cast;
    case CAT_PG_CLASS: return rows_pg_class;
    case CAT_PG_ATTRIBUTE: return rows_pg_attribute;
    case CAT_PG_NAMESPACE: return rows_pg_namespace;
    case CAT_PG_AM: return rows_pg_am;
    case CAT_PG_TABLESPACE: return rows_pg_tablespace;
    case CAT_PG_LANGUAGE: return rows_pg_language;
    case CAT_PG_COLLATION: return rows_pg_collation;
    default: return NULL;
    }
}
