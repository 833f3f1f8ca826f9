/* access.c - may the current role do that? Table privileges, and where they do not suffice those of the columns. */
#include "backend/catalog/acl.h"

static Status
denied(Ctx *cx, const TableInfo *t)
{
    return fail(cx, ST_ERROR, "42501", "permission denied for %s %s",
                t->kind == TABLE_SEQUENCE ? "sequence"
                : t->kind == TABLE_VIEW   ? "view"
                                          : "table",
                t->name);
}

static bool
may_everything(Ctx *cx, const TableInfo *t)
{
    return catalog_is_superuser(cx) || (catalog_role(cx) == t->owner && t->acl == NULL);
}

Status
catalog_check_privilege(Ctx *cx, const TableInfo *t, uint32_t want)
{
    uint32_t have;

    if (may_everything(cx, t))
        return ST_OK;
    TRY(acl_table_has(cx, t, catalog_role(cx), false, want, false, &have));
    return have == want ? ST_OK : denied(cx, t);
}

Status
catalog_check_any_privilege(Ctx *cx, const TableInfo *t, uint32_t want)
{
    uint32_t have;

    if (may_everything(cx, t))
        return ST_OK;
    TRY(acl_table_has(cx, t, catalog_role(cx), false, want, false, &have));
    return have != 0 ? ST_OK : denied(cx, t);
}

Status
catalog_check_columns(Ctx *cx, const TableInfo *t, uint32_t want, const bool *columns)
{
    Oid role = catalog_role(cx);
    uint32_t have;
    bool any = false, one = false;

    if (may_everything(cx, t))
        return ST_OK;
    TRY(acl_table_has(cx, t, role, false, want, false, &have));
    if (have == want)
        return ST_OK;
    for (int c = 1; c <= t->column_count; c++) {
        if (t->columns[c - 1].dropped)
            continue;
        TRY(acl_column_has(cx, t, c, role, false, want, false, &have));
        one |= have == want;
        if (columns != NULL && !columns[c - 1])
            continue;
        any |= columns != NULL;
        if (have != want && columns != NULL)
            return denied(cx, t);
    }
    return any || one ? ST_OK : denied(cx, t); /* no column in particular: one that is allowed will do */
}
