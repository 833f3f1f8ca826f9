/* heap_record.h - log records of heap pages: how they are gathered, for the sources of this folder. The
 * functions that redo them are in heap_redo.c. Layouts are part of the log format (doc/format/wal.md). */
#ifndef HEAP_RECORD_H
#define HEAP_RECORD_H
#include "storage/heap/heap_int.h"
#include "storage/wal/page_change.h"

/* The header of a version's deletion, as it is afterwards. */
typedef struct HeapMarkRecord {
    uint64_t deleter;
    uint32_t companion;
    uint8_t slot, flags, next, spare;
} HeapMarkRecord;
static_assert(sizeof(HeapMarkRecord) == 16, "part of the log format");

/* A new version, followed by: which array columns have a value here (only with a base: the others are as in
 * its slot), null bits of the columns that have a bitmap, values of the array columns that are not null, and
 * the variable part: length, bytes equal at its start and end to the base's (u16 each, the latter two
 * only with a base), and the bytes between. */
typedef struct HeapRowRecord {
    uint64_t creator;
    uint32_t companion;
    uint8_t slot, root, flags;
    uint8_t base; /* the slot of the version it was made from; 0 = none */
} HeapRowRecord;
static_assert(sizeof(HeapRowRecord) == 16, "part of the log format");

/* New rows of one command in slots one after the other, each its own root, followed by: their flags (u8 each); for each array
 * column null bits, if it has a bitmap, and the values as they lie in the array; and, if the page has variable parts, the length of
 * each row's (u16) and all of them as they lie on the page, the last row's first. */
typedef struct HeapRunRecord {
    uint64_t creator;
    uint32_t companion;
    uint8_t slot, count, spare[2]; /* the first one's; how many */
} HeapRunRecord;
static_assert(sizeof(HeapRunRecord) == 16, "part of the log format");

/* A step of pruning. Done in order: where variable parts lie depends on it. */
typedef enum HeapStepKind {
    HEAP_STEP_NEXT, /* a's next version is b */
    HEAP_STEP_MOVE, /* the version in a goes to the root slot b */
    HEAP_STEP_STUB, /* a becomes a stub */
    HEAP_STEP_FREE, /* a becomes free */
} HeapStepKind;
typedef struct HeapStep {
    uint8_t kind, a, b;
} HeapStep;
enum { HEAP_STEPS_MOST = 3 * HEAP_SLOTS_MOST };
typedef struct HeapSteps {
    uint32_t count;
    HeapStep step[HEAP_STEPS_MOST];
} HeapSteps;
static inline void
heap_step_add(HeapSteps *s, HeapStepKind kind, uint32_t a, uint32_t b)
{
    ASSERT(s->count < HEAP_STEPS_MOST);
    s->step[s->count++] = (HeapStep){(uint8_t)kind, (uint8_t)a, (uint8_t)b};
}
/* heap_prune.c. `compact`: then the variable parts are moved together. */
void heap_page_apply_steps(HeapPage *p, const HeapStep *steps, uint32_t count, bool compact);

/* Each ends a change that page_change_begin has begun. */
void heap_end_init(Ctx *cx, PageRef *ref, const HeapShape *shape);
void heap_end_insert(Ctx *cx, PageRef *ref, uint16_t slot);
/* `count` rows from `slot` on; before the first of them the page's variable parts began at `var_low`. */
void heap_end_insert_run(Ctx *cx, PageRef *ref, uint16_t slot, uint32_t count, uint16_t var_low);
void heap_end_mark(Ctx *cx, PageRef *ref, uint16_t position);
/* `slot`: the new version of the one at `position`. */
void heap_end_update(Ctx *cx, PageRef *ref, uint16_t position, uint16_t slot);
void heap_end_undo(Ctx *cx, PageRef *ref, uint16_t position);
void heap_end_steps(Ctx *cx, PageRef *ref, const HeapSteps *steps, bool compact);
void heap_end_image(Ctx *cx, PageRef *ref);

#endif
