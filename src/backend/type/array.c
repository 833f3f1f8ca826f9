/* array.c - building arrays and looking into them; order, hash, key. */
#include "backend/type/array.h"

#include <string.h>

#include "backend/type/numeric.h"
#include "backend/type/type_int.h"
#include "base/hash.h"

enum { HEADER_BYTES = 8 };

/* --- looking --------------------------------------------------------------------------------------------------- */
static int32_t
get_i32(const char *p)
{
    return (int32_t)get_u32(p);
}

ArrayView
array_open(VarRef v)
{
    ArrayView a = {0};
    const char *p = v.data + HEADER_BYTES;
    bool has_nulls;

    ASSERT(v.bytes >= HEADER_BYTES);
    a.elem = get_u32(v.data);
    a.phys = (Phys)(uint8_t)v.data[4];
    a.dimensions = v.data[5];
    has_nulls = v.data[6] != 0;
    ASSERT(a.dimensions <= ARRAY_DIMENSIONS_MOST);
    a.count = a.dimensions > 0;
    for (int i = 0; i < a.dimensions; i++, p += 4) {
        a.lengths[i] = get_i32(p);
        a.count *= (uint32_t)a.lengths[i];
    }
    for (int i = 0; i < a.dimensions; i++, p += 4)
        a.lower[i] = get_i32(p);
    if (has_nulls) {
        a.nulls = (const uint8_t *)p;
        p += (a.count + 7) / 8;
    }
    a.elements = p;
    a.bytes = p + (size_t)a.count * sizeof(uint32_t);
    return a;
}

Value
array_at(const ArrayView *a, uint32_t i)
{
    Value v = {.phys = (uint8_t)a->phys};
    uint32_t start, end;

    ASSERT(i < a->count);
    if (a->nulls != NULL && (a->nulls[i / 8] >> (i % 8) & 1) != 0)
        return value_null();
    if (a->phys == PHYS_VAR) {
        start = i == 0 ? 0 : get_u32(a->elements + (size_t)(i - 1) * 4);
        end = get_u32(a->elements + (size_t)i * 4);
        return value_var(a->bytes + start, end - start);
    }
    memcpy(&v, a->elements + (size_t)i * phys_bytes(a->phys), phys_bytes(a->phys));
    return v;
}

Value *
array_values(Ctx *cx, const ArrayView *a)
{
    Value *values = arena_alloc(cx->arena, sizeof(Value) * MAX_OF(a->count, 1u));

    for (uint32_t i = 0; i < a->count; i++)
        values[i] = array_at(a, i);
    return values;
}

/* --- building ---------------------------------------------------------------------------------------------------- */
static Phys
element_phys(Oid elem, const Value *values, uint32_t count)
{
    const TypeInfo *type = type_by_oid(elem);

    if (type != NULL)
        return type->phys;
    for (uint32_t i = 0; i < count; i++)
        if (!values[i].is_null)
            return (Phys)values[i].phys;
    return PHYS_VAR;
}

static Status
fail_size(Ctx *cx)
{
    return fail(cx, ST_ERROR, "54000", "array size exceeds the maximum allowed (%d)", ARRAY_ELEMENTS_MOST);
}

static size_t
put_header(char *p, Oid elem, Phys phys, int dimensions, bool has_nulls, const int32_t *lengths,
           const int32_t *lower)
{
    char *start = p;

    put_u32(p, elem);
    p[4] = (char)phys;
    p[5] = (char)dimensions;
    p[6] = has_nulls;
    p[7] = 0;
    p += HEADER_BYTES;
    for (int i = 0; i < dimensions; i++, p += 4)
        put_u32(p, (uint32_t)lengths[i]);
    for (int i = 0; i < dimensions; i++, p += 4)
        put_u32(p, (uint32_t)lower[i]);
    return (size_t)(p - start);
}

Status
array_build(Ctx *cx, Oid elem, int dimensions, const int32_t *lengths, const int32_t *lower,
            const Value *values, Value *out)
{
    uint64_t count = dimensions > 0, bytes;
    uint32_t end = 0;
    bool has_nulls = false;
    Phys phys;
    char *start, *p, *ends;
    Value *packed = NULL;

    ASSERT(dimensions >= 0 && dimensions <= ARRAY_DIMENSIONS_MOST);
    for (int i = 0; i < dimensions; i++) {
        int32_t upper;

        count *= (uint64_t)lengths[i];
        if (count > ARRAY_ELEMENTS_MOST)
            return fail_size(cx);
        if (__builtin_add_overflow(lower[i], lengths[i], &upper))
            return fail(cx, ST_ERROR, "54000", "array lower bound is too large: %d", lower[i]);
    }
    if (elem == TYPE_NUMERIC) {
        packed = arena_alloc(cx->arena, sizeof(Value) * MAX_OF(count, 1u));
        for (uint32_t i = 0; i < count; i++)
            packed[i] = numeric_pack(cx->arena, &values[i]);
        values = packed;
    }
    phys = element_phys(elem, values, (uint32_t)count);
    bytes = HEADER_BYTES + 8 * (uint64_t)dimensions + (phys == PHYS_VAR ? 4 : phys_bytes(phys)) * count;
    for (uint32_t i = 0; i < count; i++) {
        has_nulls |= values[i].is_null;
        if (phys == PHYS_VAR && !values[i].is_null)
            bytes += values[i].var.bytes;
    }
    if (has_nulls)
        bytes += (count + 7) / 8;
    if (bytes > BUF_MOST_BYTES)
        return fail(cx, ST_ERROR, "54000", "array size exceeds the maximum allowed (%d)", BUF_MOST_BYTES);
    start = p = arena_alloc(cx->arena, bytes);
    p += put_header(p, elem, phys, dimensions, has_nulls, lengths, lower);
    if (has_nulls) {
        memset(p, 0, (count + 7) / 8);
        for (uint32_t i = 0; i < count; i++)
            if (values[i].is_null)
                p[i / 8] |= (char)(1 << (i % 8));
        p += (count + 7) / 8;
    }
    ends = p;
    if (phys == PHYS_VAR)
        p += 4 * count;
    for (uint32_t i = 0; i < count; i++) {
        if (phys != PHYS_VAR) {
            static const Value zero;

            memcpy(p, values[i].is_null ? &zero : &values[i], phys_bytes(phys));
            p += phys_bytes(phys);
            continue;
        }
        if (!values[i].is_null && values[i].var.bytes > 0) {
            memcpy(p, values[i].var.data, values[i].var.bytes);
            p += values[i].var.bytes;
            end += values[i].var.bytes;
        }
        put_u32(ends + (size_t)i * 4, end);
    }
    ASSERT((size_t)(p - start) == bytes);
    *out = value_var(start, bytes);
    return ST_OK;
}

Status
array_empty(Ctx *cx, Oid elem, Value *out)
{
    return array_build(cx, elem, 0, NULL, NULL, NULL, out);
}

Status
array_from_values(Ctx *cx, Oid elem, const Value *values, uint32_t count, Value *out)
{
    int32_t length = (int32_t)count, lower = 1;

    if (count > ARRAY_ELEMENTS_MOST)
        return fail_size(cx);
    return array_build(cx, elem, count > 0, &length, &lower, values, out);
}

/* --- elements ------------------------------------------------------------------------------------------------------- */
Value
array_get_element(const ArrayView *a, const int32_t *subscripts, int count)
{
    uint32_t at = 0;

    if (count != a->dimensions)
        return value_null();
    for (int i = 0; i < count; i++) {
        int64_t offset = (int64_t)subscripts[i] - a->lower[i];

        if (offset < 0 || offset >= a->lengths[i])
            return value_null();
        at = at * (uint32_t)a->lengths[i] + (uint32_t)offset;
    }
    return array_at(a, at);
}

Status
array_get_slice(Ctx *cx, const ArrayView *a, const int32_t *lower, const bool *lower_given,
                const int32_t *upper, const bool *upper_given, int count, Value *out)
{
    int32_t from[ARRAY_DIMENSIONS_MOST], lengths[ARRAY_DIMENSIONS_MOST], ones[ARRAY_DIMENSIONS_MOST];
    uint32_t total = 1;
    Value *values;

    if (a->dimensions < count || a->dimensions == 0)
        return array_empty(cx, a->elem, out);
    for (int i = 0; i < a->dimensions; i++) {
        int64_t low = a->lower[i], high = low + a->lengths[i] - 1;

        if (i < count && lower_given[i])
            low = MAX_OF(low, lower[i]);
        if (i < count && upper_given[i])
            high = MIN_OF(high, upper[i]);
        if (high < low)
            return array_empty(cx, a->elem, out);
        from[i] = (int32_t)(low - a->lower[i]);
        lengths[i] = (int32_t)(high - low + 1);
        ones[i] = 1;
        total *= (uint32_t)lengths[i];
    }
    values = arena_alloc(cx->arena, sizeof(Value) * total);
    for (uint32_t n = 0; n < total; n++) {
        uint32_t rest = n, at = 0, factor = 1;

        for (int i = a->dimensions - 1; i >= 0; i--) {
            at += (uint32_t)(from[i] + (int32_t)(rest % (uint32_t)lengths[i])) * factor;
            rest /= (uint32_t)lengths[i];
            factor *= (uint32_t)a->lengths[i];
        }
        values[n] = array_at(a, at);
    }
    return array_build(cx, a->elem, a->dimensions, lengths, ones, values, out);
}

/* One dimension: the element may lie beside what is there; between them stand nulls. */
static Status
set_extending(Ctx *cx, const ArrayView *a, int32_t subscript, const Value *v, Value *out)
{
    int64_t low = a->lower[0], end = low + a->lengths[0], new_low = MIN_OF(low, subscript),
            new_end = MAX_OF(end, (int64_t)subscript + 1);
    Value *values;
    int32_t length, lower = (int32_t)new_low;

    if (new_end - new_low > ARRAY_ELEMENTS_MOST)
        return fail_size(cx);
    length = (int32_t)(new_end - new_low);
    values = arena_alloc(cx->arena, sizeof(Value) * (size_t)length);
    for (int32_t i = 0; i < length; i++) {
        int64_t at = new_low + i;

        values[i] = at >= low && at < end ? array_at(a, (uint32_t)(at - low)) : value_null();
    }
    values[subscript - new_low] = *v;
    return array_build(cx, a->elem, 1, &length, &lower, values, out);
}

Status
array_set_element(Ctx *cx, Oid elem, const Value *array, const int32_t *subscripts, int count, const Value *v,
                  Value *out)
{
    ArrayView a = {.elem = elem};
    Value *values;
    uint32_t at = 0;

    if (!array->is_null)
        a = array_open(array->var);
    if (a.dimensions == 0) { /* the first element makes the array */
        int32_t lengths[ARRAY_DIMENSIONS_MOST];

        for (int i = 0; i < count; i++)
            lengths[i] = 1;
        return array_build(cx, elem, count, lengths, subscripts, v, out);
    }
    if (count != a.dimensions)
        return fail(cx, ST_ERROR, "2202E", "wrong number of array subscripts");
    if (count == 1)
        return set_extending(cx, &a, subscripts[0], v, out);
    for (int i = 0; i < count; i++) {
        int64_t offset = (int64_t)subscripts[i] - a.lower[i];

        if (offset < 0 || offset >= a.lengths[i])
            return fail(cx, ST_ERROR, "2202E", "array subscript out of range");
        at = at * (uint32_t)a.lengths[i] + (uint32_t)offset;
    }
    values = array_values(cx, &a);
    values[at] = *v;
    return array_build(cx, elem, a.dimensions, a.lengths, a.lower, values, out);
}

/* --- order, hash, key --------------------------------------------------------------------------------------------------- */
/* Types of the catalog have no compare here; they are told apart by their bytes. */
static int
compare_elements(const TypeInfo *type, const Value *a, const Value *b)
{
    if (type != NULL && type->compare != NULL)
        return type->compare(a, b);
    if (a->phys == PHYS_VAR)
        return cmp_bytes(a->var, b->var);
    return memcmp(a, b, phys_bytes((Phys)a->phys));
}

static void
key_add_element(const TypeInfo *type, const Value *v, Buf *to)
{
    if (type != NULL && type->key_encode != NULL)
        type->key_encode(v, to);
    else if (v->phys == PHYS_VAR)
        key_add_bytes(to, v->var.data, v->var.bytes);
    else
        buf_add(to, v, phys_bytes((Phys)v->phys));
}

/* Element by element, null above all; then by how many there are; then by shape. */
TYPE_COMPARE(array)
{
    ArrayView x = array_open(a->var), y = array_open(b->var);
    const TypeInfo *type = type_by_oid(x.elem);
    int order;

    for (uint32_t i = 0; i < MIN_OF(x.count, y.count); i++) {
        Value u = array_at(&x, i), v = array_at(&y, i);

        if (u.is_null || v.is_null)
            order = (int)u.is_null - (int)v.is_null;
        else
            order = compare_elements(type, &u, &v);
        if (order != 0)
            return order;
    }
    if (x.count != y.count)
        return x.count < y.count ? -1 : 1;
    if (x.dimensions != y.dimensions)
        return x.dimensions < y.dimensions ? -1 : 1;
    for (int i = 0; i < x.dimensions; i++)
        if ((order = cmp_i64(x.lengths[i], y.lengths[i])) != 0)
            return order;
    for (int i = 0; i < x.dimensions; i++)
        if ((order = cmp_i64(x.lower[i], y.lower[i])) != 0)
            return order;
    return 0;
}

TYPE_HASH(array)
{
    ArrayView a = array_open(v->var);
    const TypeInfo *type = type_by_oid(a.elem);
    uint64_t h = hash_u64(a.count);

    for (uint32_t i = 0; i < a.count; i++) {
        Value e = array_at(&a, i);

        h = hash_combine(h, e.is_null || type == NULL || type->hash == NULL ? 0 : type->hash(&e));
    }
    return h;
}

TYPE_KEY(array)
{
    enum { END, ELEMENT, NO_ELEMENT };
    ArrayView a = array_open(v->var);
    const TypeInfo *type = type_by_oid(a.elem);

    for (uint32_t i = 0; i < a.count; i++) {
        Value e = array_at(&a, i);

        buf_add_char(to, e.is_null ? NO_ELEMENT : ELEMENT);
        if (!e.is_null)
            key_add_element(type, &e, to);
    }
    buf_add_char(to, END);
    buf_add_char(to, (char)a.dimensions);
    for (int i = 0; i < a.dimensions; i++)
        buf_add_u32(to, (uint32_t)a.lengths[i]);
    for (int i = 0; i < a.dimensions; i++)
        buf_add_u32(to, (uint32_t)a.lower[i] ^ UINT32_C(1) << 31);
}
