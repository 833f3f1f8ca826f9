/* op_sort.c - ORDER BY (row_sort.h does it). */
#include "backend/exec/exec_int.h"

#include "backend/exec/row_sort.h"

typedef struct SortOp {
    Op op;
    RowSort sort;
    bool sorted;
} SortOp;

static Status
sort_fill(SortOp *s)
{
    Op *op = &s->op;

    for (;;) {
        Batch *in;

        arena_reset(&op->scratch);
        TRY(op_next(op->left, UINT64_MAX, &in));
        if (in == NULL)
            break;
        TRY(row_sort_add(&s->sort, in));
    }
    TRY(row_sort_finish(&s->sort));
    s->sorted = true;
    if (UNLIKELY(op->count != NULL)) {
        bool external = row_sort_is_external(&s->sort);

        op->count->method = external                        ? "external merge"
                            : row_sort_is_bounded(&s->sort) ? "top-N heapsort"
                                                            : "quicksort";
        op->count->memory_bytes = s->sort.most_bytes;
        op->count->disk_bytes = external ? row_runs_bytes(&s->sort.runs) : 0;
    }
    return ST_OK;
}

static Status
sort_next(Op *op, uint64_t budget, Batch **out)
{
    SortOp *s = (SortOp *)op;

    *out = NULL;
    if (!s->sorted)
        TRY(sort_fill(s));
    arena_reset(&op->scratch);
    TRY(row_sort_next(&s->sort, &op->scratch, (uint32_t)MIN_OF(budget, (uint64_t)BATCH_ROWS), &op->out, NULL));
    if (op->out.rows.count > 0)
        *out = &op->out;
    return ST_OK;
}

static Status
sort_rewind(Op *op)
{
    SortOp *s = (SortOp *)op;

    row_sort_clear(&s->sort);
    s->sorted = false;
    return op_rewind(op->left);
}

static void
sort_close(Op *op)
{
    row_sort_free(&((SortOp *)op)->sort);
}

static const OpClass sort_class = {.next = sort_next, .rewind = sort_rewind, .close = sort_close};

void
sort_set_bound(Op *op, uint64_t rows)
{
    if (op->class == &sort_class)
        ((SortOp *)op)->sort.bound = rows;
}

Status
sort_op(Execution *e, const Plan *plan, Op **out)
{
    SortOp *s = OP_NEW(e, plan, SortOp, &sort_class);
    KeyPart *parts = arena_array(e->arena, KeyPart, plan->sort.key_count + 1);
    int *slots = arena_array(e->arena, int, plan->sort.key_count + 1);

    for (int i = 0; i < plan->sort.key_count; i++) {
        const SortSlot *k = &plan->sort.keys[i];

        parts[i] = (KeyPart){type_by_oid(plan->outputs[k->slot]->type), k->descending, k->nulls_first};
        slots[i] = k->slot;
    }
    row_sort_init(&s->sort, e->cx, "sort", plan->outputs, plan->output_count, parts, slots,
                  plan->sort.key_count);
    *out = &s->op;
    return op_children(*out);
}
