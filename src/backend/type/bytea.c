/* bytea.c - byte strings: forms, order, functions. */
#include "backend/type/type_int.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backend/type/text_int.h"
#include "base/hash.h"
#include "base/utf8.h"

/* --- hexadecimal ------------------------------------------------------------------------------------------------- */
static void
put_hex(const char *data, size_t bytes, Buf *to)
{
    static const char digits[] = "0123456789abcdef";
    char *p = buf_extend(to, 2 * bytes);

    if (p == NULL)
        return;
    for (size_t i = 0; i < bytes; i++) {
        *p++ = digits[(unsigned char)data[i] >> 4];
        *p++ = digits[data[i] & 15];
    }
}

static int
hex_value(char c)
{
    return is_digit(c)            ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static Status
read_hex(Ctx *cx, const char *text, size_t bytes, Value *out)
{
    char *to = arena_alloc(cx->arena, bytes / 2 + 1), *p = to;

    for (size_t i = 0; i < bytes;) {
        int high, low;

        if (text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
            i++;
            continue;
        }
        high = hex_value(text[i]);
        if (high < 0)
            return fail(cx, ST_ERROR, "22023", "invalid hexadecimal digit: \"%.*s\"", utf8_char_bytes(text[i]),
                        text + i);
        if (i + 1 >= bytes)
            return fail(cx, ST_ERROR, "22023", "invalid hexadecimal data: odd number of digits");
        low = hex_value(text[i + 1]);
        if (low < 0)
            return fail(cx, ST_ERROR, "22023", "invalid hexadecimal digit: \"%.*s\"",
                        utf8_char_bytes(text[i + 1]), text + i + 1);
        *p++ = (char)(high << 4 | low);
        i += 2;
    }
    *out = value_var(to, (size_t)(p - to));
    return ST_OK;
}

/* --- escapes: \\ and \ooo ---------------------------------------------------------------------------------------- */
static bool
is_octal(const char *p)
{
    return p[0] >= '0' && p[0] <= '3' && p[1] >= '0' && p[1] <= '7' && p[2] >= '0' && p[2] <= '7';
}

static Status
read_escaped(Ctx *cx, const char *text, size_t bytes, Value *out)
{
    char *to = arena_alloc(cx->arena, bytes), *p = to;

    for (size_t i = 0; i < bytes;) {
        if (text[i] != '\\') {
            *p++ = text[i++];
        } else if (i + 3 < bytes && is_octal(text + i + 1)) {
            *p++ = (char)((text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 | (text[i + 3] - '0'));
            i += 4;
        } else if (i + 1 < bytes && text[i + 1] == '\\') {
            *p++ = '\\';
            i += 2;
        } else {
            return fail(cx, ST_ERROR, "22P02", "invalid input syntax for type %s", "bytea");
        }
    }
    *out = value_var(to, (size_t)(p - to));
    return ST_OK;
}

static void
put_escaped(const char *data, size_t bytes, bool printable_only, Buf *to)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)data[i];

        if (c == '\\')
            buf_add_text(to, "\\\\");
        else if (printable_only ? c < 0x20 || c > 0x7e : c == 0 || c >= 0x80)
            buf_printf(to, "\\%03o", c);
        else
            buf_add_char(to, (char)c);
    }
}

/* --- forms ---------------------------------------------------------------------------------------------------------- */
TYPE_IN(bytea)
{
    if (bytes >= 2 && text[0] == '\\' && text[1] == 'x')
        return read_hex(cx, text + 2, bytes - 2, out);
    return read_escaped(cx, text, bytes, out);
}

TYPE_OUT(bytea)
{
    if (format_of(cx)->bytea_hex) {
        buf_add_text(to, "\\x");
        put_hex(v->var.data, v->var.bytes, to);
    } else {
        put_escaped(v->var.data, v->var.bytes, true, to);
    }
    return ST_OK;
}

TYPE_RECV(bytea)
{
    *out = value_var(data, bytes);
    return ST_OK;
}

TYPE_SEND(bytea)
{
    buf_add(to, v->var.data, v->var.bytes);
    return ST_OK;
}

TYPE_COMPARE(bytea)
{
    return cmp_bytes(a->var, b->var);
}

TYPE_HASH(bytea)
{
    return hash_bytes(v->var.data, v->var.bytes);
}

TYPE_KEY(bytea)
{
    key_add_bytes(to, v->var.data, v->var.bytes);
}

/* --- parts ---------------------------------------------------------------------------------------------------------- */
SCALAR_FN(byteaoctetlen)
{
    out->i32 = (int32_t)args[0].var.bytes;
    return ST_OK;
}

SCALAR_FN(byteacat)
{
    VarRef a = args[0].var, b = args[1].var;
    char *p;

    if ((size_t)a.bytes + b.bytes > BUF_MOST_BYTES)
        return fail_too_large(call->cx);
    p = arena_alloc(call->cx->arena, (size_t)a.bytes + b.bytes);
    memcpy(p, a.data, a.bytes);
    memcpy(p + a.bytes, b.data, b.bytes);
    *out = value_var(p, (size_t)a.bytes + b.bytes);
    return ST_OK;
}

static Status
substring(FnCall *call, VarRef v, int64_t from, int64_t length, bool has_length, Value *out)
{
    int64_t end = (int64_t)v.bytes + 1;

    if (has_length) {
        if (length < 0)
            return fail(call->cx, ST_ERROR, "22011", "negative substring length not allowed");
        end = MIN_OF(end, from + length);
    }
    from = MAX_OF(from, 1);
    *out = end <= from ? value_var("", 0) : value_var(v.data + from - 1, (size_t)(end - from));
    return ST_OK;
}

SCALAR_FN(bytea_substr)
{
    return substring(call, args[0].var, args[1].i32, args[2].i32, true, out);
}

SCALAR_FN(bytea_substr_no_len)
{
    return substring(call, args[0].var, args[1].i32, 0, false, out);
}

static Status
overlay(FnCall *call, VarRef v, VarRef with, int64_t from, int64_t length, Value *out)
{
    Buf b = BUF_OF(call->cx);
    int64_t start, after = from + length;

    if (from <= 0)
        return fail(call->cx, ST_ERROR, "22011", "negative substring length not allowed");
    if (after > INT32_MAX || after < INT32_MIN)
        return fail_int_range(call->cx, "integer");
    start = MIN_OF(from - 1, (int64_t)v.bytes);
    after = MIN_OF(MAX_OF(after - 1, 0), (int64_t)v.bytes);
    buf_add(&b, v.data, (size_t)start);
    buf_add(&b, with.data, with.bytes);
    buf_add(&b, v.data + after, v.bytes - (size_t)after);
    return value_from_buf(call->cx, &b, out);
}

SCALAR_FN(byteaoverlay)
{
    return overlay(call, args[0].var, args[1].var, args[2].i32, args[3].i32, out);
}

SCALAR_FN(byteaoverlay_no_len)
{
    return overlay(call, args[0].var, args[1].var, args[2].i32, args[1].var.bytes, out);
}

SCALAR_FN(byteapos)
{
    out->i32 = (int32_t)text_find(args[0].var, args[1].var, 0) + 1;
    return ST_OK;
}

#define TRIM(name, left, right)                                                                                \
    SCALAR_FN(name)                                                                                            \
    {                                                                                                          \
        VarRef v = args[0].var, set = args[1].var;                                                             \
                                                                                                               \
        while ((left) && v.bytes > 0 && memchr(set.data, v.data[0], set.bytes) != NULL) {                      \
            v.data++;                                                                                          \
            v.bytes--;                                                                                         \
        }                                                                                                      \
        while ((right) && v.bytes > 0 && memchr(set.data, v.data[v.bytes - 1], set.bytes) != NULL)             \
            v.bytes--;                                                                                         \
        *out = value_var(v.data, v.bytes);                                                                     \
        return ST_OK;                                                                                          \
    }
TRIM(byteatrim, true, true)
TRIM(bytealtrim, true, false)
TRIM(byteartrim, false, true)

/* --- bytes and bits --------------------------------------------------------------------------------------------------- */
static Status
check_index(FnCall *call, int64_t index, int64_t count)
{
    if (index < 0 || index >= count)
        return fail(call->cx, ST_ERROR, "2202E", "index %lld out of valid range, 0..%lld", (long long)index,
                    (long long)count - 1);
    return ST_OK;
}

static char *
copy_of(FnCall *call, VarRef v, Value *out)
{
    char *p = arena_memdup(call->cx->arena, v.data, v.bytes);

    *out = value_var(p, v.bytes);
    return p;
}

SCALAR_FN(byteaGetByte)
{
    TRY(check_index(call, args[1].i32, args[0].var.bytes));
    out->i32 = (unsigned char)args[0].var.data[args[1].i32];
    return ST_OK;
}

SCALAR_FN(byteaSetByte)
{
    TRY(check_index(call, args[1].i32, args[0].var.bytes));
    copy_of(call, args[0].var, out)[args[1].i32] = (char)args[2].i32;
    return ST_OK;
}

SCALAR_FN(byteaGetBit)
{
    TRY(check_index(call, args[1].i64, (int64_t)args[0].var.bytes * 8));
    out->i32 = (unsigned char)args[0].var.data[args[1].i64 / 8] >> (args[1].i64 % 8) & 1;
    return ST_OK;
}

SCALAR_FN(byteaSetBit)
{
    char *p;
    int64_t bit = args[1].i64;

    TRY(check_index(call, bit, (int64_t)args[0].var.bytes * 8));
    if (args[2].i32 != 0 && args[2].i32 != 1)
        return fail(call->cx, ST_ERROR, "22023", "new bit must be 0 or 1");
    p = copy_of(call, args[0].var, out);
    p[bit / 8] = (char)((p[bit / 8] & ~(1 << (bit % 8))) | args[2].i32 << (bit % 8));
    return ST_OK;
}

SCALAR_FN(bytea_bit_count)
{
    out->i64 = 0;
    for (uint32_t i = 0; i < args[0].var.bytes; i++)
        out->i64 += __builtin_popcount((unsigned char)args[0].var.data[i]);
    return ST_OK;
}

/* --- digests -------------------------------------------------------------------------------------------------------------- */
static Status
digest(FnCall *call, VarRef v, const EVP_MD *algorithm, unsigned char *sum, unsigned *bytes)
{
    if (algorithm == NULL || EVP_Digest(v.data, v.bytes, sum, bytes, algorithm, NULL) != 1)
        return fail(call->cx, ST_ERROR, "XX000", "could not compute %s hash: not available", "the");
    return ST_OK;
}

static Status
md5(FnCall *call, VarRef v, Value *out)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned bytes;
    Buf b = BUF_OF(call->cx);

    TRY(digest(call, v, EVP_md5(), sum, &bytes));
    put_hex((const char *)sum, bytes, &b);
    return value_from_buf(call->cx, &b, out);
}

SCALAR_FN(md5_text)
{
    return md5(call, args[0].var, out);
}

SCALAR_FN(md5_bytea)
{
    return md5(call, args[0].var, out);
}

#define SHA(bits)                                                                                              \
    SCALAR_FN(sha##bits##_bytea)                                                                               \
    {                                                                                                          \
        unsigned char sum[EVP_MAX_MD_SIZE];                                                                    \
        unsigned bytes;                                                                                        \
                                                                                                               \
        TRY(digest(call, args[0].var, EVP_sha##bits(), sum, &bytes));                                          \
        *out = value_var(arena_memdup(call->cx->arena, sum, bytes), bytes);                                    \
        return ST_OK;                                                                                          \
    }
SHA(224)
SHA(256)
SHA(384)
SHA(512)

/* --- encode, decode ----------------------------------------------------------------------------------------------------------- */
static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Lines of 76 characters, as MIME has them. */
static void
put_base64(const char *data, size_t bytes, Buf *to)
{
    size_t line = 0;

    for (size_t i = 0; i < bytes; i += 3) {
        size_t n = MIN_OF(bytes - i, 3);
        uint32_t word = (uint32_t)(unsigned char)data[i] << 16;

        if (n > 1)
            word |= (uint32_t)(unsigned char)data[i + 1] << 8;
        if (n > 2)
            word |= (unsigned char)data[i + 2];
        if (line == 76) {
            buf_add_char(to, '\n');
            line = 0;
        }
        buf_add_char(to, base64_digits[word >> 18]);
        buf_add_char(to, base64_digits[word >> 12 & 63]);
        buf_add_char(to, n > 1 ? base64_digits[word >> 6 & 63] : '=');
        buf_add_char(to, n > 2 ? base64_digits[word & 63] : '=');
        line += 4;
    }
}

static Status
read_base64(Ctx *cx, VarRef v, Value *out)
{
    char *to = arena_alloc(cx->arena, v.bytes), *p = to;
    uint32_t word = 0;
    int count = 0, padding = 0;

    for (size_t i = 0; i < v.bytes; i++) {
        char c = v.data[i];
        const char *digit;

        if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
            continue;
        if (c == '=') {
            if (padding == 0) {
                if (count == 2)
                    padding = 1;
                else if (count == 3)
                    padding = 2;
                else
                    return fail(cx, ST_ERROR, "22023", "unexpected \"=\" while decoding base64 sequence");
            }
            word <<= 6;
        } else {
            digit = c != '\0' ? strchr(base64_digits, c) : NULL;
            if (digit == NULL)
                return fail(cx, ST_ERROR, "22023",
                            "invalid symbol \"%.*s\" found while decoding base64 sequence", utf8_char_bytes(c),
                            v.data + i);
            word = word << 6 | (uint32_t)(digit - base64_digits);
        }
        if (++count == 4) {
            *p++ = (char)(word >> 16);
            if (padding == 0 || padding > 1)
                *p++ = (char)(word >> 8);
            if (padding == 0 || padding > 2)
                *p++ = (char)word;
            count = 0;
            word = 0;
        }
    }
    if (count != 0) {
        fail(cx, ST_ERROR, "22023", "invalid base64 end sequence");
        fail_hint(cx, "Input data is missing padding, is truncated, or is otherwise corrupted.");
        return ST_ERROR;
    }
    *out = value_var(to, (size_t)(p - to));
    return ST_OK;
}

static bool
named(VarRef v, const char *name)
{
    return v.bytes == strlen(name) && strncasecmp(v.data, name, v.bytes) == 0;
}

static Status
fail_encoding(Ctx *cx, VarRef name)
{
    return fail(cx, ST_ERROR, "22023", "unrecognized encoding: \"%.*s\"", (int)name.bytes, name.data);
}

SCALAR_FN(binary_encode)
{
    VarRef v = args[0].var, name = args[1].var;
    Buf b = BUF_OF(call->cx);

    if (named(name, "hex"))
        put_hex(v.data, v.bytes, &b);
    else if (named(name, "base64"))
        put_base64(v.data, v.bytes, &b);
    else if (named(name, "escape"))
        put_escaped(v.data, v.bytes, false, &b);
    else
        return fail_encoding(call->cx, name);
    return value_from_buf(call->cx, &b, out);
}

SCALAR_FN(binary_decode)
{
    VarRef v = args[0].var, name = args[1].var;

    if (named(name, "hex"))
        return read_hex(call->cx, v.data, v.bytes, out);
    if (named(name, "base64"))
        return read_base64(call->cx, v, out);
    if (named(name, "escape"))
        return read_escaped(call->cx, v.data, v.bytes, out);
    return fail_encoding(call->cx, name);
}

/* --- character sets: UTF-8 and, for conversion, Latin 1 and ASCII ---------------------------------------------------------------- */
typedef enum Charset { CHARSET_UNKNOWN, CHARSET_UTF8, CHARSET_LATIN1, CHARSET_ASCII } Charset;

static Charset
charset_of(VarRef name)
{
    if (named(name, "utf8") || named(name, "utf-8") || named(name, "unicode"))
        return CHARSET_UTF8;
    if (named(name, "latin1") || named(name, "iso-8859-1") || named(name, "iso88591") ||
        named(name, "iso_8859_1"))
        return CHARSET_LATIN1;
    if (named(name, "sql_ascii"))
        return CHARSET_ASCII;
    return CHARSET_UNKNOWN;
}

SCALAR_FN(pg_convert_from)
{
    VarRef v = args[0].var;
    Charset set = charset_of(args[1].var);
    const TypeInfo *text = type_by_oid(TYPE_TEXT);
    Buf b = BUF_OF(call->cx);

    if (set == CHARSET_UNKNOWN)
        return fail(call->cx, ST_ERROR, "22023", "invalid source encoding name \"%.*s\"",
                    (int)args[1].var.bytes, args[1].var.data);
    if (set != CHARSET_LATIN1)
        return text->recv(call->cx, text, v.data, v.bytes, -1, out); /* checks the encoding */
    for (uint32_t i = 0; i < v.bytes; i++) {
        char utf8[4];
        int n = utf8_encode((unsigned char)v.data[i], utf8);

        if (n == 0 || v.data[i] == 0) {
            buf_free(&b);
            return fail(call->cx, ST_ERROR, "22021", "invalid byte sequence for encoding \"LATIN1\": 0x00");
        }
        buf_add(&b, utf8, (size_t)n);
    }
    return value_from_buf(call->cx, &b, out);
}

SCALAR_FN(pg_convert_to)
{
    VarRef v = args[0].var;
    Charset set = charset_of(args[1].var);
    Buf b = BUF_OF(call->cx);

    if (set == CHARSET_UNKNOWN)
        return fail(call->cx, ST_ERROR, "22023", "invalid destination encoding name \"%.*s\"",
                    (int)args[1].var.bytes, args[1].var.data);
    if (set != CHARSET_LATIN1) {
        *out = args[0];
        return ST_OK;
    }
    for (uint32_t i = 0; i < v.bytes;) {
        int n;
        uint32_t c = utf8_decode(v.data + i, &n);

        if (c > 0xff) {
            Buf hex = BUF_OF(call->cx);

            for (int k = 0; k < n; k++)
                buf_printf(&hex, "%s0x%02x", k > 0 ? " " : "", (unsigned char)v.data[i + (uint32_t)k]);
            fail(
                call->cx, ST_ERROR, "22P05",
                "character with byte sequence %s in encoding \"UTF8\" has no equivalent in encoding \"LATIN1\"",
                buf_cstr(&hex));
            buf_free(&hex);
            buf_free(&b);
            return ST_ERROR;
        }
        buf_add_char(&b, (char)c);
        i += (uint32_t)n;
    }
    return value_from_buf(call->cx, &b, out);
}
