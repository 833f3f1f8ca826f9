/* arena.c - chunks of doubling size, bump allocation.
 *
 * The newest chunk is the one being filled. A request larger than the chunk size gets a chunk of its
 * own. Chunks come from malloc: glibc's own threshold sends the large ones to mmap, so that a reset
 * after a large statement gives the memory back to the system.
 *
 * Invariant: budget->used_bytes counts exactly the bytes of all chunks of all arenas that name it.
 * Invariant: a chunk's bytes that are not given out are poisoned (poison.h). */
#include "base/arena.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

struct ArenaChunk {
    ArenaChunk *older;
    size_t bytes; /* of the whole chunk, this header included */
};

enum { CHUNK_FIRST_BYTES = 8 * 1024, CHUNK_MOST_BYTES = 1024 * 1024, CHUNK_HEADER_BYTES = 16 };

static_assert(sizeof(ArenaChunk) <= CHUNK_HEADER_BYTES, "chunk header must leave 16-byte alignment");

/* The process-wide word of this file; see base/README.md. */
static _Thread_local int forbidden_depth;

void
arena_forbid(void)
{
    forbidden_depth++;
}

void
arena_permit(void)
{
    ASSERT(forbidden_depth > 0);
    forbidden_depth--;
}

/* C1. The owner of the slot alone writes there. */
static void
change_critical(const Budget *b, uint32_t by)
{
    atomic_signal_fence(memory_order_seq_cst);
    if (b->slot_critical != NULL)
        atomic_store_explicit(b->slot_critical,
                              atomic_load_explicit(b->slot_critical, memory_order_relaxed) + by,
                              memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
}

/* Several budgets of a session may count into the same slot. */
static void
note_in_slot(Budget *b, int64_t more_bytes)
{
    if (b->slot_used_bytes != NULL)
        atomic_fetch_add_explicit(b->slot_used_bytes, (uint64_t)more_bytes, memory_order_relaxed);
}

/* Counts the bytes into the shared total, unless that passes the ceiling. */
static bool
take_shared(Budget *b, uint64_t bytes, bool must)
{
    uint64_t now = atomic_fetch_add(b->shared_used_bytes, bytes) + bytes;
    uint64_t most = b->shared_limit_bytes != NULL ? atomic_load(b->shared_limit_bytes) : 0;

    if (must || most == 0 || now <= most || b->used_bytes + bytes <= BUDGET_FLOOR_BYTES)
        return true;
    atomic_fetch_sub(b->shared_used_bytes, bytes);
    return false;
}

/* Counts the bytes everywhere; `must`: past the ceiling, too. */
static bool
count(Budget *b, uint64_t bytes, bool must)
{
    bool ok;

    change_critical(b, 1);
    ok = b->shared_used_bytes == NULL || take_shared(b, bytes, must);
    if (ok) {
        b->used_bytes += bytes;
        note_in_slot(b, (int64_t)bytes);
    }
    change_critical(b, UINT32_MAX);
    return ok;
}

bool
budget_take(Budget *b, uint64_t bytes)
{
    if (b == NULL)
        return true;
    if (b->limit_bytes != 0 && b->used_bytes + bytes > b->limit_bytes)
        return false;
    if (count(b, bytes, false))
        return true;
    return b->reclaim != NULL && b->reclaim(b->reclaim_arg, bytes) && count(b, bytes, false);
}

void
budget_give(Budget *b, uint64_t bytes)
{
    if (b == NULL)
        return;
    ASSERT(b->used_bytes >= bytes);
    change_critical(b, 1);
    b->used_bytes -= bytes;
    note_in_slot(b, -(int64_t)bytes);
    if (b->shared_used_bytes != NULL)
        atomic_fetch_sub(b->shared_used_bytes, bytes);
    change_critical(b, UINT32_MAX);
}

void
arena_init(Arena *a, const char *name, Budget *budget)
{
    arena_init_small(a, name, budget, CHUNK_FIRST_BYTES);
}

void
arena_init_small(Arena *a, const char *name, Budget *budget, size_t first_bytes)
{
    *a = (Arena){.name = name, .budget = budget, .chunk_bytes = first_bytes, .first_bytes = first_bytes};
}

static void
free_chunk(Arena *a, ArenaChunk *c)
{
    a->total_bytes -= c->bytes;
    UNPOISON(c, c->bytes); /* it is malloc's again */
    budget_give(a->budget, c->bytes);
    free(c);
}

/* Adds a chunk with room for `bytes`. A small request is granted past the budget (`must`): budgets
 * bound what grows with the data, not the statement's own bones. */
static bool
add_chunk(Arena *a, size_t bytes, bool must)
{
    size_t want = MAX_OF(a->chunk_bytes, bytes + CHUNK_HEADER_BYTES);
    ArenaChunk *c;

    if (!budget_take(a->budget, want)) {
        want = bytes + CHUNK_HEADER_BYTES;
        if (!must && !budget_take(a->budget, want))
            return false;
        if (must && a->budget != NULL)
            (void)count(a->budget, want, true);
    }
    c = malloc(want);
    if (c == NULL) {
        budget_give(a->budget, want);
        return false;
    }
    c->older = a->chunk;
    c->bytes = want;
    a->chunk = c;
    a->next = (char *)c + CHUNK_HEADER_BYTES;
    a->end = (char *)c + want;
    POISON(a->next, (size_t)(a->end - a->next));
    a->total_bytes += want;
    if (a->chunk_bytes < CHUNK_MOST_BYTES)
        a->chunk_bytes *= 2;
    return true;
}

void
memory_is_gone(const char *what)
{
    log_line(LOG_ERROR, "out of memory (%s): the process ends", what);
    _exit(1); /* no fault of ours, and outside critical sections: others go on (C2) */
}

void *
arena_alloc_slow(Arena *a, size_t bytes)
{
    ASSERT(forbidden_depth == 0); /* C1 */
    if (!add_chunk(a, ALIGN_UP(bytes | (bytes == 0), 16) + POISON_GAP_BYTES, true))
        memory_is_gone(a->name);
    return arena_alloc(a, bytes);
}

void *
arena_try_alloc(Arena *a, size_t bytes)
{
    size_t need = ALIGN_UP(bytes, 16) + POISON_GAP_BYTES;

    if (need < bytes || need > SIZE_MAX / 2)
        return NULL;
    if ((size_t)(a->end - a->next) < need) {
        ASSERT(forbidden_depth == 0); /* C1 */
        if (!add_chunk(a, need, false))
            return NULL;
    }
    return arena_alloc(a, bytes);
}

void *
arena_zalloc(Arena *a, size_t bytes)
{
    return memset(arena_alloc(a, bytes), 0, bytes);
}

void *
arena_memdup(Arena *a, const void *bytes, size_t count)
{
    void *copy = arena_alloc(a, count);

    if (count > 0)
        memcpy(copy, bytes, count);
    return copy;
}

char *
arena_strndup(Arena *a, const char *text, size_t bytes)
{
    char *copy = arena_alloc(a, bytes + 1);

    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    return copy;
}

char *
arena_strdup(Arena *a, const char *text)
{
    return arena_strndup(a, text, strlen(text));
}

char *
arena_printf(Arena *a, const char *format, ...)
{
    va_list args;
    int bytes;
    char *text;

    va_start(args, format);
    bytes = vsnprintf(NULL, 0, format, args);
    va_end(args);
    ASSERT(bytes >= 0);
    text = arena_alloc(a, (size_t)bytes + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)bytes + 1, format, args);
    va_end(args);
    return text;
}

void
arena_reset(Arena *a)
{
    ArenaChunk *c = a->chunk;

    if (c == NULL)
        return;
    while (c->older != NULL) { /* the oldest chunk is the small one worth keeping */
        ArenaChunk *older = c->older;

        free_chunk(a, c);
        c = older;
    }
    a->chunk = c;
    a->chunk_bytes = a->first_bytes * 2;
    if (c->bytes > 8 * CHUNK_FIRST_BYTES) {
        free_chunk(a, c);
        a->chunk = NULL;
        a->next = a->end = NULL;
        a->chunk_bytes = a->first_bytes;
        return;
    }
    a->next = (char *)c + CHUNK_HEADER_BYTES;
    a->end = (char *)c + c->bytes;
    POISON(a->next, (size_t)(a->end - a->next));
}

void
arena_free(Arena *a)
{
    while (a->chunk != NULL) {
        ArenaChunk *c = a->chunk;

        a->chunk = c->older;
        free_chunk(a, c);
    }
    a->next = a->end = NULL;
    a->chunk_bytes = a->first_bytes;
}

ArenaMark
arena_mark(const Arena *a)
{
    return (ArenaMark){a->chunk, a->next};
}

void
arena_rewind(Arena *a, ArenaMark mark)
{
    if (mark.chunk == NULL) {
        arena_reset(a);
        return;
    }
    while (a->chunk != mark.chunk) {
        ArenaChunk *c = a->chunk;

        ASSERT(c != NULL);
        a->chunk = c->older;
        free_chunk(a, c);
    }
    a->next = mark.next;
    a->end = (char *)a->chunk + a->chunk->bytes;
    POISON(a->next, (size_t)(a->end - a->next));
}
