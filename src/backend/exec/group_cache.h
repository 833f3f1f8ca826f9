/* src/backend/exec/group_cache.h - which group a row belongs to, found by its values as they lie in vectors.
 *
 * A value of few bytes is a word; up to three words are a key. Where equal values are always the same words
 * (integers, dates, short texts: `exact`), this is the aggregation's hash table for such keys, and grows.
 * Elsewhere it is a small memory of keys seen a moment ago, before the table of canonical bytes. */
#ifndef EXEC_GROUP_CACHE_H
#define EXEC_GROUP_CACHE_H
#include "backend/exec/exec_int.h"

enum { GROUP_WORDS_MOST = 3, GROUP_CACHE_SLOTS = 512 };

typedef struct GroupSlot {
    uint64_t words[GROUP_WORDS_MOST];
    uint32_t group; /* number + 1; 0 = empty */
} GroupSlot;

typedef struct GroupCache {
    Arena *arena; /* of the slots; the owner resets it together with group_cache_clear */
    GroupSlot *slots;
    uint64_t mask;
    uint32_t used;
    bool exact;
    int16_t scales[GROUP_WORDS_MOST]; /* of the short numerics in the slots */
} GroupCache;

/* A batch's keys, ready for looking up. */
typedef struct GroupKeys {
    int count;
    uint64_t *words[GROUP_WORDS_MOST]; /* by row */
    uint64_t *hashes; /* by row */
    uint8_t *unfit; /* by row: no short form (null, long); NULL = all fit */
} GroupKeys;

void group_cache_init(GroupCache *c, Arena *arena, Expr *const *keys, int count);
void group_cache_clear(GroupCache *c);
/* *usable false: columns of this kind have no words. Also makes room for as many new groups as there are
 * rows. Memory from cx->arena. */
MUST_CHECK Status group_keys_make(Ctx *cx, GroupCache *c, Expr *const *keys, Vector *const *columns, int count,
                                  Rows rows, uint32_t capacity, GroupKeys *out, bool *usable);

static inline bool
group_slot_has(const GroupSlot *s, const GroupKeys *k, uint32_t row)
{
    uint64_t differ = 0;

    for (int i = 0; i < k->count; i++)
        differ |= s->words[i] ^ k->words[i][row];
    return differ == 0;
}
/* The slot with the row's key, or the one to put it in (group 0; not exact: whatever is there goes). */
static inline GroupSlot *
group_cache_slot(GroupCache *c, const GroupKeys *k, uint32_t row)
{
    uint64_t at = k->hashes[row] & c->mask;

    while (c->exact && c->slots[at].group != 0 && !group_slot_has(&c->slots[at], k, row))
        at = (at + 1) & c->mask;
    return &c->slots[at];
}
static inline void
group_slot_put(GroupCache *c, GroupSlot *s, const GroupKeys *k, uint32_t row, uint32_t group)
{
    for (int i = 0; i < k->count; i++)
        s->words[i] = k->words[i][row];
    c->used += s->group == 0;
    s->group = group + 1;
}

#endif
