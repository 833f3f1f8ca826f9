/* comment.c - COMMENT ON: rows of pg_description, and of pg_shdescription for what all databases share. */
#include "backend/command/ddl.h"

#include "backend/catalog/acl.h"
#include "backend/command/object_lock.h"

typedef struct Target {
    Oid object, class_id;
    int sub; /* column */
    bool shared;
} Target;

static const char *
part(const AstComment *a, int from_end)
{
    int i = a->names.count - 1 - from_end;

    return i >= 0 ? ((const AstString *)a->names.items[i])->text : NULL;
}

static Status
find_relation(Ctx *cx, const char *schema, const char *name, const TableInfo **out)
{
    TRY(catalog_need_table(cx, schema, name, LOCK_ACCESS_SHARE, out));
    return ddl_check_owner(cx, *out);
}

static Status
relation_target(Ctx *cx, const AstComment *a, Target *out)
{
    const TableInfo *t;
    TableKind wanted = a->object == 'i'   ? TABLE_INDEX
                       : a->object == 'S' ? TABLE_SEQUENCE
                       : a->object == 'v' ? TABLE_VIEW
                                          : TABLE_HEAP;

    TRY(find_relation(cx, part(a, 1), part(a, 0), &t));
    if (t->kind != wanted)
        return fail(cx, ST_ERROR, "42809", "\"%s\" is not %s", t->name,
                    a->object == 'i'   ? "an index"
                    : a->object == 'S' ? "a sequence"
                    : a->object == 'v' ? "a view"
                                       : "a table");
    out->object = t->oid;
    return ST_OK;
}

static Status
column_target(Ctx *cx, const AstComment *a, Target *out)
{
    const TableInfo *t;

    if (a->names.count < 2)
        return fail(cx, ST_ERROR, "42601", "column name must be qualified");
    TRY(find_relation(cx, part(a, 2), part(a, 1), &t));
    if (t->kind != TABLE_HEAP) {
        (void)fail(cx, ST_ERROR, "42809", "cannot set comment on relation \"%s\"", t->name);
        fail_detail(cx, "This operation is not supported for %s.",
                    t->kind == TABLE_INDEX      ? "indexes"
                    : t->kind == TABLE_SEQUENCE ? "sequences"
                                                : "views");
        return ST_ERROR;
    }
    out->object = t->oid;
    out->sub = table_find_column(t, part(a, 0));
    if (out->sub == 0)
        return fail(cx, ST_ERROR, "42703", "column \"%s\" of relation \"%s\" does not exist", part(a, 0),
                    t->name);
    return ST_OK;
}

static Status
constraint_target(Ctx *cx, const AstComment *a, Target *out)
{
    const TableInfo *t;
    CatalogRow *rows;
    int count;

    TRY(find_relation(cx, part(a, 2), part(a, 1), &t));
    TRY(catalog_find(cx, CAT_PG_CONSTRAINT, COL_PG_CONSTRAINT_conrelid, value_oid(t->oid),
                     COL_PG_CONSTRAINT_conname, value_name(cx, ddl_name(cx, part(a, 0))), &rows, &count));
    if (count == 0)
        return fail(cx, ST_ERROR, "42704", "constraint \"%s\" for table \"%s\" does not exist", part(a, 0),
                    t->name);
    out->class_id = CATALOG_OID_PG_CONSTRAINT;
    out->object = rows[0].values[COL_PG_CONSTRAINT_oid].u32;
    return ST_OK;
}

static Status
schema_target(Ctx *cx, const AstComment *a, Target *out)
{
    CatalogRow *rows;
    int count;
    bool may;

    TRY(object_lock_schema(cx, part(a, 0), LOCK_SHARE_UPDATE_EXCLUSIVE, &out->object));
    if (out->object == OID_NONE)
        return fail(cx, ST_ERROR, "3F000", "schema \"%s\" does not exist", part(a, 0));
    TRY(catalog_find(cx, CAT_PG_NAMESPACE, COL_PG_NAMESPACE_oid, value_oid(out->object), 0, value_null(), &rows,
                     &count));
    TRY(acl_has_owner(cx, count > 0 ? rows[0].values[COL_PG_NAMESPACE_nspowner].u32 : ROLE_BOOTSTRAP, &may));
    if (!may)
        return fail(cx, ST_ERROR, "42501", "must be owner of schema %s", part(a, 0));
    out->class_id = CATALOG_OID_PG_NAMESPACE;
    return ST_OK;
}

/* It stays if it is there still once we have waited. */
static Status
lock_role(Ctx *cx, const char *name)
{
    Oid oid;

    TRY(catalog_find_role(cx, name, &oid));
    if (oid == OID_NONE)
        return ST_OK;
    return object_lock(cx, object_lock_key(BRANCH_SHARED, CATALOG_OID_PG_AUTHID, oid),
                       LOCK_SHARE_UPDATE_EXCLUSIVE);
}

static Status
shared_target(Ctx *cx, const AstComment *a, Target *out)
{
    const char *name = part(a, 0);
    CatalogRow *rows;
    int count;
    bool role = a->object == 'R', may;

    out->shared = true;
    out->class_id = role ? CATALOG_OID_PG_AUTHID : CATALOG_OID_PG_DATABASE;
    if (role)
        TRY(lock_role(cx, ddl_name(cx, name)));
    if (role)
        TRY(catalog_find(cx, CAT_PG_AUTHID, COL_PG_AUTHID_rolname, value_name(cx, ddl_name(cx, name)), 0,
                         value_null(), &rows, &count));
    else
        TRY(catalog_find(cx, CAT_PG_DATABASE, COL_PG_DATABASE_datname, value_name(cx, ddl_name(cx, name)), 0,
                         value_null(), &rows, &count));
    if (count == 0 && role)
        return fail(cx, ST_ERROR, "42704", "role \"%s\" does not exist", name);
    if (count == 0) { /* dumps are loaded into databases of other names */
        ctx_notice(cx, SEV_WARNING, "3D000", "database \"%s\" does not exist", name);
        return ST_OK;
    }
    out->object = rows[0].values[role ? (int)COL_PG_AUTHID_oid : (int)COL_PG_DATABASE_oid].u32;
    if (!role) {
        TRY(acl_has_owner(cx, rows[0].values[COL_PG_DATABASE_datdba].u32, &may));
        return may ? ST_OK : fail(cx, ST_ERROR, "42501", "must be owner of database %s", name);
    }
    if (rows[0].values[COL_PG_AUTHID_rolsuper].b && !catalog_is_superuser(cx))
        return fail(cx, ST_ERROR, "42501", "must be superuser");
    TRY(acl_may_create_roles(cx, &may));
    return may ? ST_OK : fail(cx, ST_ERROR, "42501", "must have CREATEROLE privilege");
}

static Status
store_shared(Ctx *cx, const Target *t, const char *text)
{
    Value *v = catalog_blank(cx, COL_PG_SHDESCRIPTION_COUNT_);

    TRY(ddl_delete_where(cx, CAT_PG_SHDESCRIPTION, COL_PG_SHDESCRIPTION_objoid, value_oid(t->object),
                         COL_PG_SHDESCRIPTION_classoid, value_oid(t->class_id)));
    if (text == NULL)
        return ST_OK;
    v[COL_PG_SHDESCRIPTION_objoid] = value_oid(t->object);
    v[COL_PG_SHDESCRIPTION_classoid] = value_oid(t->class_id);
    v[COL_PG_SHDESCRIPTION_description] = value_text(cx, text);
    return catalog_insert(cx, CAT_PG_SHDESCRIPTION, v);
}

static Status
store(Ctx *cx, const Target *t, const char *text)
{
    Value *v = catalog_blank(cx, COL_PG_DESCRIPTION_COUNT_);
    CatalogRow *rows;
    int count;

    TRY(catalog_find(cx, CAT_PG_DESCRIPTION, COL_PG_DESCRIPTION_objoid, value_oid(t->object),
                     COL_PG_DESCRIPTION_classoid, value_oid(t->class_id), &rows, &count));
    for (int i = 0; i < count; i++) {
        if (rows[i].values[COL_PG_DESCRIPTION_objsubid].i32 == t->sub)
            TRY(catalog_delete(cx, CAT_PG_DESCRIPTION, rows[i].tid));
    }
    if (text == NULL)
        return ST_OK;
    v[COL_PG_DESCRIPTION_objoid] = value_oid(t->object);
    v[COL_PG_DESCRIPTION_classoid] = value_oid(t->class_id);
    v[COL_PG_DESCRIPTION_objsubid] = value_i32(t->sub);
    v[COL_PG_DESCRIPTION_description] = value_text(cx, text);
    return catalog_insert(cx, CAT_PG_DESCRIPTION, v);
}

Status
ddl_comment(Session *s, const AstComment *a)
{
    Ctx *cx = s->cx;
    Target t = {.class_id = CATALOG_OID_PG_CLASS};
    const char *text = a->text != NULL && a->text[0] != '\0' ? a->text : NULL;

    switch (a->object) {
    case 'r':
    case 'i':
    case 'S':
    case 'v': TRY(relation_target(cx, a, &t)); break;
    case 'c': TRY(column_target(cx, a, &t)); break;
    case 'k': TRY(constraint_target(cx, a, &t)); break;
    case 'n': TRY(schema_target(cx, a, &t)); break;
    case 'R':
    case 'd': TRY(shared_target(cx, a, &t)); break;
    default: return fail_unsupported(cx, -1, "COMMENT on this kind of object");
    }
    if (t.object == OID_NONE)
        return ST_OK;
    return t.shared ? store_shared(cx, &t, text) : store(cx, &t, text);
}
