/* record.c - see record.h. Order is column by column, null above all. */
#include "backend/type/record.h"

#include <string.h>

#include "backend/type/numeric.h"
#include "backend/type/type_int.h"
#include "base/hash.h"

enum { COUNT_BYTES = 4, ENTRY_BYTES = 12, PIECE_BYTES = 64 * 1024 };

/* --- building, looking ---------------------------------------------------------------------------------------------- */
Status
record_build(Ctx *cx, const Oid *types, const Value *values, int count, Value *out)
{
    size_t bytes = COUNT_BYTES + ENTRY_BYTES * (size_t)count;
    uint32_t end = 0;
    char *start, *entry, *p;
    Value *packed = arena_alloc(cx->arena, sizeof(Value) * (size_t)MAX_OF(count, 1));

    for (int i = 0; i < count; i++) {
        packed[i] = types[i] == TYPE_NUMERIC ? numeric_pack(cx->arena, &values[i]) : values[i];
        if (!packed[i].is_null)
            bytes += packed[i].phys == PHYS_VAR ? packed[i].var.bytes : phys_bytes((Phys)packed[i].phys);
    }
    if (bytes > BUF_MOST_BYTES)
        return fail(cx, ST_ERROR, "54000", "row is larger than the allowed maximum of 1 GB");
    start = arena_alloc(cx->arena, bytes);
    put_u32(start, (uint32_t)count);
    entry = start + COUNT_BYTES;
    p = entry + ENTRY_BYTES * (size_t)count;
    for (int i = 0; i < count; i++, entry += ENTRY_BYTES) {
        const Value *v = &packed[i];
        uint32_t n = v->is_null ? 0 : v->phys == PHYS_VAR ? v->var.bytes : phys_bytes((Phys)v->phys);

        if (n > 0)
            memcpy(p, v->phys == PHYS_VAR ? (const void *)v->var.data : (const void *)v, n);
        p += n;
        end += n;
        put_u32(entry, types[i]);
        entry[4] = (char)(v->is_null ? PHYS_NONE : v->phys);
        entry[5] = v->is_null;
        put_u16(entry + 6, 0);
        put_u32(entry + 8, end);
    }
    *out = value_var(start, bytes);
    return ST_OK;
}

int
record_count(VarRef record)
{
    ASSERT(record.bytes >= COUNT_BYTES);
    return (int)get_u32(record.data);
}

Value
record_at(VarRef record, int column, Oid *type)
{
    int count = record_count(record);
    const char *entry = record.data + COUNT_BYTES + ENTRY_BYTES * (size_t)column;
    const char *bytes = record.data + COUNT_BYTES + ENTRY_BYTES * (size_t)count;
    uint32_t start = column > 0 ? get_u32(entry - ENTRY_BYTES + 8) : 0, end = get_u32(entry + 8);
    Value v = {.phys = (uint8_t)entry[4]};

    ASSERT(column >= 0 && column < count);
    *type = get_u32(entry);
    if (entry[5] != 0)
        return value_null();
    if (v.phys == PHYS_VAR)
        return value_var(bytes + start, end - start);
    memcpy(&v, bytes + start, end - start);
    return v;
}

/* --- forms -------------------------------------------------------------------------------------------------------------- */
TYPE_IN(record)
{
    return fail(cx, ST_ERROR, "0A000", "input of anonymous composite types is not implemented");
}

static bool
needs_quotes(const Buf *item)
{
    if (item->bytes == 0)
        return true;
    for (size_t i = 0; i < item->bytes; i++)
        if (strchr("\"\\(),", item->data[i]) != NULL || is_space(item->data[i]))
            return true;
    return false;
}

/* Quotes double with each row inside a row: 30 of them are a gigabyte. */
static Status
check_size(Ctx *cx, const Buf *b)
{
    TRY(ctx_poll(cx));
    if (!b->failed)
        return ST_OK;
    return fail(cx, ST_ERROR, "54000", "text of a row is larger than the allowed maximum of 1 GB");
}

/* In pieces: whoever waits for a gigabyte of quotes can cancel, and what is too long is given up where it is found out. */
static Status
add_quoted(Ctx *cx, const Buf *item, Buf *to)
{
    buf_add_char(to, '"');
    for (size_t at = 0; at < item->bytes;) {
        const char *from = item->data + at, *end = from + MIN_OF(item->bytes - at, PIECE_BYTES);
        size_t bytes = (size_t)(end - from);
        char *p;

        at += bytes;
        for (const char *c = from; c < end; c++)
            bytes += *c == '"' || *c == '\\';
        p = buf_extend(to, bytes);
        TRY(check_size(cx, to));
        for (const char *c = from; c < end; c++) {
            if (*c == '"' || *c == '\\')
                *p++ = *c;
            *p++ = *c;
        }
    }
    buf_add_char(to, '"');
    return check_size(cx, to);
}

static Status
show_columns(Ctx *cx, VarRef record, Buf *item, Buf *to)
{
    for (int i = 0; i < record_count(record); i++) {
        Oid type_oid;
        Value v = record_at(record, i, &type_oid);
        const TypeInfo *type = type_find(cx, type_oid);

        if (i > 0)
            buf_add_char(to, ',');
        if (v.is_null)
            continue;
        if (type == NULL)
            return fail(cx, ST_ERROR, "XX000", "cache lookup failed for type %u", type_oid);
        buf_clear(item);
        TRY(type->out(cx, type, &v, item));
        TRY(check_size(cx, item));
        if (!needs_quotes(item)) {
            buf_add(to, item->data, item->bytes);
            continue;
        }
        TRY(add_quoted(cx, item, to));
    }
    return ST_OK;
}

TYPE_OUT(record)
{
    Buf item = BUF_OF(cx);
    Status rc;

    buf_add_char(to, '(');
    rc = show_columns(cx, v->var, &item, to);
    buf_add_char(to, ')');
    buf_free(&item);
    return rc;
}

TYPE_RECV(record)
{
    return fail(cx, ST_ERROR, "0A000", "input of anonymous composite types is not implemented");
}

TYPE_SEND(record)
{
    int count = record_count(v->var);

    buf_add_u32(to, (uint32_t)count);
    for (int i = 0; i < count; i++) {
        Oid type_oid;
        Value column = record_at(v->var, i, &type_oid);
        const TypeInfo *elem = type_find(cx, type_oid);
        size_t start;

        buf_add_u32(to, type_oid);
        start = to->bytes;
        if (column.is_null) {
            buf_add_u32(to, UINT32_MAX);
            continue;
        }
        if (elem == NULL)
            return fail(cx, ST_ERROR, "XX000", "cache lookup failed for type %u", type_oid);
        buf_add_u32(to, 0);
        TRY(elem->send(cx, elem, &column, to));
        if (!to->failed)
            put_be32(to->data + start, (uint32_t)(to->bytes - start - 4));
    }
    return ST_OK;
}

/* --- order ----------------------------------------------------------------------------------------------------------------- */
static int
compare_columns(const Value *a, Oid type_a, const Value *b, Oid type_b)
{
    const TypeInfo *type = type_by_oid(type_a);

    if (a->is_null || b->is_null)
        return (int)a->is_null - (int)b->is_null;
    if (type_a != type_b) /* the binder does not let this happen; some order is better than none */
        return type_a < type_b ? -1 : 1;
    if (type != NULL && type->compare != NULL)
        return type->compare(a, b);
    return a->phys == PHYS_VAR ? cmp_bytes(a->var, b->var) : memcmp(a, b, phys_bytes((Phys)a->phys));
}

TYPE_COMPARE(record)
{
    int x = record_count(a->var), y = record_count(b->var);

    for (int i = 0; i < MIN_OF(x, y); i++) {
        Oid type_a, type_b;
        Value u = record_at(a->var, i, &type_a), v = record_at(b->var, i, &type_b);
        int order = compare_columns(&u, type_a, &v, type_b);

        if (order != 0)
            return order;
    }
    return (x > y) - (x < y);
}

TYPE_HASH(record)
{
    uint64_t h = (uint64_t)record_count(v->var);

    for (int i = 0; i < record_count(v->var); i++) {
        Oid type_oid;
        Value column = record_at(v->var, i, &type_oid);
        const TypeInfo *type = type_by_oid(type_oid);

        h = hash_combine(h, column.is_null || type == NULL || type->hash == NULL ? 0 : type->hash(&column));
    }
    return h;
}

TYPE_KEY(record)
{
    enum { END, COLUMN, NO_COLUMN };

    for (int i = 0; i < record_count(v->var); i++) {
        Oid type_oid;
        Value column = record_at(v->var, i, &type_oid);
        const TypeInfo *type = type_by_oid(type_oid);

        buf_add_char(to, column.is_null ? NO_COLUMN : COLUMN);
        if (column.is_null)
            continue;
        if (type != NULL && type->key_encode != NULL)
            type->key_encode(&column, to);
        else if (column.phys == PHYS_VAR)
            key_add_bytes(to, column.var.data, column.var.bytes);
        else
            buf_add(to, &column, phys_bytes((Phys)column.phys));
    }
    buf_add_char(to, END);
}
