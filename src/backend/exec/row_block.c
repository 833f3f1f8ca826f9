/* row_block.c - see row_block.h. */
#include "backend/exec/row_block.h"

#include "backend/exec/exec_int.h"
#include "base/buf.h"

typedef struct BlockHeader {
    uint32_t row_count, column_count;
} BlockHeader;

typedef struct ColumnHeader {
    uint8_t phys, flags;
    int16_t scale;
    uint32_t text_bytes;
} ColumnHeader;
static_assert(sizeof(ColumnHeader) == 8, "parts begin at multiples of 8");

enum { COLUMN_HAS_NULLS = 1 };

static uint32_t
element_bytes(Phys phys)
{
    return phys == PHYS_VAR ? (uint32_t)sizeof(uint32_t) : phys_bytes(phys);
}

static inline uint32_t
row_at(const Vector *v, Rows rows, uint32_t k)
{
    return v->is_const ? 0 : rows_at(rows, k);
}

uint32_t
row_block_fit(const Vector *columns, int count, Rows rows, size_t bytes)
{
    size_t fixed = 0, total = 0;
    bool has_texts = false;

    for (int c = 0; c < count; c++) {
        fixed += element_bytes((Phys)columns[c].phys);
        has_texts |= columns[c].phys == PHYS_VAR;
    }
    if (!has_texts)
        return (uint32_t)MAX_OF(MIN_OF((size_t)rows.count, bytes / MAX_OF(fixed, (size_t)1)), (size_t)1);
    for (uint32_t k = 0; k < rows.count; k++) {
        total += fixed;
        for (int c = 0; c < count; c++) {
            const Vector *v = &columns[c];

            if (v->phys == PHYS_VAR && !vector_is_null(v, rows_at(rows, k)))
                total += ((const VarRef *)v->data)[row_at(v, rows, k)].bytes;
        }
        if (total > bytes)
            return MAX_OF(k, UINT32_C(1));
    }
    return MAX_OF(rows.count, UINT32_C(1));
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

static char *
part(Buf *out, size_t bytes)
{
    size_t padded = ALIGN_UP(bytes, 8);
    char *at = buf_extend(out, padded);

    if (at != NULL && padded > bytes)
        memset(at + bytes, 0, padded - bytes);
    return at;
}

static void
put_nulls(const Vector *v, Rows rows, Buf *out)
{
    uint64_t *bits = (uint64_t *)(void *)part(out, bit_words(rows.count) * sizeof(uint64_t));

    if (bits == NULL)
        return;
    memset(bits, 0, bit_words(rows.count) * sizeof(uint64_t));
    for (uint32_t k = 0; k < rows.count; k++) {
        if (vector_is_null(v, rows_at(rows, k)))
            bit_set(bits, k);
    }
}

#define PUT_ROWS(T)                                                                                            \
    for (uint32_t k = 0; k < rows.count; k++)                                                                  \
    ((T *)(void *)to)[k] = ((const T *)v->data)[row_at(v, rows, k)]

static void
put_elements(const Vector *v, Rows rows, Buf *out)
{
    uint32_t width = phys_bytes((Phys)v->phys);
    char *to = part(out, (size_t)width * rows.count);

    if (to == NULL)
        return;
    if (rows.sel == NULL && !v->is_const) {
        memcpy(to, v->data, (size_t)width * rows.count);
        return;
    }
    switch (width) {
    case 1: PUT_ROWS(uint8_t); break;
    case 2: PUT_ROWS(uint16_t); break;
    case 4: PUT_ROWS(uint32_t); break;
    case 8: PUT_ROWS(uint64_t); break;
    default: PUT_ROWS(Interval); break;
    }
}

/* Returns the bytes of all texts. */
static size_t
put_texts(const Vector *v, Rows rows, Buf *out)
{
    const VarRef *from = v->data;
    uint32_t *lengths = (uint32_t *)(void *)part(out, sizeof(uint32_t) * rows.count);
    size_t total = 0;
    char *to;

    if (lengths == NULL)
        return 0;
    for (uint32_t k = 0; k < rows.count; k++) {
        lengths[k] = vector_is_null(v, rows_at(rows, k)) ? 0 : from[row_at(v, rows, k)].bytes;
        total += lengths[k];
    }
    to = part(out, total); /* the lengths may have moved */
    for (uint32_t k = 0; k < rows.count && to != NULL; k++) {
        if (!vector_is_null(v, rows_at(rows, k))) {
            VarRef text = from[row_at(v, rows, k)];

            memcpy(to, text.data, text.bytes);
            to += text.bytes;
        }
    }
    return total;
}

Status
row_block_encode(Ctx *cx, const Vector *columns, int count, Rows rows, Buf *out)
{
    BlockHeader header = {rows.count, (uint32_t)count};

    buf_clear(out);
    buf_add(out, &header, sizeof(header));
    for (int c = 0; c < count; c++) {
        ColumnHeader h = {columns[c].phys, columns[c].nulls != NULL ? COLUMN_HAS_NULLS : 0, columns[c].scale,
                          0};

        buf_add(out, &h, sizeof(h));
    }
    for (int c = 0; c < count; c++) {
        const Vector *v = &columns[c];

        if (v->nulls != NULL)
            put_nulls(v, rows, out);
        if (v->phys == PHYS_VAR) {
            size_t total = put_texts(v, rows, out);

            if (!out->failed)
                ((ColumnHeader *)(void *)(out->data + sizeof(header)))[c].text_bytes = (uint32_t)total;
        } else {
            put_elements(v, rows, out);
        }
    }
    return out->failed ? fail_memory(cx, out->bytes) : ST_OK;
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

typedef struct BlockAt {
    const char *at, *end;
} BlockAt;

/* NULL: there are not so many bytes. */
static const void *
take(BlockAt *b, size_t bytes)
{
    const char *at = b->at;

    if (ALIGN_UP(bytes, 8) > (size_t)(b->end - at))
        return NULL;
    b->at += ALIGN_UP(bytes, 8);
    return at;
}

static bool
take_texts(BlockAt *b, uint32_t rows, uint32_t text_bytes, Arena *a, Vector *v)
{
    const uint32_t *lengths = take(b, sizeof(*lengths) * rows);
    const char *text = lengths != NULL ? take(b, text_bytes) : NULL;
    VarRef *refs;
    size_t left = text_bytes;

    if (text == NULL)
        return false;
    refs = arena_alloc(a, sizeof(*refs) * MAX_OF(rows, UINT32_C(1)));
    for (uint32_t i = 0; i < rows; i++) {
        if (lengths[i] > left)
            return false;
        refs[i] = (VarRef){text, lengths[i]};
        text += lengths[i];
        left -= lengths[i];
    }
    v->data = refs;
    return true;
}

Status
row_block_decode(Ctx *cx, const char *block, size_t bytes, Arena *a, Vector *columns, int count, uint32_t *rows)
{
    BlockAt b = {block, block + bytes};
    const BlockHeader *header = take(&b, sizeof(*header));
    const ColumnHeader *h;

    if (header == NULL || header->column_count != (uint32_t)count || header->row_count > BATCH_ROWS)
        goto damaged;
    h = take(&b, sizeof(*h) * (size_t)count);
    if (h == NULL)
        goto damaged;
    for (int c = 0; c < count; c++) {
        Vector *v = &columns[c];

        if (h[c].phys == PHYS_NONE || h[c].phys >= PHYS_COUNT)
            goto damaged;
        *v = (Vector){.phys = h[c].phys, .scale = h[c].scale};
        if (h[c].flags & COLUMN_HAS_NULLS) {
            v->nulls = (uint64_t *)(uintptr_t)take(&b, bit_words(header->row_count) * sizeof(uint64_t));
            if (v->nulls == NULL)
                goto damaged;
        }
        if (v->phys == PHYS_VAR) {
            if (!take_texts(&b, header->row_count, h[c].text_bytes, a, v))
                goto damaged;
            continue;
        }
        v->data = (void *)(uintptr_t)take(&b, (size_t)phys_bytes((Phys)v->phys) * header->row_count);
        if (v->data == NULL)
            goto damaged;
    }
    *rows = header->row_count;
    return ST_OK;
damaged:
    return fail(cx, ST_CORRUPT, "XX001", "a block of temporary rows has been damaged");
}
