/* explain_property.c - what EXPLAIN says about a node below its first line: conditions, keys, output. */
#include "backend/command/explain_node.h"

static Status
show_expr(Explain *x, const char *label, const Expr *e, const Plan *input, const Plan *right)
{
    const char *text;

    if (e == NULL)
        return ST_OK;
    TRY(explain_expr(x, e, input, right, &text));
    explain_text(&x->out, label, text);
    return ST_OK;
}

static void
show_removed(Explain *x, const char *label, uint64_t removed, const ExecCount *c)
{
    double each;

    if (!x->analyze)
        return;
    each = c != NULL ? (double)removed / (double)c->loops : 0;
    if (removed > 0 || x->out.format != EXPLAIN_TEXT)
        explain_float(&x->out, label, NULL, each, 0);
}

static bool
is_scan(const Plan *p)
{
    return p->kind == PLAN_SCAN || p->kind == PLAN_INDEX_SCAN || p->kind == PLAN_ROWS_SCAN;
}

/* The conditions of the chain (and of a scan itself) as one line. */
static Status
show_filters(Explain *x, const ExplainNode *n)
{
    Buf all = {0};
    int count = 0;
    uint64_t removed = 0;
    Status rc = ST_OK;
    const char *text;
    bool one_time = n->plan->kind == PLAN_RESULT;

    for (int i = n->filter_count; i >= 0 && rc == ST_OK; i--) {
        const Plan *f = i == n->filter_count ? n->plan : n->filters[i];
        const ExecCount *below, *c;

        if (i == n->filter_count && (!is_scan(f) || f->filter == NULL))
            continue;
        rc = explain_expr(x, f->filter, is_scan(f) ? f : f->left, NULL, &text);
        if (rc == ST_OK)
            buf_printf(&all, "%s%s", count++ > 0 ? " AND " : "", text);
        c = explain_count(x, f);
        below = is_scan(f) ? NULL : explain_count(x, f->left);
        if (is_scan(f))
            removed += c != NULL ? c->removed : 0;
        else if (below != NULL)
            removed += below->rows - (c != NULL ? c->rows : 0);
    }
    if (rc == ST_OK && count > 0) {
        explain_text(&x->out, one_time ? "One-Time Filter" : "Filter",
                     count == 1 ? buf_cstr(&all) : arena_printf(x->cx->arena, "(%s)", buf_cstr(&all)));
        if (!one_time)
            show_removed(x, "Rows Removed by Filter", removed, explain_count(x, n->top));
    }
    buf_free(&all);
    return rc;
}

static Status
show_output(Explain *x, const ExplainNode *n)
{
    const Plan *p = n->project != NULL ? n->project : n->plan;
    const char **items = arena_array(x->cx->arena, const char *, MAX_OF(p->output_count, 1));

    if (!x->verbose || p->output_count == 0)
        return ST_OK;
    for (int i = 0; i < p->output_count; i++) {
        Buf b = {0};
        Status rc = ST_OK;

        if (p->kind == PLAN_PROJECT || p->kind == PLAN_PROJECT_SET)
            rc = explain_expr(x, p->project.exprs[i], p->left, NULL, &items[i]);
        else
            rc = explain_column(x, p, i, p->kind != PLAN_AGGREGATE && p->kind != PLAN_MODIFY, &b);
        if (rc == ST_OK && items[i] == NULL)
            items[i] = arena_strdup(x->cx->arena, buf_cstr(&b));
        buf_free(&b);
        TRY(rc);
    }
    explain_list(&x->out, "Output", items, p->output_count);
    return ST_OK;
}

static Status
show_sort_keys(Explain *x, const Plan *p)
{
    const char **items = arena_array(x->cx->arena, const char *, p->sort.key_count + 1);

    for (int i = 0; i < p->sort.key_count; i++) {
        const SortSlot *k = &p->sort.keys[i];
        Buf b = {0};
        Status rc = explain_column(x, p->left, k->slot, true, &b);

        buf_add_text(&b, k->descending ? " DESC" : "");
        if (k->nulls_first != k->descending)
            buf_add_text(&b, k->nulls_first ? " NULLS FIRST" : " NULLS LAST");
        items[i] = arena_strdup(x->cx->arena, buf_cstr(&b));
        buf_free(&b);
        TRY(rc);
    }
    explain_list(&x->out, "Sort Key", items, p->sort.key_count);
    return ST_OK;
}

static void
show_sort_method(Explain *x, const ExecCount *c)
{
    const char *where = c != NULL && c->disk_bytes > 0 ? "Disk" : "Memory";
    int64_t kb;

    if (c == NULL || c->method == NULL)
        return;
    kb = explain_kbytes(c->disk_bytes > 0 ? c->disk_bytes : c->memory_bytes);
    if (x->out.format == EXPLAIN_TEXT) {
        explain_indent(&x->out);
        buf_printf(&x->out.buf, "Sort Method: %s  %s: %lldkB\n", c->method, where, (long long)kb);
        return;
    }
    explain_text(&x->out, "Sort Method", c->method);
    explain_int(&x->out, "Sort Space Used", NULL, kb);
    explain_text(&x->out, "Sort Space Type", where);
}

static Status
show_group_keys(Explain *x, const Plan *p)
{
    const char **items = arena_array(x->cx->arena, const char *, p->agg.group_count + 1);
    const ExecCount *c = explain_count(x, p);

    for (int i = 0; i < p->agg.group_count; i++) {
        Buf b = {0};
        const Expr *g = p->agg.groups[i];
        Status rc = ST_OK;

        if (g->kind == EXPR_SLOT)
            rc = explain_column(x, p->left, g->slot.index, true, &b);
        else
            rc = explain_expr(x, g, p->left, NULL, &items[i]);
        if (rc == ST_OK && items[i] == NULL)
            items[i] = arena_strdup(x->cx->arena, buf_cstr(&b));
        buf_free(&b);
        TRY(rc);
    }
    if (p->agg.group_count > 0)
        explain_list(&x->out, "Group Key", items, p->agg.group_count);
    if (p->agg.group_count > 0 && c != NULL && c->memory_bytes > 0) {
        int64_t kb = explain_kbytes(c->memory_bytes), disk_kb = explain_kbytes(c->disk_bytes);

        if (x->out.format == EXPLAIN_TEXT) {
            explain_indent(&x->out);
            buf_printf(&x->out.buf, "Batches: %llu  Memory Usage: %lldkB", (unsigned long long)c->batches,
                       (long long)kb);
            if (disk_kb > 0)
                buf_printf(&x->out.buf, "  Disk Usage: %lldkB", (long long)disk_kb);
            buf_add_char(&x->out.buf, '\n');
        } else {
            explain_int(&x->out, "HashAgg Batches", NULL, (int64_t)c->batches);
            explain_int(&x->out, "Peak Memory Usage", NULL, kb);
            explain_int(&x->out, "Disk Usage", NULL, disk_kb);
        }
    }
    return ST_OK;
}

static Status
show_hash_condition(Explain *x, const Plan *p)
{
    Buf b = {0};
    Status rc = ST_OK;

    buf_add_text(&b, p->join.key_count > 1 ? "(" : "");
    for (int i = 0; i < p->join.key_count && rc == ST_OK; i++) {
        const char *left = "", *right = "";

        rc = explain_expr(x, p->join.left_keys[i], p->left, NULL, &left);
        if (rc == ST_OK)
            rc = explain_expr(x, p->join.right_keys[i], p->right, NULL, &right);
        buf_printf(&b, "%s(%s %s %s)", i > 0 ? " AND " : "", left, p->join.key_opers[i]->name, right);
    }
    buf_add_text(&b, p->join.key_count > 1 ? ")" : "");
    if (rc == ST_OK)
        explain_text(&x->out, "Hash Cond", buf_cstr(&b));
    buf_free(&b);
    return rc;
}

static Status
show_on_conflict(Explain *x, const Plan *p)
{
    const char **names = arena_array(x->cx->arena, const char *, MAX_OF(p->modify.arbiter_count, 1));

    if (p->modify.command != COMMAND_INSERT || p->modify.on_conflict == ON_CONFLICT_FAIL)
        return ST_OK;
    explain_text(&x->out, "Conflict Resolution",
                 p->modify.on_conflict == ON_CONFLICT_DO_NOTHING ? "NOTHING" : "UPDATE");
    for (int i = 0; i < p->modify.arbiter_count; i++)
        names[i] = p->modify.table->indexes[p->modify.arbiters[i]].name;
    if (p->modify.arbiters_named)
        explain_list(&x->out, "Conflict Arbiter Indexes", names, p->modify.arbiter_count);
    x->in_conflict = true;
    TRY(show_expr(x, "Conflict Filter", p->modify.conflict_where, p, NULL));
    x->in_conflict = false;
    return ST_OK;
}

static bool
is_named_rows(const Plan *p)
{
    return p->kind == PLAN_FUNCTION || p->kind == PLAN_VALUES || p->kind == PLAN_CTE_SCAN ||
           p->kind == PLAN_WORK_SCAN;
}

/* A relation's own conditions need no prefix. */
static void
set_prefix(Explain *x, bool scan)
{
    x->prefix = x->verbose || (x->many && !scan);
}

Status
explain_properties(Explain *x, const ExplainNode *n)
{
    const Plan *p = n->plan;
    const ExecCount *c = explain_count(x, p);

    if ((p->kind == PLAN_NESTED_LOOP || p->kind == PLAN_HASH_JOIN) && x->out.format != EXPLAIN_TEXT)
        explain_bool(&x->out, "Inner Unique", false);
    x->prefix = x->many;
    TRY(show_output(x, n));
    set_prefix(x, is_scan(p) || is_named_rows(p));
    switch (p->kind) {
    case PLAN_INDEX_SCAN: TRY(show_expr(x, "Index Cond", p->scan.index_condition, p, NULL)); break;
    case PLAN_FUNCTION:
        if (x->verbose)
            TRY(show_expr(x, "Function Call", p->function.call, NULL, NULL));
        break;
    case PLAN_NESTED_LOOP: TRY(show_expr(x, "Join Filter", p->filter, p->left, p->right)); break;
    case PLAN_HASH_JOIN:
        TRY(show_hash_condition(x, p));
        TRY(show_expr(x, "Join Filter", p->filter, p->left, p->right));
        break;
    case PLAN_SORT:
        TRY(show_sort_keys(x, p));
        show_sort_method(x, c);
        break;
    case PLAN_AGGREGATE: TRY(show_group_keys(x, p)); break;
    case PLAN_MODIFY: TRY(show_on_conflict(x, p)); break;
    default: break;
    }
    set_prefix(x, is_scan(p) || is_named_rows(p) || p->kind == PLAN_RESULT);
    x->prefix |= p->kind == PLAN_SUBQUERY;
    x->at_aggregate = true;
    TRY(show_filters(x, n));
    x->at_aggregate = false;
    set_prefix(x, false);
    explain_buffers(x, explain_count(x, n->top));
    return ST_OK;
}
