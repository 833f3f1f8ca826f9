/* heap_describe.c - heap records and pages in words (storage/recover/describe.h). */
#include "base/bytes.h"
#include "storage/heap/heap_record.h"
#include "storage/recover/describe.h"

/* ---- records ----------------------------------------------------------------------------------------------------- */

void
heap_describe_init(const uint8_t *data, uint32_t bytes, Buf *out)
{
    HeapShape shape = {0};

    if (bytes < offsetof(HeapShape, desc)) {
        describe_bytes(data, bytes, out);
        return;
    }
    memcpy(&shape, data, offsetof(HeapShape, desc));
    buf_printf(out, "%u columns, %u of them variable, %u slots", shape.columns, shape.var_columns,
               shape.capacity);
}

static void
describe_mark(const HeapMarkRecord *m, Buf *out)
{
    buf_printf(out, "slot %u deleter ", m->slot);
    describe_word(NULL, m->deleter, out);
    buf_printf(out, " companion %u flags %02x next %u", m->companion, m->flags, m->next);
}

void
heap_describe_insert(const uint8_t *data, uint32_t bytes, Buf *out)
{
    HeapRowRecord row;

    if (!describe_head(data, bytes, &row, sizeof(row), out))
        return;
    buf_printf(out, "slot %u root %u creator ", row.slot, row.root);
    describe_word(NULL, row.creator, out);
    buf_printf(out, " companion %u flags %02x", row.companion, row.flags);
    if (row.base != 0)
        buf_printf(out, " from slot %u", row.base);
    buf_add_text(out, ", ");
    describe_bytes(data + sizeof(row), bytes - (uint32_t)sizeof(row), out);
}

void
heap_describe_insert_run(const uint8_t *data, uint32_t bytes, Buf *out)
{
    HeapRunRecord run;

    if (!describe_head(data, bytes, &run, sizeof(run), out))
        return;
    buf_printf(out, "slots %u to %u creator ", run.slot, run.slot + run.count - 1u);
    describe_word(NULL, run.creator, out);
    buf_printf(out, " companion %u, ", run.companion);
    describe_bytes(data + sizeof(run), bytes - (uint32_t)sizeof(run), out);
}

void
heap_describe_mark(const uint8_t *data, uint32_t bytes, Buf *out)
{
    HeapMarkRecord mark;

    if (!describe_whole(data, bytes, &mark, sizeof(mark), out))
        return;
    describe_mark(&mark, out);
}

void
heap_describe_update(const uint8_t *data, uint32_t bytes, Buf *out)
{
    HeapMarkRecord mark;

    if (!describe_head(data, bytes, &mark, sizeof(mark), out))
        return;
    describe_mark(&mark, out);
    buf_add_text(out, "; ");
    heap_describe_insert(data + sizeof(mark), bytes - (uint32_t)sizeof(mark), out);
}

void
heap_describe_undo(const uint8_t *data, uint32_t bytes, Buf *out)
{
    if (bytes == 1)
        buf_printf(out, "slot %u", data[0]);
    else
        describe_bytes(data, bytes, out);
}

void
heap_describe_prune(const uint8_t *data, uint32_t bytes, Buf *out)
{
    static const char *const names[] = {[HEAP_STEP_NEXT] = "next",
                                        [HEAP_STEP_MOVE] = "move",
                                        [HEAP_STEP_STUB] = "stub",
                                        [HEAP_STEP_FREE] = "free"};

    if (bytes < 1 || (bytes - 1) % sizeof(HeapStep) != 0) {
        describe_bytes(data, bytes, out);
        return;
    }
    buf_add_text(out, data[0] != 0 ? "compacts" : "does not compact");
    for (uint32_t at = 1; at < bytes; at += sizeof(HeapStep)) {
        HeapStep step;

        memcpy(&step, data + at, sizeof(step));
        buf_printf(out, ", %s %u", step.kind < COUNT_OF(names) ? names[step.kind] : "?", step.a);
        if (step.kind == HEAP_STEP_NEXT || step.kind == HEAP_STEP_MOVE)
            buf_printf(out, " to %u", step.b);
    }
}

void
heap_describe_image(const uint8_t *data, uint32_t bytes, Buf *out)
{
    HeapPage head;

    if (!describe_head(data, bytes, &head, sizeof(head), out))
        return;
    buf_printf(out, "%u columns, %u slots, %u used, %u bytes", head.h.layout_version, head.capacity, head.used,
               bytes);
}

/* ---- pages ------------------------------------------------------------------------------------------------------- */

static void
describe_cells(const HeapPage *p, uint16_t i, Buf *out)
{
    static const char *const marks[] = {"", "compressed ", "out of line ", ""};

    for (uint16_t c = 0; c < p->h.layout_version; c++) {
        Cell cell;

        heap_page_cell(p, i, c, &cell);
        buf_printf(out, "    column %u: ", c + 1);
        if (cell.data == NULL) {
            buf_add_text(out, "null\n");
            continue;
        }
        buf_add_text(out, marks[cell_mark(&cell)]);
        describe_bytes(cell.data, cell_bytes(&cell), out);
        buf_add_char(out, '\n');
    }
}

static void
describe_slot(Ctx *cx, const HeapPage *p, uint16_t i, Buf *out)
{
    uint8_t flags = heap_flags(p)[i];

    buf_printf(out, "  slot %u: ", i + 1);
    if (heap_root(p)[i] == 0) {
        buf_add_text(out, "free\n");
        return;
    }
    if (flags & SLOT_STUB) {
        buf_add_text(out, "stub\n");
        return;
    }
    buf_printf(out, "root %u, next %u, flags %02x, creator ", heap_root(p)[i], heap_next(p)[i], flags);
    describe_word(cx, heap_creators(p)[i], out);
    buf_printf(out, " / %u, deleter ", heap_creator_companions(p)[i]);
    describe_word(cx, heap_deleters(p)[i], out);
    buf_printf(out, " / %u%s\n", heap_deleter_companions(p)[i], flags & SLOT_LOCK_ONLY ? " (row lock)" : "");
    describe_cells(p, i, out);
}

void
heap_describe_page(Ctx *cx, const char *page, Buf *out)
{
    const HeapPage *p = (const HeapPage *)(const void *)page;
    uint32_t slot;
    const char *fault = heap_page_fault(p, &slot);

    buf_printf(out,
               "%u slots, %u used, %u of them free; arrays end at %u, variable parts begin at %u, %u of their "
               "bytes dead\n",
               p->capacity, p->used, p->free_slots, p->fixed_end, p->var_low, p->var_dead);
    if (fault != NULL) {
        buf_printf(out, "damaged, slot %u: %s\n", slot, fault);
        return;
    }
    for (uint16_t i = 0; i < p->used; i++)
        describe_slot(cx, p, i, out);
}
