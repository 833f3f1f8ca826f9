/* ddl_sequence.c - CREATE SEQUENCE and its options. */
#include "backend/command/ddl.h"

#include "storage/engine/engine.h"
#include "storage/seq/seq.h"

#include <errno.h>
#include <stdlib.h>

static Status
option_number(Ctx *cx, const AstDefElem *d, int64_t *out)
{
    const AstConst *k = (const AstConst *)d->value;
    char *end;

    if (k == NULL || k->ast.kind != AST_CONST || (k->const_kind != CONST_INT && k->const_kind != CONST_FLOAT))
        return fail_at(cx, d->ast.location, "42601", "%s requires a numeric value", d->name);
    if (k->const_kind == CONST_INT) {
        *out = k->integer;
        return ST_OK;
    }
    errno = 0;
    *out = strtoll(k->text, &end, 10);
    if (errno != 0 || *end != '\0')
        return fail_at(cx, d->ast.location, "22003", "value \"%s\" is out of range for type bigint", k->text);
    return ST_OK;
}

static void
type_range(Oid type, int64_t *low, int64_t *high)
{
    *low = type == TYPE_INT2 ? INT16_MIN : type == TYPE_INT4 ? INT32_MIN : INT64_MIN;
    *high = type == TYPE_INT2 ? INT16_MAX : type == TYPE_INT4 ? INT32_MAX : INT64_MAX;
}

static Status
check_ranges(Ctx *cx, SequenceOptions *o, bool has_min, bool has_max)
{
    int64_t low, high;

    type_range(o->type, &low, &high);
    if (o->increment == 0)
        return fail(cx, ST_ERROR, "22023", "INCREMENT must not be zero");
    if (!has_max)
        o->max = o->increment > 0 ? high : -1;
    if (!has_min)
        o->min = o->increment > 0 ? 1 : low;
    if (o->max > high || o->max < low)
        return fail(cx, ST_ERROR, "22023", "MAXVALUE (%lld) is out of range for sequence data type %s",
                    (long long)o->max, type_by_oid(o->type)->sql_name);
    if (o->min > high || o->min < low)
        return fail(cx, ST_ERROR, "22023", "MINVALUE (%lld) is out of range for sequence data type %s",
                    (long long)o->min, type_by_oid(o->type)->sql_name);
    if (o->min >= o->max)
        return fail(cx, ST_ERROR, "22023", "MINVALUE (%lld) must be less than MAXVALUE (%lld)",
                    (long long)o->min, (long long)o->max);
    if (!o->has_start)
        o->start = o->increment > 0 ? o->min : o->max;
    if (o->start < o->min)
        return fail(cx, ST_ERROR, "22023", "START value (%lld) cannot be less than MINVALUE (%lld)",
                    (long long)o->start, (long long)o->min);
    if (o->start > o->max)
        return fail(cx, ST_ERROR, "22023", "START value (%lld) cannot be greater than MAXVALUE (%lld)",
                    (long long)o->start, (long long)o->max);
    if (!o->has_restart)
        o->last = o->has_last ? o->last : o->start;
    else if (!o->has_last)
        o->last = o->start;
    if (o->last < o->min)
        return fail(cx, ST_ERROR, "22023", "RESTART value (%lld) cannot be less than MINVALUE (%lld)",
                    (long long)o->last, (long long)o->min);
    if (o->last > o->max)
        return fail(cx, ST_ERROR, "22023", "RESTART value (%lld) cannot be greater than MAXVALUE (%lld)",
                    (long long)o->last, (long long)o->max);
    if (o->cache <= 0)
        return fail(cx, ST_ERROR, "22023", "CACHE (%lld) must be greater than zero", (long long)o->cache);
    return ST_OK;
}

Status
ddl_sequence_options(Ctx *cx, const AstList *options, SequenceOptions *o, bool is_new)
{
    bool has_min = !is_new, has_max = !is_new;

    if (is_new) {
        o->increment = 1;
        o->cache = 1;
        if (o->type == OID_NONE)
            o->type = TYPE_INT8;
    }
    for (int i = 0; i < options->count; i++) {
        const AstDefElem *d = (const AstDefElem *)options->items[i];

        for (int k = 0; k < i; k++) {
            if (strcmp(((const AstDefElem *)options->items[k])->name, d->name) == 0)
                return fail_at(cx, d->ast.location, "42601", "conflicting or redundant options");
        }
        if (strcmp(d->name, "as") == 0) {
            int32_t typmod;
            int64_t low, high;

            type_range(o->type, &low, &high);
            if (!is_new && o->max == high) /* limits that were the old type's become the new one's */
                has_max = false;
            if (!is_new && o->min == low)
                has_min = false;
            TRY(bind_type_name(cx, (const AstTypeName *)d->value, &o->type, &typmod));
            if (o->type != TYPE_INT2 && o->type != TYPE_INT4 && o->type != TYPE_INT8)
                return fail(cx, ST_ERROR, "22023", "sequence type must be smallint, integer, or bigint");
        } else if (strcmp(d->name, "increment") == 0) {
            TRY(option_number(cx, d, &o->increment));
        } else if (strcmp(d->name, "start") == 0) {
            TRY(option_number(cx, d, &o->start));
            o->has_start = true;
        } else if (strcmp(d->name, "restart") == 0) {
            o->has_restart = true;
            o->has_last = false;
            if (d->value != NULL) {
                TRY(option_number(cx, d, &o->last));
                o->has_last = true;
            }
        } else if (strcmp(d->name, "maxvalue") == 0) {
            has_max = d->value != NULL;
            if (has_max)
                TRY(option_number(cx, d, &o->max));
        } else if (strcmp(d->name, "minvalue") == 0) {
            has_min = d->value != NULL;
            if (has_min)
                TRY(option_number(cx, d, &o->min));
        } else if (strcmp(d->name, "cache") == 0) {
            TRY(option_number(cx, d, &o->cache));
        } else if (strcmp(d->name, "cycle") == 0) {
            o->cycle = d->value != NULL && ((const AstConst *)d->value)->integer != 0;
        } else if (strcmp(d->name, "owned_by") == 0) {
            o->owned_by = (const AstListNode *)d->value;
        } else {
            return fail_unsupported(cx, d->ast.location,
                                    arena_printf(cx->arena, "sequence option \"%s\"", d->name));
        }
    }
    return check_ranges(cx, o, has_min, has_max);
}

Status
ddl_make_sequence(Ctx *cx, Oid schema, const char *name, const SequenceOptions *o, Oid *oid)
{
    static const struct {
        const char *name;
        Oid type;
    } columns[] = {{"last_value", TYPE_INT8}, {"log_cnt", TYPE_INT8}, {"is_called", TYPE_BOOL}};
    NewClass class = {.oid = engine_next_oid(cx->engine),
                      .schema = schema,
                      .name = name,
                      .relkind = 'S',
                      .persistence = 'p',
                      .column_count = COUNT_OF(columns)};
    Value *v = catalog_blank(cx, COL_PG_SEQUENCE_COUNT_);

    TRY(ddl_insert_class(cx, &class));
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        NewColumn c = {.name = columns[i].name, .type = columns[i].type, .typmod = -1, .not_null = true};

        TRY(ddl_insert_column(cx, class.oid, (int)i + 1, &c));
    }
    v[COL_PG_SEQUENCE_seqrelid] = value_oid(class.oid);
    v[COL_PG_SEQUENCE_seqtypid] = value_oid(o->type);
    v[COL_PG_SEQUENCE_seqstart] = value_i64(o->start);
    v[COL_PG_SEQUENCE_seqincrement] = value_i64(o->increment);
    v[COL_PG_SEQUENCE_seqmax] = value_i64(o->max);
    v[COL_PG_SEQUENCE_seqmin] = value_i64(o->min);
    v[COL_PG_SEQUENCE_seqcache] = value_i64(o->cache);
    v[COL_PG_SEQUENCE_seqcycle] = value_bool(o->cycle);
    TRY(catalog_insert(cx, CAT_PG_SEQUENCE, v));
    TRY(seq_init(cx, catalog_branch(cx), class.storage, (SeqState){.last_value = o->start}));
    catalog_changed(cx, catalog_branch(cx), class.oid);
    *oid = class.oid;
    return ST_OK;
}

static Status
set_owner_column(Ctx *cx, Oid sequence, const AstListNode *owned_by)
{
    const TableInfo *t;
    const char *column, *table, *schema;
    int n = owned_by->items.count, number;

    if (n == 1) /* OWNED BY NONE */
        return ST_OK;
    column = ((const AstString *)owned_by->items.items[n - 1])->text;
    table = ((const AstString *)owned_by->items.items[n - 2])->text;
    schema = n > 2 ? ((const AstString *)owned_by->items.items[n - 3])->text : NULL;
    TRY(catalog_need_table(cx, schema, table, LOCK_ACCESS_SHARE, &t));
    number = table_find_column(t, column);
    if (number <= 0)
        return fail(cx, ST_ERROR, "42703", "column \"%s\" of relation \"%s\" does not exist", column, table);
    return ddl_insert_depend(cx, CATALOG_OID_PG_CLASS, sequence, 0, CATALOG_OID_PG_CLASS, t->oid, number, 'a');
}

Status
ddl_create_sequence(Session *s, const AstSequence *a)
{
    Ctx *cx = s->cx;
    SequenceOptions o = {0};
    const char *name;
    Oid schema, oid;
    char persistence = 'p';
    bool exists = false;

    TRY(ddl_target_schema(s, a->sequence, &schema, &persistence));
    name = ddl_name(cx, a->sequence->name);
    TRY(ddl_check_free(cx, schema, name, a->if_not_exists ? &exists : NULL));
    if (exists) {
        ctx_notice(cx, SEV_NOTICE, "42P07", "relation \"%s\" already exists, skipping", name);
        return ST_OK;
    }
    TRY(ddl_sequence_options(cx, &a->options, &o, true));
    TRY(ddl_make_sequence(cx, schema, name, &o, &oid));
    return o.owned_by != NULL ? set_owner_column(cx, oid, o.owned_by) : ST_OK;
}

Status
ddl_restart_owned_sequences(Ctx *cx, Oid table)
{
    CatalogRow *rows, *sequences;
    int count, sequence_count;

    TRY(catalog_find(cx, CAT_PG_DEPEND, COL_PG_DEPEND_refclassid, value_oid(CATALOG_OID_PG_CLASS),
                     COL_PG_DEPEND_refobjid, value_oid(table), &rows, &count));
    for (int i = 0; i < count; i++) {
        Oid oid = rows[i].values[COL_PG_DEPEND_objid].u32;
        const TableInfo *t;

        TRY(catalog_table_by_oid(cx, oid, LOCK_ACCESS_EXCLUSIVE, &t));
        if (t == NULL || t->kind != TABLE_SEQUENCE)
            continue;
        TRY(catalog_find(cx, CAT_PG_SEQUENCE, COL_PG_SEQUENCE_seqrelid, value_oid(oid), 0, value_null(),
                         &sequences, &sequence_count));
        if (sequence_count > 0)
            TRY(seq_set(cx, t->heap.branch, t->heap.relation,
                        (SeqState){.last_value = sequences[0].values[COL_PG_SEQUENCE_seqstart].i64}));
    }
    return ST_OK;
}

static void
read_parameters(const Value *v, SequenceOptions *o)
{
    o->type = v[COL_PG_SEQUENCE_seqtypid].u32;
    o->start = v[COL_PG_SEQUENCE_seqstart].i64;
    o->increment = v[COL_PG_SEQUENCE_seqincrement].i64;
    o->max = v[COL_PG_SEQUENCE_seqmax].i64;
    o->min = v[COL_PG_SEQUENCE_seqmin].i64;
    o->cache = v[COL_PG_SEQUENCE_seqcache].i64;
    o->cycle = v[COL_PG_SEQUENCE_seqcycle].b;
    o->has_start = true;
}

static void
write_parameters(const SequenceOptions *o, Value *v)
{
    v[COL_PG_SEQUENCE_seqtypid] = value_oid(o->type);
    v[COL_PG_SEQUENCE_seqstart] = value_i64(o->start);
    v[COL_PG_SEQUENCE_seqincrement] = value_i64(o->increment);
    v[COL_PG_SEQUENCE_seqmax] = value_i64(o->max);
    v[COL_PG_SEQUENCE_seqmin] = value_i64(o->min);
    v[COL_PG_SEQUENCE_seqcache] = value_i64(o->cache);
    v[COL_PG_SEQUENCE_seqcycle] = value_bool(o->cycle);
}

/* The value lies in new storage, so that a rollback brings the old one back. */
Status
ddl_alter_sequence(Session *s, const AstSequence *a)
{
    Ctx *cx = s->cx;
    const AstRangeVar *v = a->sequence;
    SequenceOptions o = {0};
    const TableInfo *t;
    CatalogRow *rows;
    SeqState state;
    Value *row;
    int count;
    Oid oid;

    TRY(catalog_find_table(cx, v->schema, v->name, LOCK_SHARE_ROW_EXCLUSIVE, &t));
    if (t == NULL && a->missing_ok) {
        ctx_notice(cx, SEV_NOTICE, "00000", "relation \"%s\" does not exist, skipping", v->name);
        return ST_OK;
    }
    if (t == NULL)
        return catalog_fail_no_table(cx, v->schema, v->name);
    if (t->kind != TABLE_SEQUENCE)
        return fail(cx, ST_ERROR, "42809", "\"%s\" is not a sequence", t->name);
    TRY(ddl_check_owner(cx, t));
    oid = t->oid;
    TRY(catalog_find(cx, CAT_PG_SEQUENCE, COL_PG_SEQUENCE_seqrelid, value_oid(oid), 0, value_null(), &rows,
                     &count));
    if (count != 1)
        return fail(cx, ST_CORRUPT, "XX001", "sequence \"%s\" has no parameters", t->name);
    row = arena_memdup(cx->arena, rows[0].values, sizeof(Value) * COL_PG_SEQUENCE_COUNT_);
    TRY(seq_read(cx, t->heap.branch, t->heap.relation, &state));
    read_parameters(row, &o);
    o.last = state.last_value;
    o.has_last = true;
    TRY(ddl_sequence_options(cx, &a->options, &o, false));
    write_parameters(&o, row);
    TRY(catalog_update(cx, CAT_PG_SEQUENCE, rows[0].tid, row));
    TRY(ddl_fresh_storage(cx, oid));
    catalog_changed(cx, catalog_branch(cx), oid);
    TRY(catalog_table_by_oid(cx, oid, LOCK_NONE, &t));
    TRY(seq_init(cx, t->heap.branch, t->heap.relation,
                 (SeqState){.last_value = o.last, .is_called = !o.has_restart && state.is_called}));
    if (o.owned_by == NULL)
        return ST_OK;
    TRY(ddl_delete_where(cx, CAT_PG_DEPEND, COL_PG_DEPEND_classid, value_oid(CATALOG_OID_PG_CLASS),
                         COL_PG_DEPEND_objid, value_oid(oid)));
    return set_owner_column(cx, oid, o.owned_by);
}
