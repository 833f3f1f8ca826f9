/* cursor.c - see cursor.h.
 *
 * Rows are taken from the execution only as far as somebody asks. A cursor that can scroll keeps what it has
 * read, one that cannot only what the last FETCH gave. The row that WHERE CURRENT OF means is found by ctids
 * that travel along behind the visible columns. */
#include "backend/session/cursor.h"

#include "backend/exec/row_store.h"
#include "backend/plan/plan.h"
#include "backend/session/session_int.h"

static Cursor *
find_cursor(const Session *s, const char *name)
{
    for (Cursor *c = s->cursors; c != NULL; c = c->next) {
        if (strcmp(c->name, name) == 0)
            return c;
    }
    return NULL;
}

static Status
need_cursor(Session *s, const char *name, Cursor **out)
{
    *out = find_cursor(s, name);
    if (*out == NULL)
        return fail(s->cx, ST_ERROR, "34000", "cursor \"%s\" does not exist", name);
    return ST_OK;
}

static void
stop(Cursor *c)
{
    exec_close(c->execution);
    c->execution = NULL;
}

static void
drop(Session *s, Cursor *c)
{
    Arena arena = c->arena; /* c lies in it */

    for (Cursor **at = &s->cursors; *at != NULL; at = &(*at)->next) {
        if (*at == c) {
            *at = c->next;
            break;
        }
    }
    stop(c);
    row_store_free(c->store);
    arena_free(&arena);
}

/* ---- DECLARE ------------------------------------------------------------------------------------------------- */

/* Plans that PostgreSQL can run backwards: what a cursor that says neither SCROLL nor NO SCROLL is. */
static Status
runs_backward(Ctx *cx, const Plan *p, bool *out)
{
    TRY(ctx_check_stack(cx));
    switch (p->kind) {
    case PLAN_SCAN:
    case PLAN_INDEX_SCAN:
    case PLAN_ROWS_SCAN:
    case PLAN_FUNCTION:
    case PLAN_VALUES:
    case PLAN_CTE_SCAN:
    case PLAN_SORT: *out = true; return ST_OK;
    case PLAN_PROJECT:
    case PLAN_FILTER:
    case PLAN_SUBQUERY:
    case PLAN_LIMIT: return runs_backward(cx, p->left, out);
    case PLAN_APPEND:
        *out = true;
        for (int i = 0; i < p->append.count && *out; i++)
            TRY(runs_backward(cx, p->append.inputs[i], out));
        return ST_OK;
    default: *out = false; return ST_OK;
    }
}

static Status
check_options(Session *s, const AstCursor *a, const Query *q)
{
    static const char *const strengths[] = {"", "FOR KEY SHARE", "FOR SHARE", "FOR NO KEY UPDATE",
                                            "FOR UPDATE"};
    const char *strength = q->mark_count > 0 ? strengths[q->marks[0].strength] : NULL;

    if (strength != NULL && a->with_hold) {
        (void)fail(s->cx, ST_ERROR, "0A000", "DECLARE CURSOR WITH HOLD ... %s is not supported", strength);
        fail_detail(s->cx, "Holdable cursors must be READ ONLY.");
        return ST_ERROR;
    }
    if (strength != NULL && a->scroll) {
        (void)fail(s->cx, ST_ERROR, "0A000", "DECLARE SCROLL CURSOR ... %s is not supported", strength);
        fail_detail(s->cx, "Scrollable cursors must be READ ONLY.");
        return ST_ERROR;
    }
    if (strength != NULL && a->insensitive) {
        (void)fail(s->cx, ST_ERROR, "42P11", "DECLARE INSENSITIVE CURSOR ... %s is not valid", strength);
        fail_detail(s->cx, "Insensitive cursors must be READ ONLY.");
        return ST_ERROR;
    }
    return ST_OK;
}

/* Every row comes from one row of each table of FROM: their ctids can travel along. */
static bool
has_row_identity(const Query *q)
{
    return q->set_op == SETOP_NONE && q->group_count == 0 && !q->has_aggregates && !q->distinct &&
           q->distinct_on_count == 0 && !q->has_series;
}

static void
add_row_identity(Arena *a, Query *q)
{
    TargetEntry *targets = arena_array(a, TargetEntry, q->target_count + q->range_count * 2 + 1);

    if (q->target_count > 0)
        memcpy(targets, q->targets, sizeof(*targets) * (size_t)q->target_count);
    q->targets = targets;
    for (int i = 0; i < q->range_count; i++) {
        static const int columns[] = {COLUMN_CTID, COLUMN_TABLEOID};
        RangeEntry *r = q->range[i];

        if (r->kind != RANGE_TABLE || r->table->kind != TABLE_HEAP)
            continue;
        r->used_ctid = r->used_system = true;
        for (size_t k = 0; k < COUNT_OF(columns); k++) {
            Expr *e = expr_new(a, EXPR_COLUMN, columns[k] == COLUMN_CTID ? TYPE_TID : TYPE_OID, -1, -1);

            e->column.rel = i;
            e->column.column = columns[k];
            targets[q->target_count++] = (TargetEntry){.expr = e, .name = "?column?", .junk = true};
        }
    }
}

/* The tree has to live as long as the plan: the text is parsed again into the cursor's own memory. */
static Status
plan_cursor(Session *s, Cursor *c, const AstCursor *a)
{
    Ctx *cx = s->cx;
    AstStatement *statements;
    int count;
    const AstCursor *again;
    Query *q;

    TRY(parse_sql(cx, &c->arena, c->sql, &statements, &count));
    ASSERT(s->statement_no < count && statements[s->statement_no].ast->kind == AST_DECLARE_CURSOR);
    again = (const AstCursor *)statements[s->statement_no].ast;
    if (again->query->kind != AST_SELECT)
        return fail(cx, ST_ERROR, "42601", "DECLARE CURSOR can only be used with a query");
    TRY(bind_statement(cx, &c->arena, NULL, again->query, &q));
    TRY(check_options(s, a, q));
    c->scroll = a->scroll;
    if (has_row_identity(q))
        add_row_identity(&c->arena, q);
    TRY(plan_query(cx, &c->arena, q, &c->plan));
    if (c->plan->writes)
        return fail(cx, ST_ERROR, "0A000", "DECLARE CURSOR must not contain data-modifying statements in WITH");
    if (!a->scroll && !a->no_scroll && !c->plan->locks_rows)
        TRY(runs_backward(cx, c->plan->plan, &c->scroll));
    TRY(session_check_read_only(s, c->plan));
    s->snapshot_taken = true;
    TRY(exec_open(cx, &c->arena, c->plan, NULL, 0, &c->execution));
    return exec_start(c->execution);
}

Status
cursor_declare(Session *s, const AstCursor *a, const char *sql)
{
    Ctx *cx = s->cx;
    Portal *portal;
    Cursor *c;
    Arena arena, *saved = cx->arena;
    Status rc;

    if (!a->with_hold && s->state != TRANSACTION_BLOCK && s->statement_count < 2)
        return fail(cx, ST_ERROR, "25P01", "DECLARE CURSOR can only be used in transaction blocks");
    if (find_cursor(s, a->name) != NULL)
        return fail(cx, ST_ERROR, "42P03", "cursor \"%s\" already exists", a->name);
    if (session_find_portal(s, a->name, &portal) == ST_OK)
        return fail(cx, ST_ERROR, "42P03", "cursor \"%s\" already exists", a->name);
    ctx_error_clear(cx);
    arena_init(&arena, "cursor", &s->budget);
    c = arena_new(&arena, Cursor);
    c->arena = arena;
    c->name = arena_strdup(&c->arena, a->name);
    c->sql = arena_strdup(&c->arena, sql);
    c->hold = a->with_hold;
    c->binary = a->binary;
    c->level = s->savepoint_count;
    c->declared_at = s->format.statement_now;
    c->store = arena_new(&c->arena, RowStore);
    c->next = s->cursors;
    s->cursors = c;
    cx->arena = &c->arena;
    rc = plan_cursor(s, c, a);
    if (rc == ST_OK) {
        row_store_init(c->store, cx, "cursor rows", c->plan->plan->outputs, c->plan->plan->output_count);
        row_store_limit(c->store);
    }
    cx->arena = saved;
    if (rc != ST_OK)
        drop(s, c);
    return rc;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* Reads on until row `upto` is there or there are no more. */
static Status
read_upto(Cursor *c, uint64_t upto)
{
    Status rc = ST_OK;

    if (c->complete || upto <= c->read)
        return ST_OK;
    if (!c->scroll && c->position >= c->read) { /* nobody can come back to these */
        row_store_clear(c->store);
        c->first = c->read;
    }
    while (rc == ST_OK && !c->complete && c->read < upto) {
        Batch *batch;

        rc = exec_next(c->execution, upto - c->read, &batch);
        if (rc == ST_OK && batch == NULL)
            c->complete = true;
        else if (rc == ST_OK)
            rc = row_store_append(c->store, batch);
        if (rc == ST_OK && batch != NULL)
            c->read += batch->rows.count;
    }
    TRY(rc);
    if (c->complete)
        stop(c);
    return ST_OK;
}

static Status
emit(Session *s, const Cursor *c, uint64_t from, uint64_t count, bool backward, Sink *sink)
{
    Arena *a = &s->message;
    int width = c->plan->plan->output_count;

    for (uint64_t done = 0; done < count;) {
        uint32_t n = (uint32_t)MIN_OF(count - done, (uint64_t)BATCH_ROWS);
        ArenaMark mark = arena_mark(a);
        uint64_t *rows = arena_alloc(a, sizeof(*rows) * n);
        Vector *columns = arena_array(a, Vector, MAX_OF(width, 1));
        Batch batch = {columns, width, {NULL, n}, n};

        for (uint32_t i = 0; i < n; i++) {
            uint64_t row = backward ? from - done - i : from + done + i;

            rows[i] = row - c->first - 1;
        }
        TRY(row_store_gather(c->store, a, rows, n, columns));
        TRY(sink->rows(sink, s->cx, &batch, c->plan->columns, c->plan->column_count));
        done += n;
        if (mark.chunk != NULL)
            arena_rewind(a, mark);
    }
    return ST_OK;
}

static Status
fail_backward(Session *s)
{
    (void)fail(s->cx, ST_ERROR, "55000", "cursor can only scan forward");
    fail_hint(s->cx, "Declare it with SCROLL option to enable backward scan.");
    return ST_ERROR;
}

/* Rows the statement gives: [from, from + count) or, backward, from, from - 1, ...; moves the position. */
typedef struct Step {
    uint64_t from, count;
    bool backward;
} Step;

static Status
step_forward(Cursor *c, uint64_t count, Step *out)
{
    uint64_t last = count > UINT64_MAX - c->position ? UINT64_MAX : c->position + count;

    TRY(read_upto(c, last));
    out->from = c->position + 1;
    out->count = c->position >= c->read ? 0 : MIN_OF(c->read, last) - c->position;
    c->position = last > c->read ? c->read + 1 : last;
    return ST_OK;
}

static Status
step_backward(Session *s, Cursor *c, uint64_t count, Step *out)
{
    uint64_t above = c->position - (c->position > 0); /* rows before the current one */

    if (!c->scroll)
        return fail_backward(s);
    out->backward = true;
    out->from = above;
    out->count = MIN_OF(above, count);
    c->position = count > above ? 0 : c->position - count;
    return ST_OK;
}

/* Puts the cursor on row `to` and gives it. */
static Status
step_to(Session *s, Cursor *c, uint64_t to, Step *out)
{
    if (!c->scroll && to <= c->position && c->position > 0)
        return fail_backward(s);
    TRY(read_upto(c, to));
    out->from = to;
    out->count = to >= 1 && to <= c->read ? 1 : 0;
    c->position = to > c->read ? c->read + 1 : to;
    return ST_OK;
}

static bool
on_row(const Cursor *c)
{
    return c->position > 0 && c->position <= c->read;
}

static Status
step_absolute(Session *s, Cursor *c, int64_t n, Step *out)
{
    if (n >= 0)
        return step_to(s, c, (uint64_t)n, out);
    if (!c->scroll)
        return fail_backward(s);
    TRY(read_upto(c, UINT64_MAX));
    return step_to(s, c, (uint64_t)-n > c->read ? 0 : c->read + 1 - (uint64_t)-n, out);
}

static Status
step_relative(Session *s, Cursor *c, int64_t n, Step *out)
{
    Step skipped = {0};

    if (n == 0) {
        if (!on_row(c))
            return ST_OK;
        return c->scroll ? step_to(s, c, c->position, out) : fail_backward(s);
    }
    if (n > 0) {
        if (n > 1)
            TRY(step_forward(c, (uint64_t)n - 1, &skipped));
        return step_forward(c, 1, out);
    }
    if (n < -1)
        TRY(step_backward(s, c, (uint64_t) - (n + 1), &skipped));
    return step_backward(s, c, 1, out);
}

static Status
take_step(Session *s, Cursor *c, const AstCursor *a, Step *out)
{
    bool all = a->how_many == INT64_MAX;
    int64_t n = a->how_many;

    switch (a->direction) {
    case FETCH_WAY_FORWARD:
    case FETCH_WAY_BACKWARD:
        if (n == 0)
            return step_relative(s, c, 0, out);
        if ((a->direction == FETCH_WAY_FORWARD) == (n > 0))
            return step_forward(c, all ? UINT64_MAX : n > 0 ? (uint64_t)n : (uint64_t)-n, out);
        return step_backward(s, c, all ? UINT64_MAX : n > 0 ? (uint64_t)n : (uint64_t)-n, out);
    case FETCH_WAY_ABSOLUTE: return step_absolute(s, c, n, out);
    default: ASSERT(a->direction == FETCH_WAY_RELATIVE); return step_relative(s, c, n, out);
    }
}

Status
cursor_fetch(Session *s, const AstCursor *a, Sink *sink, const char **tag)
{
    Step step = {0};
    Cursor *c;
    Status rc = ST_OK;

    TRY(need_cursor(s, a->name, &c));
    if (c->failed)
        return fail(s->cx, ST_ERROR, "55000", "portal \"%s\" cannot be run", c->name);
    sink->binary = c->binary;
    TRY_TO(out, rc, take_step(s, c, a, &step));
    if (!a->is_move)
        TRY_TO(out, rc, sink->describe(sink, s->cx, c->plan->columns, c->plan->column_count));
    if (!a->is_move)
        TRY_TO(out, rc, emit(s, c, step.from, step.count, step.backward, sink));
    *tag = arena_printf(&s->message, "%s %llu", a->is_move ? "MOVE" : "FETCH", (unsigned long long)step.count);
out:
    sink->binary = false;
    if (rc != ST_OK) { /* where it stands is not known any more */
        c->failed = true;
        stop(c);
    }
    return rc;
}

Status
cursor_columns(Session *s, const AstCursor *a, ResultColumn **columns, int *count)
{
    Cursor *c = find_cursor(s, a->name);

    *columns = NULL;
    *count = -1;
    if (a->is_move || c == NULL) /* FETCH itself will say that there is none */
        return ST_OK;
    *columns = arena_memdup(s->cx->arena, c->plan->columns, sizeof(**columns) * (size_t)c->plan->column_count);
    for (int i = 0; i < c->plan->column_count; i++)
        (*columns)[i].name = arena_strdup(s->cx->arena, c->plan->columns[i].name);
    *count = c->plan->column_count;
    return ST_OK;
}

/* ---- the end --------------------------------------------------------------------------------------------------------- */

Status
cursor_close(Session *s, const AstCursor *a, const char **tag)
{
    Cursor *c;

    *tag = a->name == NULL ? "CLOSE CURSOR ALL" : "CLOSE CURSOR";
    if (a->name == NULL) {
        cursors_close_all(s);
        return ST_OK;
    }
    TRY(need_cursor(s, a->name, &c));
    drop(s, c);
    return ST_OK;
}

void
cursors_close_all(Session *s)
{
    while (s->cursors != NULL)
        drop(s, s->cursors);
}

bool
cursors_running(const Session *s)
{
    for (const Cursor *c = s->cursors; c != NULL; c = c->next) {
        if (c->execution != NULL)
            return true;
    }
    return false;
}

Status
cursors_before_commit(Session *s)
{
    for (Cursor *c = s->cursors, *next; c != NULL; c = next) {
        next = c->next;
        if (c->held)
            continue;
        if (!c->hold || c->failed) {
            drop(s, c);
            continue;
        }
        TRY(read_upto(c, UINT64_MAX));
        stop(c);
        c->held = true;
        c->level = 0;
    }
    return ST_OK;
}

void
cursors_roll_back(Session *s, int level)
{
    for (Cursor *c = s->cursors, *next; c != NULL; c = next) {
        next = c->next;
        if (!c->held && c->level >= level)
            drop(s, c);
    }
}

/* ---- WHERE CURRENT OF ----------------------------------------------------------------------------------------------- */

/* The ctid of the cursor's row in the table; errors as PostgreSQL's. */
static Status
current_of(FnCall *call, const Value *args, Value *out)
{
    Ctx *cx = call->cx;
    const char *name = arena_strndup(cx->arena, args[0].var.data, args[0].var.bytes);
    Cursor *c = find_cursor(cx->session, name);
    const TableInfo *t;

    if (c == NULL)
        return fail(cx, ST_ERROR, "34000", "cursor \"%s\" does not exist", name);
    if (c->held)
        return fail(cx, ST_ERROR, "24000", "cursor \"%s\" is held from a previous transaction", name);
    for (int i = c->plan->column_count; i + 1 < c->plan->plan->output_count; i++) {
        const Expr *ctid = c->plan->plan->outputs[i];
        Value table;

        if (ctid->kind != EXPR_COLUMN || ctid->type != TYPE_TID ||
            c->plan->plan->outputs[i + 1]->kind != EXPR_COLUMN ||
            c->plan->plan->outputs[i + 1]->type != TYPE_OID)
            continue;
        if (!on_row(c))
            return fail(cx, ST_ERROR, "24000", "cursor \"%s\" is not positioned on a row", name);
        TRY(row_store_get(c->store, cx->arena, c->position - c->first - 1, i + 1, &table));
        if (table.is_null || table.u32 != args[1].u32)
            continue;
        return row_store_get(c->store, cx->arena, c->position - c->first - 1, i, out);
    }
    TRY(catalog_table_by_oid(cx, args[1].u32, LOCK_NONE, &t));
    return fail(cx, ST_ERROR, "24000", "cursor \"%s\" is not a simply updatable scan of table \"%s\"", name,
                t != NULL ? t->name : "?");
}

const FnInfo current_of_fn = {
    .name = "current_of",
    .result = TYPE_TID,
    .arg_count = 2,
    .args = {TYPE_TEXT, TYPE_OID},
    .kind = 'f',
    .volatility = 's',
    .strict = true,
    .can_raise = true,
    .scalar = current_of,
};
