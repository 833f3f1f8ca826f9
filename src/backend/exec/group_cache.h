/* src/backend/exec/group_cache.h - which group a row belongs to, for keys seen a moment ago.
 *
 * Sits before the hash table of an aggregation: a small table of keys as they lie in vectors, so that for
 * few groups no key has to be brought to its canonical bytes. It only remembers; equal values in different
 * forms are different here and lead to the same group. */
#ifndef EXEC_GROUP_CACHE_H
#define EXEC_GROUP_CACHE_H
#include "backend/exec/exec_int.h"

enum { GROUP_CACHE_COLUMNS = 3, GROUP_CACHE_SLOTS = 512 };

typedef struct GroupCacheSlot {
    uint64_t words[GROUP_CACHE_COLUMNS];
    uint32_t group; /* number + 1; 0 = empty */
} GroupCacheSlot;

typedef struct GroupCache {
    GroupCacheSlot slots[GROUP_CACHE_SLOTS];
    int16_t scales[GROUP_CACHE_COLUMNS]; /* of the short numerics in the slots */
} GroupCache;

/* A batch's keys, ready for looking up. */
typedef struct GroupKeys {
    int count;
    uint64_t *words[GROUP_CACHE_COLUMNS]; /* by row */
    uint8_t *unfit; /* by row: no short form (null, long); NULL = all fit */
} GroupKeys;

void group_cache_clear(GroupCache *c);
/* False: columns of this kind are not cached. Memory from cx->arena. */
bool group_keys_make(Ctx *cx, GroupCache *c, Vector *const *columns, int count, Rows rows, uint32_t capacity,
                     GroupKeys *out);
static inline GroupCacheSlot *
group_cache_slot(GroupCache *c, const GroupKeys *k, uint32_t row)
{
    uint64_t h = 0;

    for (int i = 0; i < k->count; i++)
        h = (h ^ k->words[i][row]) * UINT64_C(0x9e3779b97f4a7c15);
    return &c->slots[h >> (64 - 9)];
}
/* The group's number, or UINT32_MAX. */
static inline uint32_t
group_cache_find(const GroupCacheSlot *s, const GroupKeys *k, uint32_t row)
{
    uint64_t differ = 0;

    for (int i = 0; i < k->count; i++)
        differ |= s->words[i] ^ k->words[i][row];
    return differ == 0 ? s->group - 1 : UINT32_MAX;
}
static inline void
group_cache_put(GroupCacheSlot *s, const GroupKeys *k, uint32_t row, uint32_t group)
{
    for (int i = 0; i < k->count; i++)
        s->words[i] = k->words[i][row];
    s->group = group + 1;
}
static_assert(GROUP_CACHE_SLOTS == 1 << 9, "the hash takes nine bits");

#endif
