/* type_util.c - what every type needs: settings, errors, keys, text conversion, names of types. */
#include "backend/type/type_int.h"

#include <string.h>

const FormatSettings *
format_of(const Ctx *cx)
{
    static const FormatSettings defaults = {.extra_float_digits = 1, .bytea_hex = true};

    return cx->format != NULL ? cx->format : &defaults;
}

const TypeInfo *
type_find(Ctx *cx, Oid oid)
{
    const TypeInfo *type = type_by_oid(oid);

    return type == NULL && format_of(cx)->find_type != NULL ? format_of(cx)->find_type(cx, oid) : type;
}

/* --- errors --------------------------------------------------------------------------------------- */
Status
fail_syntax(Ctx *cx, const char *type_name, const char *text, size_t bytes)
{
    return fail(cx, ST_ERROR, "22P02", "invalid input syntax for type %s: \"%.*s\"", type_name, (int)bytes,
                text);
}

Status
fail_range(Ctx *cx, const char *type_name, const char *text, size_t bytes)
{
    return fail(cx, ST_ERROR, "22003", "value \"%.*s\" is out of range for type %s", (int)bytes, text,
                type_name);
}

Status
fail_int_range(Ctx *cx, const char *type_name)
{
    return fail(cx, ST_ERROR, "22003", "%s out of range", type_name);
}

Status
fail_binary(Ctx *cx, const TypeInfo *type)
{
    return fail(cx, ST_ERROR, "22P03", "incorrect binary data format for type %s", type->sql_name);
}

/* --- text and values ------------------------------------------------------------------------------ */
Status
value_from_buf(Ctx *cx, Buf *b, Value *out)
{
    Status rc = ST_OK;
    char *copy;

    if (b->failed && !b->no_memory) {
        rc = fail(cx, ST_ERROR, "54000", "value is larger than the allowed maximum of 1 GB");
    } else if (b->bytes == 0 && !b->failed) {
        *out = value_var("", 0);
    } else if (b->failed || (copy = arena_try_alloc(cx->arena, b->bytes)) == NULL) {
        rc = fail_memory(cx, MAX_OF(b->bytes, b->capacity_bytes));
    } else {
        memcpy(copy, b->data, b->bytes);
        *out = value_var(copy, b->bytes);
    }
    buf_free(b);
    return rc;
}

Value
value_from_cstr(Ctx *cx, const char *text)
{
    return value_var(arena_strdup(cx->arena, text), strlen(text));
}

char *
value_cstr(Ctx *cx, VarRef v)
{
    return arena_strndup(cx->arena, v.data, v.bytes);
}

Status
value_to_text(Ctx *cx, Oid type_oid, const Value *v, Value *out)
{
    const TypeInfo *type = type_find(cx, type_oid);
    Buf b = BUF_OF(cx);
    Status rc;

    if (type == NULL)
        return fail(cx, ST_ERROR, "XX000", "cache lookup failed for type %u", type_oid);
    rc = type->out(cx, type, v, &b);
    if (rc != ST_OK) {
        buf_free(&b);
        return rc;
    }
    return value_from_buf(cx, &b, out);
}

Status
value_from_text(Ctx *cx, Oid type_oid, VarRef text, int32_t typmod, Value *out)
{
    const TypeInfo *type = type_find(cx, type_oid);

    if (type == NULL)
        return fail(cx, ST_ERROR, "XX000", "cache lookup failed for type %u", type_oid);
    return type->in(cx, type, text.data, text.bytes, typmod, out);
}

int
cmp_bytes(VarRef a, VarRef b)
{
    int order = memcmp(a.data, b.data, MIN_OF(a.bytes, b.bytes));

    return order != 0 ? order : (a.bytes > b.bytes) - (a.bytes < b.bytes);
}

int
parse_i64(const char *text, size_t bytes, int64_t *out)
{
    const char *p = text, *end = text + bytes;
    bool negative = false, overflow = false;
    int64_t v = 0;

    while (p < end && is_space(*p))
        p++;
    if (p < end && (*p == '-' || *p == '+'))
        negative = *p++ == '-';
    if (p == end || !is_digit(*p))
        return -1;
    /* counted downwards, because the smallest number has no positive counterpart */
    for (; p < end && is_digit(*p); p++)
        overflow |= __builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, *p - '0', &v);
    while (p < end && is_space(*p))
        p++;
    if (p != end)
        return -1;
    if (!negative)
        overflow |= __builtin_sub_overflow(0, v, &v);
    if (overflow)
        return 1;
    *out = v;
    return 0;
}

/* --- keys ----------------------------------------------------------------------------------------- */
void
key_add_i64(Buf *to, int64_t v)
{
    buf_add_u64(to, (uint64_t)v ^ UINT64_C(1) << 63);
}

/* 0 becomes 0 255, the end is 0 1: shorter sorts first, and no key is the prefix of another. */
void
key_add_bytes(Buf *to, const char *data, size_t bytes)
{
    const char *end = data + bytes;

    while (data < end) {
        const char *zero = memchr(data, 0, (size_t)(end - data));
        size_t run = (size_t)((zero != NULL ? zero : end) - data);

        buf_add(to, data, run);
        data += run;
        if (zero != NULL) {
            buf_add(to, "\0\377", 2);
            data++;
        }
    }
    buf_add(to, "\0\1", 2);
}

/* --- names of types ------------------------------------------------------------------------------- */
Phys
type_column_phys(const TypeInfo *type, int32_t typmod, int16_t *scale)
{
    *scale = 0;
    if (type->oid == TYPE_NUMERIC && typmod >= 4) {
        int precision = (typmod - 4) >> 16 & 0xffff;
        int s = ((typmod - 4) & 0x7ff) ^ 1024;

        s -= 1024;
        if (precision <= 18 && s >= 0) {
            *scale = (int16_t)s;
            return PHYS_DEC64;
        }
    }
    return type->phys;
}

void
type_format(Oid oid, int32_t typmod, Buf *to)
{
    const TypeInfo *type = type_by_oid(oid);
    bool is_array = false;
    const char *name;

    if (type == NULL) {
        buf_printf(to, "???");
        return;
    }
    if (type->category == 'A' && type->typlen == -1 && type->name[0] == '_') {
        is_array = true;
        type = type_by_oid(type->elem);
        ASSERT(type != NULL);
    }
    name = type->sql_name;
    if (typmod >= 0 && type->typmod_out != NULL) {
        /* the modifier stands inside "timestamp(3) with time zone" */
        const char *rest = strstr(name, " with");

        if (rest != NULL && (type->category == 'D'))
            buf_add(to, name, (size_t)(rest - name));
        else
            buf_add_text(to, name);
        type->typmod_out(typmod, to);
        if (rest != NULL && type->category == 'D')
            buf_add_text(to, rest);
    } else if (type->oid == TYPE_BPCHAR && typmod < 0) {
        /* without a length it is not the "character" of the standard, which means character(1) */
        buf_add_text(to, typmod == -1 ? "character" : "bpchar");
    } else {
        buf_add_text(to, name);
    }
    if (is_array)
        buf_add_text(to, "[]");
}
