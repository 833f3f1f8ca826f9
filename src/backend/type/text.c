/* text.c - text, varchar, char(n), name and "char": forms, order, lengths, casts among them.
 *
 * All are bytes of valid UTF-8, ordered by memcmp, which is the order of the code points (collation C
 * and C.UTF-8). char(n) is stored padded and compared without the padding. */
#include "backend/type/type_int.h"

#include <string.h>

#include "base/hash.h"
#include "base/utf8.h"

enum { NAME_BYTES_MOST = 63, LENGTH_MOST = 10 * 1024 * 1024, TYPMOD_BASE = 4 };

/* --- text ------------------------------------------------------------------------------------------- */
TYPE_IN(text)
{
    *out = value_var(text, bytes);
    return ST_OK;
}

TYPE_OUT(text)
{
    buf_add(to, v->var.data, v->var.bytes);
    return ST_OK;
}

static Status
check_utf8(Ctx *cx, const char *text, size_t bytes)
{
    size_t valid = utf8_valid_prefix(text, bytes), n;
    Buf b = BUF_OF(cx);

    if (valid == bytes)
        return ST_OK;
    n = MIN_OF((size_t)utf8_char_bytes(text[valid]), bytes - valid);
    if ((unsigned char)text[valid] >= 0x80 && (unsigned char)text[valid] < 0xc0)
        n = 1;
    for (size_t i = 0; i < n; i++)
        buf_printf(&b, "%s0x%02x", i > 0 ? " " : "", (unsigned char)text[valid + i]);
    fail(cx, ST_ERROR, "22021", "invalid byte sequence for encoding \"UTF8\": %s", buf_cstr(&b));
    buf_free(&b);
    return ST_ERROR;
}

TYPE_RECV(text)
{
    TRY(check_utf8(cx, data, bytes));
    return type->in(cx, type, data, bytes, typmod, out);
}

TYPE_SEND(text)
{
    buf_add(to, v->var.data, v->var.bytes);
    return ST_OK;
}

TYPE_COMPARE(text)
{
    return cmp_bytes(a->var, b->var);
}

TYPE_HASH(text)
{
    return hash_bytes(v->var.data, v->var.bytes);
}

TYPE_KEY(text)
{
    key_add_bytes(to, v->var.data, v->var.bytes);
}

/* --- lengths ------------------------------------------------------------------------------------------ */
static Status
length_typmod(Ctx *cx, const char *name, const int64_t *args, int arg_count, int32_t *typmod)
{
    if (arg_count != 1)
        return fail(cx, ST_ERROR, "22023", "invalid type modifier");
    if (args[0] < 1)
        return fail(cx, ST_ERROR, "22023", "length for type %s must be at least 1", name);
    if (args[0] > LENGTH_MOST)
        return fail(cx, ST_ERROR, "22023", "length for type %s cannot exceed %d", name, LENGTH_MOST);
    *typmod = (int32_t)args[0] + TYPMOD_BASE;
    return ST_OK;
}

TYPE_TYPMOD_IN(varchar)
{
    return length_typmod(cx, "varchar", args, arg_count, typmod);
}

TYPE_TYPMOD_IN(bpchar)
{
    return length_typmod(cx, "char", args, arg_count, typmod);
}

TYPE_TYPMOD_OUT(varchar)
{
    if (typmod >= TYPMOD_BASE)
        buf_printf(to, "(%d)", typmod - TYPMOD_BASE);
}

TYPE_TYPMOD_OUT(bpchar)
{
    varchar_typmod_out(typmod, to);
}

/* Cuts the text to `chars` characters. What is cut must be blanks, unless the cast is explicit. */
static Status
cut(Ctx *cx, const char *type_name, VarRef text, int32_t chars, bool is_explicit, VarRef *out)
{
    size_t keep = text.bytes;

    if (text.bytes > (uint32_t)chars)
        keep = utf8_prefix_bytes(text.data, text.bytes, (size_t)chars);
    if (!is_explicit)
        for (size_t i = keep; i < text.bytes; i++)
            if (text.data[i] != ' ')
                return fail(cx, ST_ERROR, "22001", "value too long for type %s(%d)", type_name, chars);
    *out = (VarRef){text.data, (uint32_t)keep};
    return ST_OK;
}

static Status
varchar_fit(Ctx *cx, VarRef text, int32_t typmod, bool is_explicit, Value *out)
{
    VarRef fit = text;

    if (typmod >= TYPMOD_BASE)
        TRY(cut(cx, "character varying", text, typmod - TYPMOD_BASE, is_explicit, &fit));
    *out = value_var(fit.data, fit.bytes);
    return ST_OK;
}

static Status
bpchar_fit(Ctx *cx, VarRef text, int32_t typmod, bool is_explicit, Value *out)
{
    VarRef fit = text;
    size_t chars, want;
    char *padded;

    if (typmod >= TYPMOD_BASE) {
        want = (size_t)(typmod - TYPMOD_BASE);
        TRY(cut(cx, "character", text, typmod - TYPMOD_BASE, is_explicit, &fit));
        chars = utf8_length(fit.data, fit.bytes);
        if (chars < want) {
            padded = arena_alloc(cx->arena, fit.bytes + want - chars);
            memcpy(padded, fit.data, fit.bytes);
            memset(padded + fit.bytes, ' ', want - chars);
            fit = (VarRef){padded, (uint32_t)(fit.bytes + want - chars)};
        }
    }
    *out = value_var(fit.data, fit.bytes);
    return ST_OK;
}

TYPE_IN(varchar)
{
    return varchar_fit(cx, (VarRef){text, (uint32_t)bytes}, typmod, false, out);
}

TYPE_OUT(varchar)
{
    return text_out(cx, type, v, to);
}

TYPE_RECV(varchar)
{
    return text_recv(cx, type, data, bytes, typmod, out);
}

TYPE_SEND(varchar)
{
    return text_send(cx, type, v, to);
}

SCALAR_FN(varchar)
{
    return varchar_fit(call->cx, args[0].var, args[1].i32, args[2].b, out);
}

/* --- char(n) ---------------------------------------------------------------------------------------- */
static VarRef
without_padding(VarRef v)
{
    while (v.bytes > 0 && v.data[v.bytes - 1] == ' ')
        v.bytes--;
    return v;
}

TYPE_IN(bpchar)
{
    return bpchar_fit(cx, (VarRef){text, (uint32_t)bytes}, typmod, false, out);
}

TYPE_OUT(bpchar)
{
    return text_out(cx, type, v, to);
}

TYPE_RECV(bpchar)
{
    return text_recv(cx, type, data, bytes, typmod, out);
}

TYPE_SEND(bpchar)
{
    return text_send(cx, type, v, to);
}

TYPE_COMPARE(bpchar)
{
    return cmp_bytes(without_padding(a->var), without_padding(b->var));
}

TYPE_HASH(bpchar)
{
    VarRef s = without_padding(v->var);

    return hash_bytes(s.data, s.bytes);
}

TYPE_KEY(bpchar)
{
    VarRef s = without_padding(v->var);

    key_add_bytes(to, s.data, s.bytes);
}

SCALAR_FN(bpchar)
{
    return bpchar_fit(call->cx, args[0].var, args[1].i32, args[2].b, out);
}

/* text(bpchar): the blanks mean nothing and are dropped */
SCALAR_FN(rtrim1_bpchar)
{
    VarRef s = without_padding(args[0].var);

    *out = value_var(s.data, s.bytes);
    return ST_OK;
}

/* --- name ------------------------------------------------------------------------------------------- */
static Value
name_of(VarRef v)
{
    size_t n = v.bytes;

    if (n > NAME_BYTES_MOST) {
        n = NAME_BYTES_MOST;
        while (n > 0 && ((unsigned char)v.data[n] & 0xc0) == 0x80)
            n--;
    }
    return value_var(v.data, n);
}

TYPE_IN(name)
{
    *out = name_of((VarRef){text, (uint32_t)bytes});
    return ST_OK;
}

TYPE_OUT(name)
{
    return text_out(cx, type, v, to);
}

TYPE_RECV(name)
{
    if (bytes > NAME_BYTES_MOST)
        return fail(cx, ST_ERROR, "42622", "identifier too long");
    return text_recv(cx, type, data, bytes, typmod, out);
}

TYPE_SEND(name)
{
    return text_send(cx, type, v, to);
}

SCALAR_FN(text_name)
{
    *out = name_of(args[0].var);
    return ST_OK;
}

SCALAR_FN(bpchar_name)
{
    *out = name_of(without_padding(args[0].var));
    return ST_OK;
}

SCALAR_FN(name_text)
{
    *out = args[0];
    return ST_OK;
}

SCALAR_FN(nameconcatoid)
{
    char *suffix = arena_printf(call->cx->arena, "_%u", args[1].u32), *text;
    size_t suffix_bytes = strlen(suffix), keep = args[0].var.bytes;

    if (keep + suffix_bytes > NAME_BYTES_MOST) {
        keep = NAME_BYTES_MOST - suffix_bytes;
        while (keep > 0 && ((unsigned char)args[0].var.data[keep] & 0xc0) == 0x80)
            keep--;
    }
    text = arena_alloc(call->cx->arena, keep + suffix_bytes);
    memcpy(text, args[0].var.data, keep);
    memcpy(text + keep, suffix, suffix_bytes);
    *out = value_var(text, keep + suffix_bytes);
    return ST_OK;
}

/* --- "char": one byte -------------------------------------------------------------------------------- */
/* The zero byte is the empty string, which is how it reads and shows. */
static Value
char_of(unsigned char c)
{
    static const char ascii[128] = {
#define C4(n)  (n), (n) + 1, (n) + 2, (n) + 3
#define C16(n) C4(n), C4((n) + 4), C4((n) + 8), C4((n) + 12)
        C16(0), C16(16), C16(32), C16(48), C16(64), C16(80), C16(96), C16(112),
#undef C4
#undef C16
    };
    static const char high[128] = {
#define C4(n)  (char)(n), (char)((n) + 1), (char)((n) + 2), (char)((n) + 3)
#define C16(n) C4(n), C4((n) + 4), C4((n) + 8), C4((n) + 12)
        C16(128), C16(144), C16(160), C16(176), C16(192), C16(208), C16(224), C16(240),
#undef C4
#undef C16
    };

    if (c == 0)
        return value_var("", 0);
    return value_var(c < 128 ? &ascii[c] : &high[c - 128], 1);
}

static unsigned char
char_byte(const Value *v)
{
    return v->var.bytes > 0 ? (unsigned char)v->var.data[0] : 0;
}

TYPE_IN(char)
{
    if (bytes == 4 && text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' && text[2] <= '7' &&
        text[3] >= '0' && text[3] <= '7')
        *out = char_of((unsigned char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0')));
    else
        *out = char_of(bytes > 0 ? (unsigned char)text[0] : 0);
    return ST_OK;
}

TYPE_OUT(char)
{
    unsigned char c = char_byte(v);

    if (c >= 128)
        buf_printf(to, "\\%03o", c);
    else if (c != 0)
        buf_add_char(to, (char)c);
    return ST_OK;
}

TYPE_RECV(char)
{
    if (bytes != 1)
        return fail_binary(cx, type);
    *out = char_of(*(const unsigned char *)data);
    return ST_OK;
}

TYPE_SEND(char)
{
    buf_add_char(to, (char)char_byte(v));
    return ST_OK;
}

TYPE_COMPARE(char)
{
    return (int)char_byte(a) - (int)char_byte(b);
}

TYPE_HASH(char)
{
    return hash_u64(char_byte(v));
}

TYPE_KEY(char)
{
    buf_add_char(to, (char)char_byte(v));
}

SCALAR_FN(text_char)
{
    return char_in(call->cx, NULL, args[0].var.data, args[0].var.bytes, -1, out);
}

SCALAR_FN(char_text)
{
    Buf b = BUF_OF(call->cx);

    TRY(char_out(call->cx, NULL, &args[0], &b));
    return value_from_buf(call->cx, &b, out);
}

SCALAR_FN(chartoi4)
{
    out->i32 = (signed char)char_byte(&args[0]);
    return ST_OK;
}

SCALAR_FN(i4tochar)
{
    if (args[0].i32 < INT8_MIN || args[0].i32 > INT8_MAX)
        return fail(call->cx, ST_ERROR, "22003", "\"char\" out of range");
    *out = char_of((unsigned char)args[0].i32);
    return ST_OK;
}

/* --- patterns by byte order (text_pattern_ops): here the same as the ordinary order ------------------- */
SCALAR_FN(text_less)
{
    out->b = cmp_bytes(args[0].var, args[1].var) < 0;
    return ST_OK;
}

SCALAR_FN(text_less_eq)
{
    out->b = cmp_bytes(args[0].var, args[1].var) <= 0;
    return ST_OK;
}

SCALAR_FN(text_greater)
{
    out->b = cmp_bytes(args[0].var, args[1].var) > 0;
    return ST_OK;
}

SCALAR_FN(text_greater_eq)
{
    out->b = cmp_bytes(args[0].var, args[1].var) >= 0;
    return ST_OK;
}
