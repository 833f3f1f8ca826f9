/* group_cache.c - see group_cache.h. The number itself is the word, or up to seven bytes of text and their
 * count; char(n) without the blanks at its end, which mean nothing. */
#include "backend/exec/group_cache.h"

enum { SHORT_BYTES = 7 };

static bool
is_exact(const Expr *key)
{
    switch (type_by_oid(key->type)->phys) {
    case PHYS_BOOL:
    case PHYS_I16:
    case PHYS_I32:
    case PHYS_U32:
    case PHYS_I64: return key->type != TYPE_TIMETZ;
    case PHYS_VAR:
        return key->type == TYPE_TEXT || key->type == TYPE_VARCHAR || key->type == TYPE_BPCHAR ||
               key->type == TYPE_NAME || key->type == TYPE_BYTEA;
    default: return false;
    }
}

void
group_cache_init(GroupCache *c, Arena *arena, Expr *const *keys, int count)
{
    *c = (GroupCache){.arena = arena, .exact = true};
    for (int i = 0; i < count; i++)
        c->exact &= is_exact(keys[i]);
}

void
group_cache_clear(GroupCache *c)
{
    c->slots = NULL;
    c->mask = 0;
    c->used = 0;
}

static inline uint64_t
mix(uint64_t h, uint64_t word)
{
    return (h ^ word) * UINT64_C(0x9e3779b97f4a7c15) ^ h >> 29;
}

static void
hash_keys(const GroupKeys *k, Rows rows, uint64_t *hashes)
{
    for (uint32_t i = 0; i < rows.count; i++) {
        uint32_t row = rows_at(rows, i);
        uint64_t h = 0;

        for (int w = 0; w < k->count; w++)
            h = mix(h, k->words[w][row]);
        hashes[row] = h ^ h >> 32;
    }
}

/* The same for a key that lies in a slot. */
static uint64_t
slot_hash(const GroupSlot *s, int count)
{
    uint64_t h = 0;

    for (int w = 0; w < count; w++)
        h = mix(h, s->words[w]);
    return h ^ h >> 32;
}

/* At most half full. */
static Status
make_room(Ctx *cx, GroupCache *c, int words, uint32_t rows)
{
    uint64_t slots = MAX_OF(c->mask + 1, (uint64_t)GROUP_CACHE_SLOTS);
    GroupSlot *old = c->slots;
    uint64_t old_count = old != NULL ? c->mask + 1 : 0;

    while (c->exact && slots < 2 * ((uint64_t)c->used + rows))
        slots *= 2;
    if (old != NULL && slots == c->mask + 1)
        return ST_OK;
    c->slots = arena_try_alloc(c->arena, sizeof(*c->slots) * slots);
    if (c->slots == NULL) {
        c->slots = old;
        return fail_memory(cx, sizeof(*c->slots) * slots);
    }
    memset(c->slots, 0, sizeof(*c->slots) * slots);
    c->mask = slots - 1;
    for (uint64_t i = 0; i < old_count; i++) {
        uint64_t at;

        if (old[i].group == 0)
            continue;
        at = slot_hash(&old[i], words) & c->mask;
        while (c->slots[at].group != 0)
            at = (at + 1) & c->mask;
        c->slots[at] = old[i];
    }
    return ST_OK;
}

static uint8_t *
need_unfit(Ctx *cx, GroupKeys *k, uint32_t capacity)
{
    if (k->unfit == NULL)
        k->unfit = arena_zalloc(cx->arena, capacity);
    return k->unfit;
}

static void
words_of_text(Ctx *cx, const Vector *v, bool padded, Rows rows, uint32_t capacity, uint64_t *words,
              GroupKeys *k)
{
    const VarRef *data = v->data;

    for (uint32_t i = 0; i < rows.count; i++) {
        uint32_t row = rows_at(rows, i), at = v->is_const ? 0 : row, n;
        uint64_t word = 0;

        words[row] = 0;
        if (UNLIKELY(k->unfit != NULL && k->unfit[row])) /* a null points nowhere */
            continue;
        n = data[at].bytes;
        while (padded && n > 0 && data[at].data[n - 1] == ' ')
            n--;
        if (UNLIKELY(n > SHORT_BYTES)) {
            need_unfit(cx, k, capacity)[row] = 1;
            continue;
        }
        for (uint32_t b = 0; b < n; b++)
            word |= (uint64_t)(uint8_t)data[at].data[b] << (8 * b);
        words[row] = word | (uint64_t)(n + 1) << 56;
    }
}

#define WORDS(T)                                                                                               \
    for (uint32_t k = 0; k < rows.count; k++) {                                                                \
        uint32_t row = rows_at(rows, k);                                                                       \
                                                                                                               \
        words[row] = (uint64_t)((const T *)v->data)[v->is_const ? 0 : row];                                    \
    }

Status
group_keys_make(Ctx *cx, GroupCache *c, Expr *const *keys, Vector *const *columns, int count, Rows rows,
                uint32_t capacity, GroupKeys *out, bool *usable)
{
    *out = (GroupKeys){.count = count};
    *usable = false;
    if (count > GROUP_WORDS_MOST)
        return ST_OK;
    for (int i = 0; i < count; i++) {
        const Vector *v = columns[i];
        uint64_t *words = arena_alloc(cx->arena, sizeof(*words) * capacity);

        for (uint32_t k = 0; k < rows.count && v->nulls != NULL; k++) {
            uint32_t row = rows_at(rows, k);

            if (vector_is_null(v, row))
                need_unfit(cx, out, capacity)[row] = 1;
        }
        switch ((Phys)v->phys) {
        case PHYS_BOOL: WORDS(uint8_t); break;
        case PHYS_I16: WORDS(uint16_t); break;
        case PHYS_I32:
        case PHYS_U32: WORDS(uint32_t); break;
        case PHYS_DEC64:
            if (c->scales[i] != v->scale && c->slots != NULL) {
                memset(c->slots, 0, sizeof(*c->slots) * (c->mask + 1));
                c->used = 0;
            }
            c->scales[i] = v->scale;
            WORDS(uint64_t);
            break;
        case PHYS_I64: WORDS(uint64_t); break;
        case PHYS_VAR: words_of_text(cx, v, keys[i]->type == TYPE_BPCHAR, rows, capacity, words, out); break;
        default: return ST_OK;
        }
        out->words[i] = words;
    }
    TRY(make_room(cx, c, count, rows.count));
    out->hashes = arena_alloc(cx->arena, sizeof(*out->hashes) * capacity);
    hash_keys(out, rows, out->hashes);
    if (c->exact && c->mask >= 64 * GROUP_CACHE_SLOTS) {
        for (uint32_t k = 0; k < rows.count; k++)
            __builtin_prefetch(&c->slots[out->hashes[rows_at(rows, k)] & c->mask]);
    }
    *usable = true;
    return ST_OK;
}
