/* seq.c - sequences.
 *
 * The page's latch is all the protection it needs: values are handed out at once and are not taken
 * back by a rollback. */
#include "storage/seq/seq.h"

#include "storage/branch/page_own.h"
#include "storage/recover/describe.h"
#include "storage/recover/redo.h"
#include "storage/wal/page_change.h"
#include "storage/wal/wal.h"

typedef struct SeqPage {
    PageHeader h;
    SeqState state;
} SeqPage;

static Status
pin_sequence(Ctx *cx, BranchId branch, RelationId relation, bool make, PageRef *ref)
{
    CacheRel *cr = cache_rel(cx, branch, relation);
    SeqState none = {0};

    if (cr == NULL)
        return fail(cx, ST_CORRUPT, "XX001", "relation %u of branch %u has no storage", relation, branch);
    if (make && cache_rel_length(cr, FORK_MAIN) == 0) {
        TRY(frame_reserve(cx, CACHE_EXTEND_FRAMES, false));
        page_add(cx, cr, FORK_MAIN, ref);
        page_change_begin(cx, ref);
        page_header(ref->page)->magic = PAGE_MAGIC;
        page_header(ref->page)->kind = PAGE_KIND_SEQUENCE;
        page_change_end(cx, ref, RECORD_SEQ_SET, (const RecordPart[]){{&none, sizeof(none)}}, 1);
        page_unpin(cx, ref);
    }
    TRY(page_pin_own(cx, cr, FORK_MAIN, 0, ref));
    if (ref->page != NULL && page_is(ref->page, PAGE_KIND_SEQUENCE))
        return ST_OK;
    page_unpin(cx, ref);
    return fail(cx, ST_CORRUPT, "XX001", "relation %u of branch %u is not a sequence", relation, branch);
}

static void
set_state(Ctx *cx, PageRef *ref, const SeqState *state)
{
    SeqPage *p = (SeqPage *)(void *)ref->page;

    page_change_begin(cx, ref);
    p->state = *state;
    page_change_end(cx, ref, RECORD_SEQ_SET, (const RecordPart[]){{state, sizeof(*state)}}, 1);
}

bool
seq_redo_set(char *page, const uint8_t *data, uint32_t bytes)
{
    SeqPage *p = (SeqPage *)(void *)page;

    if (bytes != sizeof(p->state))
        return false;
    p->h.magic = PAGE_MAGIC;
    p->h.kind = PAGE_KIND_SEQUENCE;
    memcpy(&p->state, data, sizeof(p->state));
    return true;
}

void
seq_describe_set(const uint8_t *data, uint32_t bytes, Buf *out)
{
    SeqState s;

    if (!describe_whole(data, bytes, &s, sizeof(s), out))
        return;
    buf_printf(out, "last value %lld, %s", (long long)s.last_value, s.is_called ? "called" : "not called");
}

void
seq_describe_page(const char *page, Buf *out)
{
    const SeqPage *p = (const SeqPage *)(const void *)page;

    seq_describe_set((const uint8_t *)&p->state, sizeof(p->state), out);
    buf_add_char(out, '\n');
}

Status
seq_set(Ctx *cx, BranchId branch, RelationId relation, SeqState state)
{
    PageRef ref;

    TRY(wal_check_disk(cx));
    TRY(pin_sequence(cx, branch, relation, false, &ref));
    page_latch_exclusive(cx, &ref);
    set_state(cx, &ref, &state);
    page_unpin(cx, &ref);
    return ST_OK;
}

Status
seq_init(Ctx *cx, BranchId branch, RelationId relation, SeqState first)
{
    PageRef ref;

    TRY(pin_sequence(cx, branch, relation, true, &ref));
    page_unpin(cx, &ref);
    return seq_set(cx, branch, relation, first);
}

Status
seq_read(Ctx *cx, BranchId branch, RelationId relation, SeqState *out)
{
    PageRef ref;

    TRY(pin_sequence(cx, branch, relation, false, &ref));
    page_latch_shared(cx, &ref);
    *out = ((const SeqPage *)(const void *)ref.page)->state;
    page_unpin(cx, &ref);
    return ST_OK;
}

/* One step on from `value`; false at the limit. */
static bool
step(const SeqParams *p, int64_t value, int64_t *next)
{
    return !__builtin_add_overflow(value, p->increment, next) && *next >= p->min && *next <= p->max;
}

/* How many steps there are from `value` to the limit. */
static uint64_t
steps_left(const SeqParams *p, int64_t value)
{
    if (p->increment > 0)
        return value >= p->max ? 0 : ((uint64_t)p->max - (uint64_t)value) / (uint64_t)p->increment;
    return value <= p->min ? 0 : ((uint64_t)value - (uint64_t)p->min) / (0 - (uint64_t)p->increment);
}

/* Advances the state by up to `cache` values. False: exhausted. */
static bool
advance(const SeqParams *p, SeqState *s, int64_t *first, int64_t *last)
{
    int64_t value = s->last_value;
    uint64_t more;

    if (s->is_called && !step(p, s->last_value, &value)) {
        if (!p->cycle)
            return false;
        value = p->increment > 0 ? p->min : p->max;
    }
    more = MIN_OF(steps_left(p, value), (uint64_t)p->cache - 1);
    *first = value;
    *last =
        (int64_t)((uint64_t)value + (uint64_t)p->increment * more); /* it may be far: below zero and above */
    s->last_value = *last;
    s->is_called = true;
    s->log_count = 0;
    return true;
}

Status
seq_next(Ctx *cx, BranchId branch, RelationId relation, const SeqParams *params, const char *name,
         int64_t *first, int64_t *last)
{
    SeqState state;
    PageRef ref;
    bool ok;

    ASSERT(params->increment != 0);
    ASSERT(params->cache >= 1);
    TRY(wal_check_disk(cx));
    TRY(pin_sequence(cx, branch, relation, false, &ref));
    page_latch_exclusive(cx, &ref);
    state = ((const SeqPage *)(const void *)ref.page)->state;
    ok = advance(params, &state, first, last);
    if (ok)
        set_state(cx, &ref, &state);
    page_unpin(cx, &ref);
    if (ok)
        return ST_OK;
    return fail(cx, ST_ERROR, "2200H", "nextval: reached %s value of sequence \"%s\" (%lld)",
                params->increment > 0 ? "maximum" : "minimum", name,
                (long long)(params->increment > 0 ? params->max : params->min));
}
