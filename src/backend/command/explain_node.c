/* explain_node.c - the nodes of a plan, as PostgreSQL names and arranges them.
 *
 * Ours are finer: computing columns, judging a condition and renaming a subquery's columns are nodes of their
 * own here and parts of the node below there. So a chain of those is shown as one node: what it takes from
 * its top (columns, rows, time) and from its bottom (kind, relation). And a hash join's right side gets the
 * Hash node that PostgreSQL has. */
#include "backend/command/explain_node.h"

static Status show_plan(Explain *x, const Plan *plan, const char *relationship, const char *plan_name);

/* ---- gathering ---------------------------------------------------------------------------------------------- */

static bool
note_subplan(Expr **child, void *arg)
{
    ExplainNode *n = arg;

    if (n->rc == ST_OK)
        n->rc = ctx_check_stack(n->cx);
    if (n->rc != ST_OK)
        return false;
    if ((*child)->kind == EXPR_SUBQUERY && n->subplan_count < (int)COUNT_OF(n->subplans))
        n->subplans[n->subplan_count++] = (*child)->subquery.plan_no;
    return expr_children(*child, note_subplan, arg);
}

static void
note_subplans(ExplainNode *n, Expr *const *exprs, int count)
{
    for (int i = 0; i < count; i++) {
        Expr *e = exprs[i];

        if (e != NULL)
            note_subplan(&e, n);
    }
}

static Status
gather(const Explain *x, const Plan *top, ExplainNode *n)
{
    const Plan *p = top;

    *n = (ExplainNode){.cx = x->cx, .top = top};
    for (;; p = p->left) {
        if (p->kind == PLAN_PROJECT || p->kind == PLAN_PROJECT_SET) {
            if (n->project == NULL)
                n->project = p;
            note_subplans(n, p->project.exprs, p->output_count);
            if (p->kind == PLAN_PROJECT_SET)
                break;
        } else if (p->kind == PLAN_FILTER && n->filter_count < FILTERS_MOST) {
            n->filters[n->filter_count++] = p;
            note_subplans(n, &p->filter, 1);
        } else if (p->kind != PLAN_SUBQUERY || explain_subquery_is_shown(x, p)) {
            break;
        }
    }
    n->plan = p;
    if (p->kind != PLAN_PROJECT_SET)
        note_subplans(n, &p->filter, 1);
    switch (p->kind) {
    case PLAN_AGGREGATE:
        note_subplans(n, p->agg.groups, p->agg.group_count);
        note_subplans(n, p->agg.aggs, p->agg.agg_count);
        break;
    case PLAN_VALUES:
        for (int i = 0; i < p->values.row_count; i++)
            note_subplans(n, p->values.rows[i], p->output_count);
        break;
    case PLAN_LIMIT:
        note_subplans(n, &p->limit.limit, 1);
        note_subplans(n, &p->limit.offset, 1);
        break;
    case PLAN_FUNCTION: note_subplans(n, &(Expr *){p->function.call}, 1); break;
    case PLAN_MODIFY: note_subplans(n, p->modify.returning, p->modify.returning_count); break;
    default: break;
    }
    return n->rc;
}

/* ---- names ---------------------------------------------------------------------------------------------------- */

static const char *
join_word(JoinKind kind)
{
    static const char *const words[] = {[JOIN_INNER] = "Inner", [JOIN_LEFT] = "Left", [JOIN_FULL] = "Full",
                                        [JOIN_RIGHT] = "Right", [JOIN_SEMI] = "Semi", [JOIN_ANTI] = "Anti"};

    return words[kind];
}

static const char *
modify_word(CommandKind kind)
{
    return kind == COMMAND_INSERT ? "Insert" : kind == COMMAND_UPDATE ? "Update" : "Delete";
}

static const char *
node_type(const Plan *p)
{
    switch (p->kind) {
    case PLAN_RESULT: return "Result";
    case PLAN_SCAN:
    case PLAN_ROWS_SCAN: return "Seq Scan";
    case PLAN_INDEX_SCAN: return "Index Scan";
    case PLAN_VALUES: return p->values.row_count == 1 ? "Result" : "Values Scan";
    case PLAN_FUNCTION: return "Function Scan";
    case PLAN_SUBQUERY: return "Subquery Scan";
    case PLAN_PROJECT_SET: return "ProjectSet";
    case PLAN_NESTED_LOOP: return "Nested Loop";
    case PLAN_HASH_JOIN: return "Hash Join";
    case PLAN_AGGREGATE: return "Aggregate";
    case PLAN_SORT: return "Sort";
    case PLAN_UNIQUE: return "Unique";
    case PLAN_LIMIT: return "Limit";
    case PLAN_APPEND: return "Append";
    case PLAN_SET_OP: return "SetOp";
    case PLAN_LOCK_ROWS: return "LockRows";
    case PLAN_MODIFY: return "ModifyTable";
    case PLAN_CTE_SCAN: return "CTE Scan";
    case PLAN_RECURSIVE: return "Recursive Union";
    case PLAN_WORK_SCAN: return "WorkTable Scan";
    default: return "Result";
    }
}

static void
add_node_name(const Plan *p, Buf *out)
{
    static const char *const set_words[] = {"", "Union", "Intersect", "Except"};

    switch (p->kind) {
    case PLAN_AGGREGATE: buf_add_text(out, p->agg.group_count > 0 ? "HashAggregate" : "Aggregate"); return;
    case PLAN_MODIFY: buf_add_text(out, modify_word(p->modify.command)); return;
    case PLAN_SET_OP:
        buf_printf(out, "HashSetOp %s%s", set_words[p->set_op.op], p->set_op.all ? " All" : "");
        return;
    case PLAN_HASH_JOIN:
        if (p->join.kind == JOIN_INNER)
            buf_add_text(out, "Hash Join");
        else
            buf_printf(out, "Hash %s Join", join_word(p->join.kind));
        return;
    case PLAN_NESTED_LOOP:
        buf_add_text(out, "Nested Loop");
        if (p->join.kind != JOIN_INNER)
            buf_printf(out, " %s Join", join_word(p->join.kind));
        return;
    default: buf_add_text(out, node_type(p));
    }
}

static const char *
target_relation(const Plan *p, const char **schema)
{
    *schema = NULL;
    switch (p->kind) {
    case PLAN_SCAN:
    case PLAN_INDEX_SCAN:
    case PLAN_ROWS_SCAN: *schema = p->scan.table->schema_name; return p->scan.table->name;
    case PLAN_MODIFY: *schema = p->modify.table->schema_name; return p->modify.table->name;
    case PLAN_CTE_SCAN:
    case PLAN_WORK_SCAN: return p->cte.name;
    case PLAN_FUNCTION:
        if (p->function.call->kind != EXPR_CALL)
            return NULL;
        *schema = "pg_catalog";
        return p->function.call->call.fn->name;
    default: return NULL;
    }
}

static const char *
target_alias(const Plan *p)
{
    switch (p->kind) {
    case PLAN_SCAN:
    case PLAN_INDEX_SCAN:
    case PLAN_ROWS_SCAN: return p->scan.alias;
    case PLAN_VALUES: return p->values.row_count == 1 ? NULL : p->entry->alias;
    case PLAN_MODIFY:
    case PLAN_FUNCTION:
    case PLAN_CTE_SCAN:
    case PLAN_WORK_SCAN:
    case PLAN_SUBQUERY: return p->entry != NULL ? p->entry->alias : NULL;
    default: return NULL;
    }
}

/* " using i on s.t alias" */
static void
show_target(Explain *x, const Plan *p)
{
    const char *schema, *relation = target_relation(p, &schema), *alias = target_alias(p);
    Buf *out = &x->out.buf;

    if (p->kind == PLAN_INDEX_SCAN) {
        buf_add_text(out, p->scan.backward ? " Backward using " : " using ");
        deparse_identifier(p->scan.index->name, out);
    }
    if (relation == NULL && alias == NULL)
        return;
    buf_add_text(out, " on");
    if (relation != NULL) {
        buf_add_char(out, ' ');
        if (x->verbose && schema != NULL) {
            deparse_identifier(schema, out);
            buf_add_char(out, '.');
        }
        deparse_identifier(relation, out);
    }
    if (alias != NULL && (relation == NULL || strcmp(alias, relation) != 0)) {
        buf_add_char(out, ' ');
        deparse_identifier(alias, out);
    }
}

static void
target_properties(Explain *x, const Plan *p)
{
    const char *schema, *relation = target_relation(p, &schema), *alias = target_alias(p);

    if (p->kind == PLAN_INDEX_SCAN) {
        explain_text(&x->out, "Scan Direction", p->scan.backward ? "Backward" : "Forward");
        explain_text(&x->out, "Index Name", p->scan.index->name);
    }
    if (relation != NULL)
        explain_text(&x->out,
                     p->kind == PLAN_FUNCTION                                ? "Function Name"
                     : p->kind == PLAN_CTE_SCAN || p->kind == PLAN_WORK_SCAN ? "CTE Name"
                                                                             : "Relation Name",
                     relation);
    if (relation != NULL && x->verbose && schema != NULL)
        explain_text(&x->out, "Schema", schema);
    if (alias != NULL)
        explain_text(&x->out, "Alias", alias);
    if (p->kind == PLAN_NESTED_LOOP || p->kind == PLAN_HASH_JOIN)
        explain_text(&x->out, "Join Type", join_word(p->join.kind));
}

/* ---- figures ---------------------------------------------------------------------------------------------------- */

static int
node_width(const Plan *p)
{
    int width = 0;

    for (int i = 0; i < p->output_count; i++) {
        const TypeInfo *t = type_by_oid(p->outputs[i]->type);

        width += t != NULL && t->typlen > 0 ? t->typlen : 32;
    }
    return width;
}

/* What is spent before the first row comes. */
static double
startup_cost(const Plan *p)
{
    while (p != NULL) {
        switch (p->kind) {
        case PLAN_SORT:
        case PLAN_AGGREGATE:
        case PLAN_SET_OP: return p->cost;
        case PLAN_HASH_JOIN: return p->right->cost;
        case PLAN_APPEND: p = p->append.inputs[0]; break;
        case PLAN_MODIFY: return 0;
        default: p = p->left; break;
        }
    }
    return 0;
}

static void
show_figures(Explain *x, const Plan *p, double start, double total, double rows, int width, const ExecCount *c,
             bool hash)
{
    ExplainOut *o = &x->out;
    double loops = c != NULL ? (double)c->loops : 1;
    double first = c != NULL ? (double)(hash ? c->time_us : c->first_us) / 1000 / loops : 0;
    double last = c != NULL ? (double)c->time_us / 1000 / loops : 0;
    double actual = c != NULL ? (double)c->rows / loops : 0;

    (void)p;
    if (o->format == EXPLAIN_TEXT) {
        if (x->costs)
            buf_printf(&o->buf, "  (cost=%.2f..%.2f rows=%.0f width=%d)", start, total, rows, width);
        if (x->analyze && c == NULL)
            buf_add_text(&o->buf, " (never executed)");
        else if (x->analyze && x->timing)
            buf_printf(&o->buf, " (actual time=%.3f..%.3f rows=%.0f loops=%.0f)", first, last, actual, loops);
        else if (x->analyze)
            buf_printf(&o->buf, " (actual rows=%.0f loops=%.0f)", actual, loops);
        buf_add_char(&o->buf, '\n');
        return;
    }
    if (x->costs) {
        explain_float(o, "Startup Cost", NULL, start, 2);
        explain_float(o, "Total Cost", NULL, total, 2);
        explain_float(o, "Plan Rows", NULL, rows, 0);
        explain_int(o, "Plan Width", NULL, width);
    }
    if (!x->analyze)
        return;
    if (x->timing) {
        explain_float(o, "Actual Startup Time", NULL, first, 3);
        explain_float(o, "Actual Total Time", NULL, last, 3);
    }
    explain_float(o, "Actual Rows", NULL, actual, 0);
    explain_int(o, "Actual Loops", NULL, c != NULL ? (int64_t)c->loops : 0);
}

void
explain_buffers(Explain *x, const ExecCount *c)
{
    static const char *const none[] = {"Shared Read Blocks",   "Shared Dirtied Blocks", "Shared Written Blocks",
                                       "Local Hit Blocks",     "Local Read Blocks",     "Local Dirtied Blocks",
                                       "Local Written Blocks", "Temp Read Blocks",      "Temp Written Blocks"};
    uint64_t pages = c != NULL ? c->pages : 0;

    if (!x->buffers)
        return;
    if (x->out.format == EXPLAIN_TEXT) {
        if (pages == 0)
            return;
        explain_indent(&x->out);
        buf_printf(&x->out.buf, "Buffers: shared hit=%llu\n", (unsigned long long)pages);
        return;
    }
    explain_int(&x->out, "Shared Hit Blocks", NULL, (int64_t)pages);
    for (size_t i = 0; i < COUNT_OF(none); i++)
        explain_int(&x->out, none[i], NULL, 0);
}

const ExecCount *
explain_count(const Explain *x, const Plan *p)
{
    return x->execution != NULL ? exec_count(x->execution, p) : NULL;
}

/* ---- the tree -------------------------------------------------------------------------------------------------------- */

static bool
is_init_plan(const Subplan *sub)
{
    return sub->arg_count == 0 && sub->kind != SUBLINK_ANY && sub->kind != SUBLINK_ALL;
}

static Status
show_subplans(Explain *x, const ExplainNode *n, bool init)
{
    for (int i = 0; i < n->subplan_count; i++) {
        int no = n->subplans[i];
        const Subplan *sub = x->query->subplans[no];
        const char *name;

        if (is_init_plan(sub) != init)
            continue;
        name = init ? arena_printf(x->cx->arena, "InitPlan %d (returns $%d)", no + 1, no)
                    : arena_printf(x->cx->arena, "SubPlan %d", no + 1);
        TRY(show_plan(x, sub->plan, init ? "InitPlan" : "SubPlan", name));
    }
    return ST_OK;
}

/* Text: the arrow and everything that is counted in columns; *saved is given back by close_node. */
static Status
open_node(Explain *x, const char *relationship, const char *plan_name, int *saved)
{
    ExplainOut *o = &x->out;

    *saved = o->indent;
    if (o->format == EXPLAIN_TEXT) {
        if (plan_name != NULL) {
            explain_indent(o);
            buf_printf(&o->buf, "%s\n", plan_name);
            o->indent++;
        }
        if (o->indent > 0) {
            explain_indent(o);
            buf_add_text(&o->buf, "->  ");
            o->indent += 2;
        }
        o->indent++;
        return ST_OK;
    }
    if (!explain_open(o, "Plan", relationship != NULL ? NULL : "Plan", true))
        return fail(x->cx, ST_ERROR, "54001", "the plan is too deep to be shown");
    return ST_OK;
}

static void
close_node(Explain *x, int saved)
{
    if (x->out.format != EXPLAIN_TEXT)
        explain_close(&x->out, "Plan", true);
    x->out.indent = saved;
}

static void
node_properties(Explain *x, const char *type, const Plan *p, const char *relationship, const char *plan_name)
{
    static const char *const set_words[] = {"", "Union", "Intersect", "Except"};
    ExplainOut *o = &x->out;

    explain_text(o, "Node Type", type);
    if (p != NULL && p->kind == PLAN_AGGREGATE) {
        explain_text(o, "Strategy", p->agg.group_count > 0 ? "Hashed" : "Plain");
        explain_text(o, "Partial Mode", "Simple");
    }
    if (p != NULL && p->kind == PLAN_SET_OP)
        explain_text(o, "Strategy", "Hashed");
    if (p != NULL && p->kind == PLAN_MODIFY)
        explain_text(o, "Operation", modify_word(p->modify.command));
    if (relationship != NULL)
        explain_text(o, "Parent Relationship", relationship);
    if (plan_name != NULL)
        explain_text(o, "Subplan Name", plan_name);
    explain_bool(o, "Parallel Aware", false);
    explain_bool(o, "Async Capable", false);
    if (p != NULL)
        target_properties(x, p);
    if (p != NULL && p->kind == PLAN_SET_OP)
        explain_text(o, "Command",
                     arena_printf(x->cx->arena, "%s%s", set_words[p->set_op.op], p->set_op.all ? " All" : ""));
}

static void
show_hash_table(Explain *x, const ExecCount *c)
{
    if (c == NULL || c->buckets == 0)
        return;
    if (x->out.format == EXPLAIN_TEXT) {
        explain_indent(&x->out);
        buf_printf(&x->out.buf, "Buckets: %llu  Batches: %llu  Memory Usage: %lldkB\n",
                   (unsigned long long)c->buckets, (unsigned long long)c->batches,
                   (long long)explain_kbytes(c->memory_bytes));
        return;
    }
    explain_int(&x->out, "Hash Buckets", NULL, (int64_t)c->buckets);
    explain_int(&x->out, "Original Hash Buckets", NULL, (int64_t)c->buckets);
    explain_int(&x->out, "Hash Batches", NULL, (int64_t)c->batches);
    explain_int(&x->out, "Original Hash Batches", NULL, (int64_t)c->batches);
    explain_int(&x->out, "Peak Memory Usage", NULL, explain_kbytes(c->memory_bytes));
}

/* The node below which PostgreSQL keeps the right side of a hash join. */
static Status
show_hash(Explain *x, const Plan *join)
{
    const Plan *right = join->right;
    const ExecCount *c = explain_count(x, right);
    int saved;

    TRY(open_node(x, "Inner", NULL, &saved));
    if (x->out.format == EXPLAIN_TEXT)
        buf_add_text(&x->out.buf, "Hash");
    else
        node_properties(x, "Hash", NULL, "Inner", NULL);
    show_figures(x, right, right->cost, right->cost, right->rows, node_width(right), c, true);
    show_hash_table(x, explain_count(x, join));
    explain_buffers(x, c);
    if (x->out.format != EXPLAIN_TEXT && !explain_open(&x->out, "Plans", "Plans", false))
        return fail(x->cx, ST_ERROR, "54001", "the plan is too deep to be shown");
    TRY(show_plan(x, right, "Outer", NULL));
    if (x->out.format != EXPLAIN_TEXT)
        explain_close(&x->out, "Plans", false);
    close_node(x, saved);
    return ST_OK;
}

/* WITH queries stand at the top of the whole plan. */
static Status
show_ctes(Explain *x)
{
    for (int i = 0; i < x->query->cte_count; i++)
        TRY(show_plan(x, x->query->ctes[i].plan, "InitPlan",
                      arena_printf(x->cx->arena, "CTE %s", x->query->ctes[i].name)));
    return ST_OK;
}

static Status
show_children(Explain *x, const ExplainNode *n)
{
    const Plan *p = n->plan;

    if (n->top == x->query->plan)
        TRY(show_ctes(x));
    TRY(show_subplans(x, n, true));
    if (p->kind == PLAN_APPEND) {
        for (int i = 0; i < p->append.count; i++)
            TRY(show_plan(x, p->append.inputs[i], "Member", NULL));
    }
    if (p->left != NULL)
        TRY(show_plan(x, p->left, p->kind == PLAN_SUBQUERY ? "Subquery" : "Outer", NULL));
    if (p->right != NULL && p->kind == PLAN_HASH_JOIN)
        TRY(show_hash(x, p));
    else if (p->right != NULL)
        TRY(show_plan(x, p->right, "Inner", NULL));
    return show_subplans(x, n, false);
}

static Status
show_plan(Explain *x, const Plan *plan, const char *relationship, const char *plan_name)
{
    ExplainOut *o = &x->out;
    ExplainNode n;
    int saved;
    bool empty, no_rows;

    TRY(ctx_check_stack(x->cx));
    TRY(gather(x, plan, &n));
    no_rows = n.plan->kind == PLAN_MODIFY && n.plan->modify.returning_count == 0;
    TRY(open_node(x, relationship, plan_name, &saved));
    if (o->format == EXPLAIN_TEXT) {
        add_node_name(n.plan, &o->buf);
        show_target(x, n.plan);
    } else {
        node_properties(x, node_type(n.plan), n.plan, relationship, plan_name);
    }
    show_figures(x, plan, startup_cost(plan), plan->cost, no_rows ? 0 : plan->rows,
                 no_rows ? 0 : node_width(plan), explain_count(x, plan), false);
    TRY(explain_properties(x, &n));
    empty = n.plan->left == NULL && n.plan->right == NULL && n.plan->kind != PLAN_APPEND &&
            n.subplan_count == 0 && (plan != x->query->plan || x->query->cte_count == 0);
    if (!empty) {
        if (o->format != EXPLAIN_TEXT && !explain_open(o, "Plans", "Plans", false))
            return fail(x->cx, ST_ERROR, "54001", "the plan is too deep to be shown");
        TRY(show_children(x, &n));
        if (o->format != EXPLAIN_TEXT)
            explain_close(o, "Plans", false);
    }
    close_node(x, saved);
    return ST_OK;
}

Status
explain_plan(Explain *x)
{
    return show_plan(x, x->query->plan, NULL, NULL);
}
