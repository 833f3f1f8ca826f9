/* src/backend/exec/key_set.h - a set of keys that may have no room in memory: IN (SELECT ...), and what a recursive UNION
 * has given out.
 *
 * Keys that come to more than cx->work_memory's bytes for hashes leave memory and are looked for in a temporary file.
 * That goes well for many at once only, so all calls take batches (at most BATCH_ROWS keys). Memory is asked for from
 * the budget of cx->arena: 53200 when it has none. After a failure the set can only be cleared or freed. */
#ifndef EXEC_KEY_SET_H
#define EXEC_KEY_SET_H
#include "backend/exec/key_sort.h"
#include "backend/exec/row_list.h"

typedef struct KeyRun KeyRun; /* sorted keys in the file */

typedef struct KeySet {
    Ctx *cx;
    Budget *budget;
    Arena keys; /* bytes of the keys in memory */
    KeyItem *items; /* malloc; and as much room again behind them, for sorting */
    uint32_t *slots; /* malloc; open addressing: number of an item + 1, 0 = free */
    uint32_t count, capacity, mask;
    Buf key; /* the one being made */
    TempFile *file;
    Buf packed;
    KeyRun *runs; /* malloc; older ones in front */
    int run_count, run_capacity;
} KeySet;

void key_set_init(KeySet *s, Ctx *cx, const char *name);
/* A key is made in the Buf given here, by key_append_hash for each of its values ... */
Buf *key_set_begin(KeySet *s);
/* ... and lies in `a` then. `row`: below BATCH_ROWS, the caller's name for it. */
MUST_CHECK Status key_set_end(KeySet *s, Arena *a, uint32_t row, KeyItem *out);
/* Puts keys in, and changes their order. fresh[row]: it was not there, nor in front of it among these. `fresh` may be NULL;
 * then nothing has to be looked for in the file. Memory for the moment from `a`. */
MUST_CHECK Status key_set_add(KeySet *s, Arena *a, KeyItem *items, uint32_t count, bool *fresh);
/* found[row]: it is there. Changes their order. */
MUST_CHECK Status key_set_find(KeySet *s, Arena *a, KeyItem *items, uint32_t count, bool *found);
static inline bool
key_set_is_empty(const KeySet *s)
{
    return s->count == 0 && s->run_count == 0;
}
/* Forgets the keys and may be used again. */
void key_set_clear(KeySet *s);
void key_set_free(KeySet *s);

#endif
