/* subplan.c - scalar subqueries, EXISTS, IN, ARRAY(...).
 *
 * A subquery that needs nothing from the row is run once for each execution and its answer kept; an
 * IN over it keeps a set (key_set.h). Others run again for each row, with the row's values handed down. */
#include "backend/exec/subplan.h"

#include "backend/exec/arrays.h"
#include "backend/exec/key.h"
#include "backend/exec/key_set.h"

struct SubplanState {
    const Subplan *plan;
    Op *op;
    Arena arena; /* the kept answer */
    bool started; /* op has been run: it must be rewound */
    bool known;
    Value answer;
    /* hashed IN */
    bool hashed, has_null;
    KeySet set;
};

static Status
subplan_state(Execution *e, int no, SubplanState **out)
{
    SubplanState *s = e->subplans[no];

    if (s == NULL) {
        s = arena_new(e->arena, SubplanState);
        s->plan = e->query->subplans[no];
        arena_init(&s->arena, "subquery", e->cx->arena->budget);
        key_set_init(&s->set, e->cx, "subquery");
        e->subplans[no] = s;
        TRY(op_new(e, s->plan->plan, &s->op));
    }
    *out = s;
    return ST_OK;
}

void
subplan_close(SubplanState *s)
{
    if (s == NULL)
        return;
    arena_free(&s->arena);
    key_set_free(&s->set);
}

static Status
start(SubplanState *s)
{
    if (s->started)
        TRY(op_rewind(s->op));
    s->started = true;
    return ST_OK;
}

static Value
first_column(const Batch *b, uint32_t k)
{
    uint32_t row = rows_at(b->rows, k);

    return vector_is_null(&b->columns[0], row) ? value_null() : vector_get(&b->columns[0], row);
}

static Status
run_exists(SubplanState *s, Value *out)
{
    Batch *b;

    TRY(start(s));
    TRY(op_next(s->op, 1, &b));
    *out = value_bool(b != NULL);
    return ST_OK;
}

static Status
run_scalar(Execution *e, SubplanState *s, Value *out)
{
    Batch *b;

    TRY(start(s));
    TRY(op_next(s->op, 2, &b));
    *out = value_null();
    if (b == NULL)
        return ST_OK;
    if (b->rows.count == 1) {
        *out = first_column(b, 0);
        *out = out->is_null ? *out : value_copy(e->cx->arena, *out);
        TRY(op_next(s->op, 1, &b));
    }
    if (b != NULL)
        return fail(e->cx, ST_ERROR, "21000", "more than one row returned by a subquery used as an expression");
    return ST_OK;
}

static Status
run_array(Execution *e, SubplanState *s, Oid type, Value *out)
{
    Value *items = NULL;
    int count = 0, capacity = 0;
    bool nested = s->plan->type == type;

    TRY(start(s));
    for (;;) {
        Batch *b;

        TRY(op_next(s->op, UINT64_MAX, &b));
        if (b == NULL)
            break;
        if (count + (int)b->rows.count > capacity) {
            int more = MAX_OF(capacity * 2, count + (int)b->rows.count);
            Value *bigger = arena_try_alloc(e->cx->arena, sizeof(Value) * (size_t)more);

            if (bigger == NULL)
                return fail_memory(e->cx, sizeof(Value) * (size_t)more);
            if (count > 0)
                memcpy(bigger, items, sizeof(Value) * (size_t)count);
            items = bigger;
            capacity = more;
        }
        for (uint32_t k = 0; k < b->rows.count; k++) {
            Value v = first_column(b, k);

            items[count++] = v.is_null ? v : value_copy(e->cx->arena, v);
        }
    }
    return nested ? array_make_nested(e->cx, type_by_oid(type)->elem, items, count, out)
                  : array_make(e->cx, type_by_oid(type)->elem, items, count, out);
}

static Status
compare_values(Execution *e, const Subplan *p, const Value *left, const Value *right, Value *out)
{
    const OperInfo *o = p->oper;
    Oid types[2] = {o->left, o->right};
    Value args[2] = {*left, *right};

    return fn_call_value(e->cx, fn_by_oid(o->fn), types, args, 2, TYPE_BOOL, out);
}

/* test op ANY/ALL (rows): null if nothing decided it and a comparison was null. */
static Status
run_compare(Execution *e, SubplanState *s, const Value *test, Value *out)
{
    bool decided = s->plan->kind == SUBLINK_ANY, null_seen = false;

    TRY(start(s));
    for (;;) {
        Batch *b;

        TRY(op_next(s->op, BATCH_ROWS, &b));
        if (b == NULL)
            break;
        for (uint32_t k = 0; k < b->rows.count; k++) {
            Value v = first_column(b, k), c;

            TRY(compare_values(e, s->plan, test, &v, &c));
            null_seen |= c.is_null;
            if (!c.is_null && c.b == decided) {
                *out = value_bool(decided);
                return ST_OK;
            }
        }
    }
    *out = null_seen ? value_null() : value_bool(!decided);
    return ST_OK;
}

/* ---- hashed IN ------------------------------------------------------------------------------------------------ */

/* Keys of the rows that are not null, each with its place in `rows`. */
static Status
make_keys(SubplanState *s, Arena *a, Oid type, const Vector *v, Rows rows, KeyItem **keys, uint32_t *count)
{
    const TypeInfo *info = type_by_oid(type);

    ASSERT(rows.count <= BATCH_ROWS);
    *keys = arena_alloc(a, sizeof(**keys) * MAX_OF(rows.count, UINT32_C(1)));
    *count = 0;
    for (uint32_t k = 0; k < rows.count; k++) {
        uint32_t row = rows_at(rows, k);
        Value value;

        if (vector_is_null(v, row))
            continue;
        value = vector_get(v, row);
        key_append_hash(info, &value, key_set_begin(&s->set));
        TRY(key_set_end(&s->set, a, k, &(*keys)[*count]));
        (*count)++;
    }
    return ST_OK;
}

static Status
build_set(Execution *e, SubplanState *s)
{
    Arena keys;
    Status rc;

    arena_init(&keys, "subquery", e->cx->arena->budget);
    TRY_TO(out, rc, start(s));
    for (;;) {
        KeyItem *items;
        uint32_t count;
        Batch *in;

        TRY_TO(out, rc, op_next(s->op, BATCH_ROWS, &in));
        if (in == NULL)
            break;
        arena_reset(&keys);
        TRY_TO(out, rc, make_keys(s, &keys, s->plan->type, &in->columns[0], in->rows, &items, &count));
        s->has_null |= count < in->rows.count;
        TRY_TO(out, rc, key_set_add(&s->set, &keys, items, count, NULL));
    }
    s->hashed = true;
out:
    arena_free(&keys);
    return rc;
}

/* All rows at once: keys that have left memory are looked for in their order. */
static Status
run_hashed(Execution *e, SubplanState *s, const Expr *x, const Vector *test, const Batch *in, Rows rows,
           Vector *result)
{
    Arena *a = e->cx->arena;
    bool *found = arena_zalloc(a, BATCH_ROWS);
    KeyItem *items;
    uint32_t count;

    if (rows.count == 0)
        return ST_OK;
    if (!s->hashed)
        TRY(build_set(e, s));
    TRY(make_keys(s, a, x->subquery.test->type, test, rows, &items, &count));
    TRY(key_set_find(&s->set, a, items, count, found));
    for (uint32_t k = 0; k < rows.count; k++) {
        uint32_t row = rows_at(rows, k);
        bool unknown = s->has_null || (vector_is_null(test, row) && !key_set_is_empty(&s->set));

        vector_set(result, a, row, in->capacity, found[k] || !unknown ? value_bool(found[k]) : value_null());
    }
    return ST_OK;
}

/* ---- one column of answers --------------------------------------------------------------------------------------- */

static Status
answer(Execution *e, SubplanState *s, const Expr *x, const Value *test, Value *out)
{
    switch (s->plan->kind) {
    case SUBLINK_EXISTS: return run_exists(s, out);
    case SUBLINK_SCALAR: return run_scalar(e, s, out);
    case SUBLINK_ARRAY: return run_array(e, s, x->type, out);
    default: return run_compare(e, s, test, out);
    }
}

Status
subplan_eval(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out)
{
    SubplanState *s;
    Vector *test = NULL, *result = arena_new(e->cx->arena, Vector);
    Phys phys = type_by_oid(x->type)->phys;

    TRY(subplan_state(e, x->subquery.plan_no, &s));
    if (x->subquery.test != NULL)
        TRY(eval(e, x->subquery.test, in, rows, &test));
    if (s->plan->arg_count == 0 && test == NULL) { /* the same for all */
        if (!s->known) {
            TRY(answer(e, s, x, NULL, &s->answer));
            s->answer = s->answer.is_null ? s->answer : value_copy(&s->arena, s->answer);
            s->known = true;
        }
        vector_of(result, e->cx->arena, &s->answer, phys);
        *out = result;
        return ST_OK;
    }
    vector_init(result, e->cx->arena, phys, in->capacity);
    *out = result;
    if (s->plan->hashable && type_by_oid(s->plan->type)->key_encode != NULL)
        return run_hashed(e, s, x, test, in, rows, result);
    for (uint32_t k = 0; k < rows.count; k++) {
        uint16_t row = (uint16_t)rows_at(rows, k);
        Value t = value_null(), v;
        Vector one;

        if (test != NULL && !vector_is_null(test, row))
            t = vector_get(test, row);
        TRY(set_outer(e, s->plan->args, s->plan->arg_count, in, row));
        TRY(answer(e, s, x, &t, &v));
        vector_of(&one, e->cx->arena, &v, v.is_null ? (Phys)result->phys : (Phys)v.phys);
        TRY(vector_put(e->cx, result, in->capacity, &one, row));
    }
    return ST_OK;
}
