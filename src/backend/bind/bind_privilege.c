/* bind_privilege.c - privileges are asked for when a query is bound to its end, so that other errors come first,
 * and it is known which columns are read. */
#include "backend/bind/bind_int.h"

#include "backend/catalog/catalog.h"
#include "backend/type/aclitem.h"

static bool
any_used(const RangeEntry *r)
{
    for (int c = 0; c < r->column_count; c++) {
        if (r->used[c])
            return true;
    }
    return false;
}

static Status
check_assigned(Binder *b, const RangeEntry *r, uint32_t want, const int *columns, int count)
{
    bool *assigned = arena_array(b->arena, bool, r->table->column_count + 1);

    for (int i = 0; i < count; i++)
        assigned[columns[i] - 1] = true;
    return catalog_check_columns(b->cx, r->table, want, assigned);
}

static Status
check_target(Binder *b, const RangeEntry *r)
{
    const Query *q = b->query;

    switch (q->command) {
    case COMMAND_INSERT:
        TRY(check_assigned(b, r, ACL_INSERT, q->assign_columns, q->assign_count));
        if (q->on_conflict == ON_CONFLICT_DO_UPDATE)
            TRY(check_assigned(b, r, ACL_UPDATE, q->conflict_columns, q->conflict_count));
        if (q->arbiters_named)
            TRY(catalog_check_columns(b->cx, r->table, ACL_SELECT, NULL));
        break;
    case COMMAND_UPDATE: TRY(check_assigned(b, r, ACL_UPDATE, q->assign_columns, q->assign_count)); break;
    case COMMAND_DELETE: TRY(catalog_check_privilege(b->cx, r->table, ACL_DELETE)); break;
    case COMMAND_SELECT: break;
    }
    return any_used(r) ? catalog_check_columns(b->cx, r->table, ACL_SELECT, r->used) : ST_OK;
}

Status
check_privileges(Binder *b)
{
    const Query *q = b->query;

    if (catalog_is_superuser(b->cx))
        return ST_OK;
    for (int i = 0; i < q->range_count; i++) {
        const RangeEntry *r = q->range[i];

        if (r->kind != RANGE_TABLE || r->unchecked)
            continue;
        if (i == q->result_rel)
            TRY(check_target(b, r));
        else
            TRY(catalog_check_columns(b->cx, r->table, ACL_SELECT, r->used));
    }
    for (int i = 0; i < q->mark_count; i++) {
        if (q->marks[i].strength != LOCKING_NONE && !q->range[q->marks[i].rel]->unchecked)
            TRY(catalog_check_columns(b->cx, q->range[q->marks[i].rel]->table, ACL_UPDATE, NULL));
    }
    return ST_OK;
}
