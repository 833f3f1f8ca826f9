/* bind_cte.c - WITH, and the two sides of a recursive query. */
#include "backend/bind/bind_int.h"

static void
cte_columns(Binder *b, CteInfo *c, const Query *q)
{
    bool select = q->command == COMMAND_SELECT;
    int count = select ? q->target_count : q->returning_count;
    const TargetEntry *targets = select ? q->targets : q->returning;

    c->columns = arena_array(b->arena, RangeColumn, MAX_OF(count, 1));
    c->column_count = 0;
    for (int i = 0; i < count; i++) {
        if (targets[i].junk)
            continue;
        c->is_volatile |= expr_is_volatile(targets[i].expr);
        c->columns[c->column_count++] = (RangeColumn){.name = targets[i].name,
                                                      .type = targets[i].expr->type,
                                                      .typmod = targets[i].expr->typmod};
    }
    c->is_volatile |= q->where != NULL && expr_is_volatile(q->where);
}

static bool
is_union(const Ast *ast)
{
    return ast->kind == AST_SELECT && ((const AstSelect *)ast)->set_op == SETOP_UNION;
}

static Status
apply_cte_aliases(Binder *b, const AstCte *a, CteInfo *c)
{
    if (a->column_aliases.count > c->column_count)
        return fail_at(b->cx, a->ast.location, "42P10",
                       "WITH query \"%s\" has %d columns available but %d columns specified", a->name,
                       c->column_count, a->column_aliases.count);
    for (int k = 0; k < a->column_aliases.count; k++)
        c->columns[k].name = ((const AstString *)a->column_aliases.items[k])->text;
    return ST_OK;
}

/* WITH RECURSIVE: the left side says what the columns are, then the right side may use the name. */
static Status
bind_recursive(Binder *b, const AstCte *a, CteInfo *c)
{
    const AstSelect *s = (const AstSelect *)a->query;
    Query *q = b->query, *u = arena_new(b->arena, Query);
    Binder inner;
    int saved = q->cte_count;
    Status rc;

    binder_init(&inner, b->cx, b->arena, b->params, b, u);
    TRY(bind_ctes(&inner, &s->ctes, s->recursive));
    u->set_op = SETOP_UNION;
    u->set_all = s->set_all;
    c->query = u;
    TRY(bind_subquery(&inner, &s->left->ast, UNTYPED_TO_TEXT, &u->left));
    cte_columns(b, c, u->left);
    TRY(apply_cte_aliases(b, a, c));
    c->open = true;
    q->cte_count = saved + 1;
    rc = bind_subquery(&inner, &s->right->ast, UNTYPED_KEPT, &u->right);
    q->cte_count = saved;
    c->open = false;
    c->uses = 0;
    TRY(rc);
    if (c->recursive && s->order_by.count > 0)
        return fail_at(b->cx, ((const AstSortBy *)s->order_by.items[0])->expr->location, "0A000",
                       "ORDER BY in a recursive query is not implemented");
    if (c->recursive && s->offset != NULL)
        return fail_at(b->cx, s->offset->location, "0A000", "OFFSET in a recursive query is not implemented");
    if (c->recursive && s->limit != NULL)
        return fail_at(b->cx, s->limit->location, "0A000", "LIMIT in a recursive query is not implemented");
    TRY(merge_sides(&inner, "UNION", c->recursive ? a->name : NULL));
    if (c->recursive)
        return ST_OK;
    TRY(bind_order_by(&inner, &s->order_by));
    TRY(bind_limit_value(&inner, s->offset, CLAUSE_OFFSET, "OFFSET", &u->offset));
    return bind_limit_value(&inner, s->limit, CLAUSE_LIMIT, "LIMIT", &u->limit);
}

Status
bind_ctes(Binder *b, const AstList *ctes, bool recursive)
{
    Query *q = b->query;

    q->ctes = arena_array(b->arena, CteInfo, MAX_OF(ctes->count, 1));
    for (int i = 0; i < ctes->count; i++) {
        const AstCte *a = (const AstCte *)ctes->items[i];
        CteInfo *c = &q->ctes[q->cte_count];

        for (int k = 0; k < i; k++) {
            if (strcmp(((const AstCte *)ctes->items[k])->name, a->name) == 0)
                return fail_at(b->cx, a->ast.location, "42712",
                               "WITH query name \"%s\" specified more than once", a->name);
        }
        c->name = a->name;
        if (recursive && is_union(a->query)) {
            TRY(bind_recursive(b, a, c));
        } else if (a->query->kind == AST_SELECT) {
            TRY(bind_subquery(b, a->query, UNTYPED_TO_TEXT, &c->query));
        } else {
            if (b->parent != NULL)
                return fail_at(b->cx, a->ast.location, "0A000",
                               "WITH clause containing a data-modifying statement must be at the top level");
            TRY(bind_change(b, a->query, &c->query));
        }
        c->materialized = a->materialized;
        cte_columns(b, c, c->query);
        TRY(apply_cte_aliases(b, a, c));
        q->cte_count++;
    }
    return ST_OK;
}
