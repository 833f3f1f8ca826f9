/* array_io.c - text and binary form of arrays; oidvector and int2vector. */
#include "backend/type/array.h"
#include "backend/type/type_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- reading --------------------------------------------------------------------------------------------------- */
typedef struct ArrayReader {
    Ctx *cx;
    const char *text, *p, *end; /* text: the whole, for messages */
    const TypeInfo *elem;
    int32_t typmod;
    char delimiter;
    Value *values;
    uint32_t count, capacity;
    int dimensions; /* known once the first innermost list has begun */
    bool fixed; /* dimensions and lengths are no longer open */
    int32_t lengths[ARRAY_DIMENSIONS_MOST];
    Buf item;
} ArrayReader;

static Status malformed(ArrayReader *r, const char *detail, ...) PRINTF_LIKE(2, 3);
static Status
malformed(ArrayReader *r, const char *detail, ...)
{
    char text[160];
    va_list args;

    va_start(args, detail);
    vsnprintf(text, sizeof(text), detail, args);
    va_end(args);
    fail(r->cx, ST_ERROR, "22P02", "malformed array literal: \"%.*s\"", (int)(r->end - r->text), r->text);
    fail_detail(r->cx, "%s", text);
    return ST_ERROR;
}

static void
skip_space(ArrayReader *r)
{
    while (r->p < r->end && is_space(*r->p))
        r->p++;
}

static void
push(ArrayReader *r, Value v)
{
    if (r->count == r->capacity) {
        Value *bigger = arena_alloc(r->cx->arena, sizeof(Value) * MAX_OF(2 * r->capacity, 16u));

        if (r->count > 0)
            memcpy(bigger, r->values, sizeof(Value) * r->count);
        r->values = bigger;
        r->capacity = MAX_OF(2 * r->capacity, 16u);
    }
    r->values[r->count++] = v;
}

/* One element: quoted or bare, with backslashes. `*was_null`: a bare NULL. */
static Status
read_item(ArrayReader *r, bool *was_null)
{
    size_t kept = 0; /* bytes up to the last one that is not bare white space */
    bool quoted = false, escaped = false;

    buf_clear(&r->item);
    while (r->p < r->end && *r->p != r->delimiter && *r->p != '}') {
        char c = *r->p++;

        if (c == '"') {
            if (quoted || r->item.bytes > 0)
                return malformed(r, "Unexpected array element.");
            quoted = true;
            for (;;) {
                if (r->p == r->end)
                    return malformed(r, "Unexpected end of input.");
                c = *r->p++;
                if (c == '"')
                    break;
                if (c == '\\') {
                    if (r->p == r->end)
                        return malformed(r, "Unexpected end of input.");
                    c = *r->p++;
                }
                buf_add_char(&r->item, c);
            }
            kept = r->item.bytes;
            skip_space(r);
            if (r->p < r->end && *r->p != r->delimiter && *r->p != '}')
                return malformed(r, "Unexpected array element.");
            break;
        }
        if (c == '{')
            return malformed(r, "Unexpected \"%c\" character.", '{');
        if (c == '\\') {
            if (r->p == r->end)
                return malformed(r, "Unexpected end of input.");
            buf_add_char(&r->item, *r->p++);
            kept = r->item.bytes;
            escaped = true;
            continue;
        }
        buf_add_char(&r->item, c);
        if (!is_space(c))
            kept = r->item.bytes;
    }
    r->item.bytes = kept;
    *was_null = !quoted && !escaped && kept == 4 && strncasecmp(r->item.data, "null", 4) == 0;
    if (kept == 0 && !quoted)
        return malformed(r, "Unexpected \"%c\" character.", r->p < r->end ? *r->p : '}');
    return ST_OK;
}

static Status
read_value(ArrayReader *r)
{
    bool was_null;
    Value v = value_null();
    const char *text;

    TRY(read_item(r, &was_null));
    if (!was_null) {
        text = arena_strndup(r->cx->arena, r->item.data != NULL ? r->item.data : "", r->item.bytes);
        TRY(r->elem->in(r->cx, r->elem, text, r->item.bytes, r->typmod, &v));
    }
    push(r, v);
    return ST_OK;
}

static Status
mismatched(ArrayReader *r)
{
    return malformed(r, "Multidimensional arrays must have sub-arrays with matching dimensions.");
}

/* A list in braces; the brace has been read. */
static Status
read_list(ArrayReader *r, int depth)
{
    int32_t length = 0;
    bool innermost = true;

    if (depth >= ARRAY_DIMENSIONS_MOST)
        return fail(r->cx, ST_ERROR, "54000",
                    "number of array dimensions (%d) exceeds the maximum allowed (%d)", depth + 1,
                    ARRAY_DIMENSIONS_MOST);
    skip_space(r);
    if (r->p < r->end && *r->p == '}') {
        if (depth > 0) /* only the whole may be empty */
            return malformed(r, "Unexpected \"%c\" character.", '}');
        r->p++;
        r->dimensions = 0;
        return ST_OK;
    }
    for (;;) {
        skip_space(r);
        if (r->p == r->end)
            return malformed(r, "Unexpected end of input.");
        if (*r->p == '{') {
            if (length > 0 && innermost)
                return r->dimensions == depth + 1 ? mismatched(r)
                                                  : malformed(r, "Unexpected \"%c\" character.", '{');
            innermost = false;
            r->p++;
            if (r->dimensions >= 0 && depth + 1 >= r->dimensions)
                return mismatched(r);
            TRY(read_list(r, depth + 1));
        } else {
            if (length > 0 && !innermost)
                return malformed(r, "Unexpected array element.");
            if (*r->p == '}')
                return malformed(r, "Unexpected \"%c\" character.", '}');
            if (*r->p == r->delimiter)
                return malformed(r, "Unexpected \"%c\" character.", r->delimiter);
            innermost = true;
            if (r->dimensions < 0)
                r->dimensions = depth + 1;
            else if (r->dimensions != depth + 1)
                return mismatched(r);
            TRY(read_value(r));
        }
        length++;
        skip_space(r);
        if (r->p == r->end)
            return malformed(r, "Unexpected end of input.");
        if (*r->p == '}') {
            r->p++;
            break;
        }
        if (*r->p != r->delimiter)
            return malformed(r, "Unexpected array element.");
        r->p++;
    }
    if (r->lengths[depth] < 0)
        r->lengths[depth] = length;
    else if (r->lengths[depth] != length)
        return mismatched(r);
    return ST_OK;
}

/* [l:u][l:u]= ; answers how many dimensions were given. */
static Status
read_bounds(ArrayReader *r, int32_t *lower, int32_t *lengths, int *count)
{
    *count = 0;
    for (;;) {
        char *stop;
        long low, high;

        skip_space(r);
        if (r->p == r->end || *r->p != '[')
            break;
        if (*count >= ARRAY_DIMENSIONS_MOST)
            return fail(r->cx, ST_ERROR, "54000",
                        "number of array dimensions (%d) exceeds the maximum allowed (%d)", *count + 1,
                        ARRAY_DIMENSIONS_MOST);
        r->p++;
        low = strtol(r->p, &stop, 10);
        if (stop == r->p)
            return malformed(r, "\"[\" must introduce explicitly-specified array dimensions.");
        r->p = stop;
        if (*r->p == ':') {
            high = strtol(r->p + 1, &stop, 10);
            if (stop == r->p + 1)
                return malformed(r, "Missing array dimension value.");
            r->p = stop;
        } else {
            high = low;
            low = 1;
        }
        if (*r->p != ']')
            return malformed(r, "Missing \"%s\" after array dimensions.", "]");
        r->p++;
        if (high < low)
            return fail(r->cx, ST_ERROR, "2202E", "upper bound cannot be less than lower bound");
        if (high - low + 1 > ARRAY_ELEMENTS_MOST)
            return fail(r->cx, ST_ERROR, "54000", "array size exceeds the maximum allowed (%d)",
                        ARRAY_ELEMENTS_MOST);
        lower[*count] = (int32_t)low;
        lengths[(*count)++] = (int32_t)(high - low + 1);
    }
    if (*count > 0) {
        if (r->p == r->end || *r->p != '=')
            return malformed(r, "Missing \"%s\" after array dimensions.", "=");
        r->p++;
        skip_space(r);
    }
    return ST_OK;
}

static Status
read_array(ArrayReader *r, Value *out)
{
    int32_t lower[ARRAY_DIMENSIONS_MOST], given[ARRAY_DIMENSIONS_MOST];
    int given_count;

    TRY(read_bounds(r, lower, given, &given_count));
    if (r->p == r->end || *r->p != '{') {
        if (given_count > 0)
            return malformed(r, "Array contents must start with \"{\".");
        return malformed(r, "Array value must start with \"{\" or dimension information.");
    }
    r->p++;
    for (int i = 0; i < ARRAY_DIMENSIONS_MOST; i++)
        r->lengths[i] = -1;
    r->dimensions = -1;
    TRY(read_list(r, 0));
    skip_space(r);
    if (r->p != r->end)
        return malformed(r, "Junk after closing right brace.");
    if (r->count == 0) {
        if (given_count > 0)
            return malformed(r, "Specified array dimensions do not match array contents.");
        return array_empty(r->cx, r->elem->oid, out);
    }
    if (given_count > 0) {
        if (given_count != r->dimensions ||
            memcmp(given, r->lengths, sizeof(int32_t) * (size_t)given_count) != 0)
            return malformed(r, "Specified array dimensions do not match array contents.");
    } else {
        for (int i = 0; i < r->dimensions; i++)
            lower[i] = 1;
    }
    return array_build(r->cx, r->elem->oid, r->dimensions, r->lengths, lower, r->values, out);
}

TYPE_IN(array)
{
    const char *copy = arena_strndup(cx->arena, text, bytes); /* ended by NUL, for strtol */
    ArrayReader r = {.cx = cx,
                     .text = copy,
                     .p = copy,
                     .end = copy + bytes,
                     .elem = type_find(cx, type->elem),
                     .typmod = typmod,
                     .delimiter = ','};
    Status rc;

    ASSERT(r.elem != NULL);
    rc = read_array(&r, out);
    buf_free(&r.item);
    return rc;
}

/* --- showing ------------------------------------------------------------------------------------------------------- */
static bool
needs_quotes(const char *text, size_t bytes, char delimiter)
{
    if (bytes == 0 || (bytes == 4 && strncasecmp(text, "null", 4) == 0))
        return true;
    for (size_t i = 0; i < bytes; i++)
        if (text[i] == '"' || text[i] == '\\' || text[i] == '{' || text[i] == '}' || text[i] == delimiter ||
            is_space(text[i]))
            return true;
    return false;
}

static Status
show_element(Ctx *cx, const TypeInfo *elem, const Value *v, Buf *item, Buf *to)
{
    if (v->is_null) {
        buf_add_text(to, "NULL");
        return ST_OK;
    }
    buf_clear(item);
    TRY(elem->out(cx, elem, v, item));
    if (!needs_quotes(item->data, item->bytes, ',')) {
        buf_add(to, item->data, item->bytes);
        return ST_OK;
    }
    buf_add_char(to, '"');
    for (size_t i = 0; i < item->bytes; i++) {
        if (item->data[i] == '"' || item->data[i] == '\\')
            buf_add_char(to, '\\');
        buf_add_char(to, item->data[i]);
    }
    buf_add_char(to, '"');
    return ST_OK;
}

/* Braces open before an element that begins a list, and close after one that ends it. */
static Status
show_elements(Ctx *cx, const TypeInfo *elem, const ArrayView *a, Buf *item, Buf *to)
{
    for (uint32_t i = 0; i < a->count; i++) {
        Value v = array_at(a, i);
        uint32_t size = 1;

        if (i > 0)
            buf_add_char(to, ',');
        for (int d = 0; d < a->dimensions; d++) {
            size = 1;
            for (int e = d; e < a->dimensions; e++)
                size *= (uint32_t)a->lengths[e];
            if (i % size == 0)
                buf_add_char(to, '{');
        }
        TRY(show_element(cx, elem, &v, item, to));
        size = 1;
        for (int d = a->dimensions - 1; d >= 0; d--) {
            size *= (uint32_t)a->lengths[d];
            if ((i + 1) % size == 0)
                buf_add_char(to, '}');
        }
    }
    return ST_OK;
}

TYPE_OUT(array)
{
    ArrayView a = array_open(v->var);
    const TypeInfo *elem = type_find(cx, a.elem);
    bool bounds = false;
    Buf item = BUF_OF(cx);
    Status rc;

    if (elem == NULL)
        return fail(cx, ST_ERROR, "XX000", "cache lookup failed for type %u", a.elem);
    if (a.count == 0) {
        buf_add_text(to, "{}");
        return ST_OK;
    }
    for (int i = 0; i < a.dimensions; i++)
        bounds |= a.lower[i] != 1;
    if (bounds) {
        for (int i = 0; i < a.dimensions; i++)
            buf_printf(to, "[%d:%d]", a.lower[i], a.lower[i] + a.lengths[i] - 1);
        buf_add_char(to, '=');
    }
    rc = show_elements(cx, elem, &a, &item, to);
    buf_free(&item);
    return rc;
}

/* --- binary ---------------------------------------------------------------------------------------------------------- */
TYPE_SEND(array)
{
    ArrayView a = array_open(v->var);
    const TypeInfo *elem = type_find(cx, a.elem);

    if (elem == NULL)
        return fail(cx, ST_ERROR, "XX000", "cache lookup failed for type %u", a.elem);
    buf_add_u32(to, (uint32_t)a.dimensions);
    buf_add_u32(to, a.nulls != NULL);
    buf_add_u32(to, a.elem);
    for (int i = 0; i < a.dimensions; i++) {
        buf_add_u32(to, (uint32_t)a.lengths[i]);
        buf_add_u32(to, (uint32_t)a.lower[i]);
    }
    for (uint32_t i = 0; i < a.count; i++) {
        Value e = array_at(&a, i);
        size_t start = to->bytes;

        if (e.is_null) {
            buf_add_u32(to, UINT32_MAX);
            continue;
        }
        buf_add_u32(to, 0);
        TRY(elem->send(cx, elem, &e, to));
        if (!to->failed)
            put_be32(to->data + start, (uint32_t)(to->bytes - start - 4));
    }
    return ST_OK;
}

static Status
recv_elements(Ctx *cx, const TypeInfo *elem, const char *p, const char *end, int32_t typmod, Value *values,
              uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        int32_t bytes;

        if (end - p < 4)
            return fail(cx, ST_ERROR, "22P03", "insufficient data left in message");
        bytes = (int32_t)get_be32(p);
        p += 4;
        if (bytes == -1) {
            values[i] = value_null();
            continue;
        }
        if (bytes < 0 || bytes > end - p)
            return fail(cx, ST_ERROR, "22P03", "insufficient data left in message");
        TRY(elem->recv(cx, elem, p, (size_t)bytes, typmod, &values[i]));
        p += bytes;
    }
    if (p != end)
        return fail(cx, ST_ERROR, "22P03", "incorrect binary data format");
    return ST_OK;
}

TYPE_RECV(array)
{
    const char *p = data, *end = p + bytes;
    const TypeInfo *elem = type_find(cx, type->elem);
    int32_t dimensions, lengths[ARRAY_DIMENSIONS_MOST], lower[ARRAY_DIMENSIONS_MOST];
    uint64_t count = 1;
    Value *values;
    Oid sent;

    if (bytes < 12)
        return fail(cx, ST_ERROR, "22P03", "insufficient data left in message");
    dimensions = (int32_t)get_be32(p);
    sent = get_be32(p + 8);
    if (dimensions < 0)
        return fail(cx, ST_ERROR, "22P03", "invalid number of dimensions: %d", dimensions);
    if (dimensions > ARRAY_DIMENSIONS_MOST)
        return fail(cx, ST_ERROR, "54000", "number of array dimensions (%d) exceeds the maximum allowed (%d)",
                    dimensions, ARRAY_DIMENSIONS_MOST);
    if (get_be32(p + 4) > 1)
        return fail(cx, ST_ERROR, "22P03", "invalid array flags");
    if (sent != type->elem)
        return fail(cx, ST_ERROR, "42804",
                    "binary data has array element type %u (%s) instead of expected %u (%s)", sent,
                    type_by_oid(sent) != NULL ? type_by_oid(sent)->sql_name : "???", type->elem,
                    elem->sql_name);
    p += 12;
    if (end - p < 8 * (ptrdiff_t)dimensions)
        return fail(cx, ST_ERROR, "22P03", "insufficient data left in message");
    for (int i = 0; i < dimensions; i++, p += 8) {
        lengths[i] = (int32_t)get_be32(p);
        lower[i] = (int32_t)get_be32(p + 4);
        if (lengths[i] < 0)
            return fail(cx, ST_ERROR, "22P03", "array size exceeds the maximum allowed (%d)",
                        ARRAY_ELEMENTS_MOST);
        count *= (uint64_t)lengths[i];
        if (count > ARRAY_ELEMENTS_MOST)
            return fail(cx, ST_ERROR, "54000", "array size exceeds the maximum allowed (%d)",
                        ARRAY_ELEMENTS_MOST);
    }
    if (dimensions == 0 || count == 0)
        return array_empty(cx, type->elem, out);
    if (count * 4 > (uint64_t)(end - p)) /* each element has at least a length */
        return fail(cx, ST_ERROR, "22P03", "insufficient data left in message");
    values = arena_alloc(cx->arena, sizeof(Value) * count);
    TRY(recv_elements(cx, elem, p, end, typmod, values, (uint32_t)count));
    return array_build(cx, type->elem, dimensions, lengths, lower, values, out);
}

/* --- oidvector, int2vector: "1 2 3", counted from 0 -------------------------------------------------------------------- */
static Status
read_vector(Ctx *cx, const TypeInfo *type, const char *text, size_t bytes, Value *out)
{
    const TypeInfo *elem = type_find(cx, type->elem);
    const char *p = text, *end = text + bytes;
    Value *values = arena_alloc(cx->arena, sizeof(Value) * (bytes / 2 + 1));
    int32_t count = 0, zero = 0;

    for (;;) {
        const char *start;

        while (p < end && is_space(*p))
            p++;
        if (p == end)
            break;
        start = p;
        if (p < end && (*p == '-' || *p == '+'))
            p++;
        while (p < end && is_digit(*p))
            p++;
        if (p == start) /* the message shows all that is left */
            p = end;
        TRY(elem->in(cx, elem, start, (size_t)(p - start), -1, &values[count]));
        count++;
    }
    return array_build(cx, type->elem, 1, &count, &zero, values, out);
}

static Status
show_vector(Ctx *cx, const Value *v, Buf *to)
{
    ArrayView a = array_open(v->var);
    const TypeInfo *elem = type_find(cx, a.elem);

    for (uint32_t i = 0; i < a.count; i++) {
        Value e = array_at(&a, i);

        if (i > 0)
            buf_add_char(to, ' ');
        TRY(elem->out(cx, elem, &e, to));
    }
    return ST_OK;
}

/* An empty one has its one dimension all the same. */
static Status
recv_vector(Ctx *cx, const TypeInfo *type, const void *data, size_t bytes, Value *out)
{
    ArrayView a;

    TRY(array_recv(cx, type, data, bytes, -1, out));
    a = array_open(out->var);
    if (a.dimensions > 1 || a.nulls != NULL)
        return fail(cx, ST_ERROR, "22P03", "invalid %s data", type->name);
    return array_build(cx, type->elem, 1, &(int32_t){(int32_t)a.count}, &(int32_t){0}, array_values(cx, &a),
                       out);
}

#define VECTOR_TYPE(name)                                                                                      \
    TYPE_IN(name)                                                                                              \
    {                                                                                                          \
        return read_vector(cx, type, text, bytes, out);                                                        \
    }                                                                                                          \
    TYPE_OUT(name)                                                                                             \
    {                                                                                                          \
        return show_vector(cx, v, to);                                                                         \
    }                                                                                                          \
    TYPE_RECV(name)                                                                                            \
    {                                                                                                          \
        return recv_vector(cx, type, data, bytes, out);                                                        \
    }                                                                                                          \
    TYPE_SEND(name)                                                                                            \
    {                                                                                                          \
        return array_send(cx, type, v, to);                                                                    \
    }
VECTOR_TYPE(oidvector)
VECTOR_TYPE(int2vector)

/* typmod input functions take a cstring[] of the numbers in the parentheses. */
SCALAR_FN(typmod_in)
{
    ArrayView a = array_open(args[0].var);
    int64_t numbers[4];
    int count, found = -1;
    const TypeInfo *all = type_table(&count);
    int32_t typmod;

    for (int i = 0; i < count && found < 0; i++)
        if (all[i].modin_fn == call->fn->oid && all[i].typmod_in != NULL)
            found = i;
    if (found < 0 || a.count > COUNT_OF(numbers))
        return fail(call->cx, ST_ERROR, "22023", "invalid type modifier");
    for (uint32_t i = 0; i < a.count; i++) {
        Value e = array_at(&a, i);

        if (e.is_null)
            return fail(call->cx, ST_ERROR, "22004", "typmod array must not contain nulls");
        if (parse_i64(e.var.data, e.var.bytes, &numbers[i]) != 0)
            return fail_syntax(call->cx, "integer", e.var.data, e.var.bytes);
    }
    TRY(all[found].typmod_in(call->cx, numbers, (int)a.count, &typmod));
    out->i32 = typmod;
    return ST_OK;
}

/* --- anyarray: what columns of pg_statistic and pg_attribute hold; shown, never read ------------------------------------ */
TYPE_IN(anyarray)
{
    return fail(cx, ST_ERROR, "0A000", "cannot accept a value of type %s", type->name);
}

TYPE_RECV(anyarray)
{
    return fail(cx, ST_ERROR, "0A000", "cannot accept a value of type %s", type->name);
}

TYPE_OUT(anyarray)
{
    return array_out(cx, type, v, to);
}

TYPE_SEND(anyarray)
{
    return array_send(cx, type, v, to);
}
