/* access.c - who may read and change which relation. There is no GRANT yet: owners and superusers may everything,
 * others read the catalogs, but not where passwords lie. */
#include "backend/catalog/catalog.h"
#include "backend/catalog/table.h"

#include <string.h>

static bool
is_open_to_all(const TableInfo *t)
{
    switch (t->kind) {
    case TABLE_CATALOG: return t->oid != CATALOG_OID_PG_AUTHID;
    case TABLE_VIEW: return strcmp(t->name, "pg_shadow") != 0;
    case TABLE_VIRTUAL: return true;
    default: return false;
    }
}

Status
catalog_check_access(Ctx *cx, const TableInfo *t, bool change)
{
    if (catalog_is_superuser(cx) || catalog_role(cx) == t->owner || (!change && is_open_to_all(t)))
        return ST_OK;
    return fail(cx, ST_ERROR, "42501", "permission denied for %s %s",
                t->kind == TABLE_SEQUENCE ? "sequence"
                : t->kind == TABLE_VIEW   ? "view"
                                          : "table",
                t->name);
}
