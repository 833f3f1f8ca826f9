/* src/base/arena.h - memory with one owner and one end.
 *
 * An arena belongs to a span of time (server, session, transaction, statement, batch). Everything
 * allocated from it is freed together, by arena_reset or arena_free. Not thread-safe: one thread
 * at a time. Memory is aligned to 16 bytes and not zeroed unless the name says so.
 *
 * Small requests do not fail: when the operating system has nothing left, the process ends with a line
 * that names the arena. What can grow with the data uses arena_try_alloc, which respects the arena's
 * budget and answers NULL. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H
#include "base/attr.h"
#include "base/poison.h"

typedef struct Arena Arena;
typedef struct ArenaChunk ArenaChunk;

/* Bytes a span of time may take, shared by several arenas. `shared_used_bytes` (may be NULL) is the
 * server-wide total in shared memory that rule C5's ceiling counts. */
typedef struct Budget {
    uint64_t limit_bytes; /* 0 = none of its own */
    uint64_t used_bytes;
    _Atomic uint64_t *shared_used_bytes; /* atomic */
    const _Atomic uint64_t *shared_limit_bytes; /* atomic; 0 = no ceiling */
    _Atomic uint64_t *slot_used_bytes; /* may be NULL. This session's part of the shared total, noted
                                        * in its process slot for whoever cleans up after it (C3) */
    _Atomic uint32_t
        *slot_critical; /* set with it. The slot's depth of critical sections, of which one is open while
                                      * the totals change: else a kill in between leaves bytes counted for ever (C1) */
    /* May be NULL. Called at the ceiling: frees shared memory that nobody uses; false: there is none. */
    bool (*reclaim)(void *reclaim_arg, uint64_t bytes);
    void *reclaim_arg;
} Budget;

/* What a budget gets in spite of the ceiling: a session can still look at things and clean up. */
#define BUDGET_FLOOR_BYTES (UINT64_C(1) << 20)

struct Arena {
    ArenaChunk *chunk; /* newest first */
    char *next, *end; /* free space of the newest chunk */
    Budget *budget; /* may be NULL */
    const char *name;
    size_t chunk_bytes; /* size of the next ordinary chunk */
    size_t first_bytes; /* of the first */
    size_t total_bytes; /* of all chunks */
};

/* Takes no memory until the first allocation. */
void arena_init(Arena *a, const char *name, Budget *budget);
/* For what is small and many: the first chunks have about this size. */
void arena_init_small(Arena *a, const char *name, Budget *budget, size_t first_bytes);
/* Gives everything back but one small chunk, which makes the next span cheap. */
void arena_reset(Arena *a);
/* Gives everything back. The arena can be used again. */
void arena_free(Arena *a);

/* Says so and ends the process: for small requests that never fail. Outside of critical sections. */
NORETURN void memory_is_gone(const char *what);
void *arena_alloc_slow(Arena *a, size_t bytes);
/* NULL when the budget or the machine has no room for it; nothing changed then. */
void *arena_try_alloc(Arena *a, size_t bytes);
/* Never NULL. A request of 0 bytes gives a valid unique-enough pointer. */
static inline void *
arena_alloc(Arena *a, size_t bytes)
{
    char *p = a->next;
    size_t need = ALIGN_UP(bytes | (bytes == 0), 16) + POISON_GAP_BYTES;

    if (UNLIKELY((size_t)(a->end - p) < need))
        return arena_alloc_slow(a, bytes);
    a->next = p + need;
    UNPOISON(p, bytes);
    return p;
}
void *arena_zalloc(Arena *a, size_t bytes);
char *arena_strdup(Arena *a, const char *text);
char *arena_strndup(Arena *a, const char *text, size_t bytes);
void *arena_memdup(Arena *a, const void *bytes, size_t count);
char *arena_printf(Arena *a, const char *format, ...) PRINTF_LIKE(2, 3);

/* One zeroed object, or an array of them. */
#define arena_new(a, Type)          ((Type *)arena_zalloc((a), sizeof(Type)))
#define arena_array(a, Type, count) ((Type *)arena_zalloc((a), sizeof(Type) * (size_t)(count)))

/* A place to come back to: what was allocated after the mark is freed by arena_rewind. */
typedef struct ArenaMark {
    ArenaChunk *chunk;
    char *next;
} ArenaMark;
ArenaMark arena_mark(const Arena *a);
void arena_rewind(Arena *a, ArenaMark mark);

/* Budget arithmetic for memory that does not come from an arena. */
MUST_CHECK bool budget_take(Budget *b, uint64_t bytes);
void budget_give(Budget *b, uint64_t bytes);

/* Allocation asserts that no critical section is open (rule C1): whoever opens one raises this
 * thread's count. */
void arena_forbid(void);
void arena_permit(void);

#endif
