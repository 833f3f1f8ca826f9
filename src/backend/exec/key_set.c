/* key_set.c - see key_set.h.
 *
 * A key has its hash in front, eight bytes, big-endian. So sorted keys are spread evenly, whatever they are; the first
 * hash of each block of a run is all that has to stay in memory to find the one block that can hold a key (two where a
 * block begins with its hash); and keys of a batch that are looked for in their order read each block at most once.
 *
 * Runs are merged as the digits of a number are carried: MERGE_RUNS of one level become one of the next. So a key is
 * written once for each level, and few runs have to be looked at.
 *
 * Keys leave memory between two batches only: within one, those that came before are found in memory. */
#include "backend/exec/key_set.h"

#include <stdlib.h>

#include "backend/exec/exec_int.h"
#include "base/bytes.h"
#include "base/hash.h"

enum {
    HASH_BYTES = 8,
    ITEMS_LEAST = 256,
    MERGE_RUNS = 4,
    BLOCK_LEAST = 4096,
    BLOCK_MOST = 32 * 1024,
};

struct KeyRun {
    RowList list; /* one column: the keys */
    uint64_t *first_hashes; /* malloc; of each block */
    uint32_t first_capacity;
    int level;
    /* one block of it, as it was read last */
    Arena arena;
    const VarRef *keys; /* NULL: none */
    uint32_t key_count, block_no;
};

void
key_set_init(KeySet *s, Ctx *cx, const char *name)
{
    *s = (KeySet){.cx = cx, .budget = cx->arena->budget};
    arena_init(&s->keys, name, s->budget);
    buf_count_in(&s->key, s->budget);
    buf_count_in(&s->packed, s->budget);
}

Buf *
key_set_begin(KeySet *s)
{
    buf_clear(&s->key);
    (void)buf_extend(&s->key, HASH_BYTES);
    return &s->key;
}

Status
key_set_end(KeySet *s, Arena *a, uint32_t row, KeyItem *out)
{
    size_t bytes = s->key.bytes;
    char *copy = s->key.failed ? NULL : arena_try_alloc(a, bytes);

    if (copy == NULL)
        return fail_memory(s->cx, bytes);
    ASSERT(bytes >= HASH_BYTES);
    memcpy(copy, s->key.data, bytes);
    put_be64(copy, hash_bytes(copy + HASH_BYTES, bytes - HASH_BYTES));
    *out = key_item(copy, (uint32_t)bytes, row);
    return ST_OK;
}

static uint64_t
hash_of(const char *key)
{
    return get_be64(key);
}

static int
compare_keys(const char *a, uint32_t a_bytes, const char *b, uint32_t b_bytes)
{
    int order = memcmp(a, b, MIN_OF(a_bytes, b_bytes));

    return order != 0 ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

/* ---- in memory -------------------------------------------------------------------------------------------------- */

static uint32_t
slots_for(uint64_t count)
{
    uint32_t slots = ITEMS_LEAST * 2;

    while (slots < count * 2)
        slots *= 2;
    return slots;
}

static size_t
room_bytes(uint64_t count)
{
    return count == 0 ? 0 : 2 * sizeof(KeyItem) * count + sizeof(uint32_t) * slots_for(count);
}

/* The slot of a key, or the free one where it would be. */
static uint32_t
find_slot(const KeySet *s, const KeyItem *k)
{
    uint32_t at = (uint32_t)hash_of(k->key) & s->mask;

    for (; s->slots[at] != 0; at = (at + 1) & s->mask) {
        const KeyItem *item = &s->items[s->slots[at] - 1];

        if (item->bytes == k->bytes && memcmp(item->key, k->key, k->bytes) == 0)
            break;
    }
    return at;
}

static Status
make_room(KeySet *s, uint64_t count)
{
    uint64_t capacity = MAX_OF((uint64_t)s->capacity + s->capacity / 2, MAX_OF(count, (uint64_t)ITEMS_LEAST));
    uint32_t slot_count = slots_for(capacity);
    size_t more;
    KeyItem *items;
    uint32_t *slots;

    if (count <= s->capacity)
        return ST_OK;
    more = room_bytes(capacity) - room_bytes(s->capacity);
    if (capacity >= UINT32_MAX / 4 || !budget_take(s->budget, more))
        return fail_memory(s->cx, more);
    slots = calloc(slot_count, sizeof(*slots));
    items = slots == NULL ? NULL : realloc(s->items, 2 * sizeof(*items) * capacity);
    if (items == NULL) {
        free(slots);
        budget_give(s->budget, more);
        return fail_memory(s->cx, more);
    }
    free(s->slots);
    s->items = items;
    s->slots = slots;
    s->capacity = (uint32_t)capacity;
    s->mask = slot_count - 1;
    for (uint32_t i = 0; i < s->count; i++)
        s->slots[find_slot(s, &items[i])] = i + 1;
    return ST_OK;
}

static Status
put_in_memory(KeySet *s, const KeyItem *k, bool *fresh)
{
    uint32_t at = find_slot(s, k);
    char *copy;

    ASSERT(s->count < s->capacity);
    *fresh = s->slots[at] == 0;
    if (!*fresh)
        return ST_OK;
    copy = arena_try_alloc(&s->keys, k->bytes);
    if (copy == NULL)
        return fail_memory(s->cx, k->bytes);
    memcpy(copy, k->key, k->bytes);
    s->items[s->count] = key_item(copy, k->bytes, 0);
    s->slots[at] = ++s->count;
    return ST_OK;
}

/* ---- runs ------------------------------------------------------------------------------------------------------- */

static void
run_free(KeyRun *r)
{
    row_list_free(&r->list);
    free(r->first_hashes);
    arena_free(&r->arena);
    *r = (KeyRun){0};
}

static Status
run_begin(KeySet *s, int level, KeyRun *r)
{
    uint64_t block = work_memory(s->cx)->hash_bytes / 16;

    if (s->file == NULL)
        TRY(temp_file_create(s->cx, s->budget, &s->file));
    block = MAX_OF(MIN_OF(block, (uint64_t)BLOCK_MOST), (uint64_t)BLOCK_LEAST);
    *r = (KeyRun){.level = level};
    row_list_init(&r->list, s->cx, s->budget, s->file, &s->packed, 1, BATCH_ROWS, (uint32_t)block);
    arena_init(&r->arena, s->keys.name, s->budget);
    return ST_OK;
}

/* The next keys of a run, at most BATCH_ROWS. */
static Status
run_write(KeySet *s, KeyRun *r, VarRef *keys, uint32_t count)
{
    Vector column = {.data = keys, .phys = PHYS_VAR};
    uint64_t first_row = r->list.row_count;
    uint32_t no = r->list.block_count;

    if (count == 0)
        return ST_OK;
    TRY(ctx_poll(s->cx));
    TRY(row_list_append(&r->list, &column, (Rows){NULL, count}));
    TRY(row_list_finish(&r->list));
    if (r->first_capacity < r->list.block_count) {
        uint32_t capacity = MAX_OF(r->list.block_count, r->first_capacity * 2);
        uint64_t *bigger = realloc(r->first_hashes, sizeof(*bigger) * capacity);

        if (bigger == NULL)
            return fail_memory(s->cx, sizeof(*bigger) * capacity);
        r->first_hashes = bigger;
        r->first_capacity = capacity;
    }
    for (; no < r->list.block_count; no++)
        r->first_hashes[no] = hash_of(keys[r->list.blocks[no].first_row - first_row].data);
    return ST_OK;
}

static Status
run_read(KeyRun *r, uint32_t no)
{
    Vector column;

    if (r->keys != NULL && r->block_no == no)
        return ST_OK;
    r->keys = NULL;
    arena_reset(&r->arena);
    TRY(row_list_read(&r->list, no, &r->arena, &column, &r->key_count));
    if (column.phys != PHYS_VAR || column.nulls != NULL)
        return fail(r->list.cx, ST_CORRUPT, "XX001", "a block of temporary rows has been damaged");
    r->keys = column.data;
    r->block_no = no;
    return ST_OK;
}

static bool
block_has(const KeyRun *r, const KeyItem *k)
{
    uint32_t low = 0, high = r->key_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_keys(r->keys[middle].data, r->keys[middle].bytes, k->key, k->bytes);

        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static Status
run_has(KeyRun *r, const KeyItem *k, bool *yes)
{
    uint64_t hash = hash_of(k->key);
    uint32_t low = 0, high = r->list.block_count;

    while (low < high) { /* low: the first block that begins at the hash or behind it */
        uint32_t middle = low + (high - low) / 2;

        if (r->first_hashes[middle] < hash)
            low = middle + 1;
        else
            high = middle;
    }
    *yes = false;
    for (uint32_t no = low - (low > 0); no < r->list.block_count && r->first_hashes[no] <= hash && !*yes;
         no++) {
        TRY(run_read(r, no));
        *yes = block_has(r, k);
    }
    return ST_OK;
}

/* ---- merging ---------------------------------------------------------------------------------------------------- */

/* Where merging is in each run: key `at` of the block in memory. */
typedef struct Merge {
    KeySet *set;
    KeyRun *runs;
    uint32_t at[MERGE_RUNS];
    Arena arena; /* keys that wait to be written */
    VarRef waiting[BATCH_ROWS];
    uint32_t waiting_count;
} Merge;

static Status
write_waiting(Merge *m, KeyRun *to)
{
    TRY(run_write(m->set, to, m->waiting, m->waiting_count));
    m->waiting_count = 0;
    arena_reset(&m->arena);
    return ST_OK;
}

/* On to the next key; the run's .keys is NULL at its end. */
static Status
step(Merge *m, int i)
{
    KeyRun *r = &m->runs[i];

    if (r->keys != NULL && ++m->at[i] < r->key_count)
        return ST_OK;
    m->at[i] = 0;
    if (r->keys != NULL)
        row_list_drop(&r->list, r->block_no++);
    else
        r->block_no = 0;
    r->keys = NULL;
    if (r->block_no == r->list.block_count)
        return ST_OK;
    return run_read(r, r->block_no);
}

static Status
take_key(Merge *m, const VarRef *k, KeyRun *to)
{
    char *copy;

    if (m->waiting_count == BATCH_ROWS || m->arena.total_bytes > 2 * (size_t)to->list.block_bytes)
        TRY(write_waiting(m, to));
    copy = arena_try_alloc(&m->arena, k->bytes);
    if (copy == NULL)
        return fail_memory(m->set->cx, k->bytes);
    memcpy(copy, k->data, k->bytes);
    m->waiting[m->waiting_count++] = (VarRef){copy, k->bytes};
    return ST_OK;
}

static Status
merge_all(Merge *m, KeyRun *to)
{
    for (int i = 0; i < MERGE_RUNS; i++) {
        m->runs[i].keys = NULL;
        TRY(step(m, i));
    }
    for (;;) {
        const VarRef *least = NULL;
        bool equal[MERGE_RUNS] = {false}; /* to the least, so far */

        for (int i = 0; i < MERGE_RUNS; i++) {
            const VarRef *k = m->runs[i].keys == NULL ? NULL : &m->runs[i].keys[m->at[i]];
            int order = k == NULL       ? 1
                        : least == NULL ? -1
                                        : compare_keys(k->data, k->bytes, least->data, least->bytes);

            if (order < 0) {
                memset(equal, 0, sizeof(equal));
                least = k;
            }
            equal[i] = order <= 0;
        }
        if (least == NULL)
            return write_waiting(m, to);
        TRY(take_key(m, least, to));
        for (int i = 0; i < MERGE_RUNS; i++) {
            if (equal[i])
                TRY(step(m, i));
        }
    }
}

static Status
merge_last_runs(KeySet *s)
{
    Merge *m = arena_try_alloc(&s->keys, sizeof(*m)); /* the keys have just left it */
    KeyRun *runs = &s->runs[s->run_count - MERGE_RUNS];
    KeyRun merged;
    Status rc;

    if (m == NULL)
        return fail_memory(s->cx, sizeof(*m));
    *m = (Merge){.set = s, .runs = runs};
    arena_init(&m->arena, s->keys.name, s->budget);
    TRY(run_begin(s, runs->level + 1, &merged));
    rc = merge_all(m, &merged);
    arena_free(&m->arena);
    if (rc != ST_OK) {
        run_free(&merged);
        return rc;
    }
    for (int i = 0; i < MERGE_RUNS; i++)
        run_free(&runs[i]);
    *runs = merged;
    s->run_count -= MERGE_RUNS - 1;
    return ST_OK;
}

static bool
last_runs_are_alike(const KeySet *s)
{
    return s->run_count >= MERGE_RUNS &&
           s->runs[s->run_count - MERGE_RUNS].level == s->runs[s->run_count - 1].level;
}

/* ---- leaving memory ----------------------------------------------------------------------------------------------- */

static Status
write_items(KeySet *s, KeyRun *r)
{
    VarRef keys[BATCH_ROWS];

    TRY(key_sort(s->cx, s->items, s->items + s->capacity, s->count));
    for (uint32_t at = 0; at < s->count;) {
        uint32_t n = MIN_OF(s->count - at, (uint32_t)BATCH_ROWS);

        for (uint32_t k = 0; k < n; k++)
            keys[k] = (VarRef){s->items[at + k].key, s->items[at + k].bytes};
        TRY(run_write(s, r, keys, n));
        at += n;
    }
    return ST_OK;
}

static Status
leave_memory(KeySet *s)
{
    KeyRun run;
    Status rc;

    if (s->run_count == s->run_capacity) {
        int capacity = MAX_OF(16, s->run_capacity * 2);
        KeyRun *bigger = realloc(s->runs, sizeof(*bigger) * (size_t)capacity);

        if (bigger == NULL)
            return fail_memory(s->cx, sizeof(*bigger) * (size_t)capacity);
        s->runs = bigger;
        s->run_capacity = capacity;
    }
    TRY(run_begin(s, 0, &run));
    rc = write_items(s, &run);
    if (rc != ST_OK) {
        run_free(&run);
        return rc;
    }
    s->runs[s->run_count++] = run;
    memset(s->slots, 0, sizeof(*s->slots) * ((size_t)s->mask + 1));
    s->count = 0;
    arena_reset(&s->keys);
    while (last_runs_are_alike(s))
        TRY(merge_last_runs(s));
    arena_reset(&s->keys);
    return ST_OK;
}

/* ---- the calls ---------------------------------------------------------------------------------------------------- */

Status
key_set_find(KeySet *s, Arena *a, KeyItem *items, uint32_t count, bool *found)
{
    ASSERT(count <= BATCH_ROWS);
    for (uint32_t i = 0; i < count; i++)
        found[items[i].row] = s->count > 0 && s->slots[find_slot(s, &items[i])] != 0;
    if (s->run_count == 0)
        return ST_OK;
    TRY(key_sort(s->cx, items, arena_alloc(a, sizeof(*items) * MAX_OF(count, UINT32_C(1))), count));
    for (int r = s->run_count; r-- > 0;) {
        for (uint32_t i = 0; i < count; i++) {
            if (!found[items[i].row])
                TRY(run_has(&s->runs[r], &items[i], &found[items[i].row]));
        }
    }
    return ST_OK;
}

Status
key_set_add(KeySet *s, Arena *a, KeyItem *items, uint32_t count, bool *fresh)
{
    bool *there = NULL;

    ASSERT(count <= BATCH_ROWS);
    if (s->count > 0 &&
        s->keys.total_bytes + room_bytes((uint64_t)s->count + count) > work_memory(s->cx)->hash_bytes)
        TRY(leave_memory(s));
    if (fresh != NULL && s->run_count > 0) {
        there = arena_alloc(a, BATCH_ROWS);
        TRY(key_set_find(s, a, items, count, there));
    }
    TRY(make_room(s, (uint64_t)s->count + count));
    for (uint32_t i = 0; i < count; i++) {
        bool added = false;

        if (there == NULL || !there[items[i].row])
            TRY(put_in_memory(s, &items[i], &added));
        if (fresh != NULL)
            fresh[items[i].row] = added;
    }
    return ST_OK;
}

void
key_set_clear(KeySet *s)
{
    if (s->cx == NULL)
        return;
    while (s->run_count > 0)
        run_free(&s->runs[--s->run_count]);
    temp_file_close(s->cx, s->file);
    s->file = NULL;
    if (s->slots != NULL)
        memset(s->slots, 0, sizeof(*s->slots) * ((size_t)s->mask + 1));
    s->count = 0;
    arena_reset(&s->keys);
}

void
key_set_free(KeySet *s)
{
    if (s->cx == NULL)
        return;
    key_set_clear(s);
    budget_give(s->budget, room_bytes(s->capacity));
    free(s->items);
    free(s->slots);
    free(s->runs);
    arena_free(&s->keys);
    buf_free(&s->key);
    buf_free(&s->packed);
    *s = (KeySet){0};
}
