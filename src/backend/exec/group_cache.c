/* group_cache.c - see group_cache.h. A value becomes one word: the number itself, or up to seven bytes of
 * text and their count. */
#include "backend/exec/group_cache.h"

enum { SHORT_BYTES = 7 };

void
group_cache_clear(GroupCache *c)
{
    memset(c, 0, sizeof(*c));
}

static uint8_t *
need_unfit(Ctx *cx, GroupKeys *k, uint32_t capacity)
{
    if (k->unfit == NULL)
        k->unfit = arena_zalloc(cx->arena, capacity);
    return k->unfit;
}

static void
words_of_text(Ctx *cx, const Vector *v, Rows rows, uint32_t capacity, uint64_t *words, GroupKeys *k)
{
    const VarRef *data = v->data;

    for (uint32_t i = 0; i < rows.count; i++) {
        uint32_t row = rows_at(rows, i), n;
        uint64_t word = 0;

        if (UNLIKELY(k->unfit != NULL && k->unfit[row])) { /* a null points nowhere */
            words[row] = 0;
            continue;
        }
        n = data[row].bytes;
        if (LIKELY(n <= SHORT_BYTES)) {
            for (uint32_t b = 0; b < n; b++)
                word |= (uint64_t)(uint8_t)data[row].data[b] << (8 * b);
            words[row] = word | (uint64_t)(n + 1) << 56;
        } else {
            words[row] = 0;
            need_unfit(cx, k, capacity)[row] = 1;
        }
    }
}

#define WORDS(T)                                                                                               \
    for (uint32_t k = 0; k < rows.count; k++) {                                                                \
        uint32_t row = rows_at(rows, k);                                                                       \
                                                                                                               \
        words[row] = (uint64_t)((const T *)v->data)[row];                                                      \
    }

bool
group_keys_make(Ctx *cx, GroupCache *c, Vector *const *columns, int count, Rows rows, uint32_t capacity,
                GroupKeys *out)
{
    *out = (GroupKeys){.count = count};
    if (count > GROUP_CACHE_COLUMNS)
        return false;
    for (int i = 0; i < count; i++) {
        const Vector *v = columns[i];
        uint64_t *words = arena_alloc(cx->arena, sizeof(*words) * capacity);

        if (v->is_const)
            return false;
        for (uint32_t k = 0; k < rows.count && v->nulls != NULL; k++) {
            uint32_t row = rows_at(rows, k);

            if (bit_get(v->nulls, row))
                need_unfit(cx, out, capacity)[row] = 1;
        }
        switch ((Phys)v->phys) {
        case PHYS_BOOL: WORDS(uint8_t); break;
        case PHYS_I16: WORDS(uint16_t); break;
        case PHYS_I32:
        case PHYS_U32: WORDS(uint32_t); break;
        case PHYS_DEC64:
            if (c->scales[i] != v->scale)
                group_cache_clear(c);
            c->scales[i] = v->scale;
            WORDS(uint64_t);
            break;
        case PHYS_I64: WORDS(uint64_t); break;
        case PHYS_VAR: words_of_text(cx, v, rows, capacity, words, out); break;
        default: return false;
        }
        out->words[i] = words;
    }
    return true;
}
