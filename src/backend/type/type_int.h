/* type_int.h - shared by the sources of this folder: declarations of everything types.def names, and
 * the few helpers that every type needs. */
#ifndef TYPE_INT_H
#define TYPE_INT_H
#include "backend/type/fn_decl.h"
#include "backend/type/type.h"
#include "base/bytes.h"

#define TYPE_UNUSED_ __attribute__((unused))
#define TYPE_IN(x)                                                                                             \
    Status x##_in(Ctx *cx TYPE_UNUSED_, const TypeInfo *type TYPE_UNUSED_, const char *text TYPE_UNUSED_,      \
                  size_t bytes TYPE_UNUSED_, int32_t typmod TYPE_UNUSED_, Value *out TYPE_UNUSED_)
#define TYPE_OUT(x)                                                                                            \
    Status x##_out(Ctx *cx TYPE_UNUSED_, const TypeInfo *type TYPE_UNUSED_, const Value *v TYPE_UNUSED_,       \
                   Buf *to TYPE_UNUSED_)
#define TYPE_RECV(x)                                                                                           \
    Status x##_recv(Ctx *cx TYPE_UNUSED_, const TypeInfo *type TYPE_UNUSED_, const void *data TYPE_UNUSED_,    \
                    size_t bytes TYPE_UNUSED_, int32_t typmod TYPE_UNUSED_, Value *out TYPE_UNUSED_)
#define TYPE_SEND(x)                                                                                           \
    Status x##_send(Ctx *cx TYPE_UNUSED_, const TypeInfo *type TYPE_UNUSED_, const Value *v TYPE_UNUSED_,      \
                    Buf *to TYPE_UNUSED_)
#define TYPE_COMPARE(x)    int x##_compare(const Value *a, const Value *b)
#define TYPE_HASH(x)       uint64_t x##_hash(const Value *v)
#define TYPE_KEY(x)        void x##_key(const Value *v, Buf *to)
#define TYPE_TYPMOD_OUT(x) void x##_typmod_out(int32_t typmod, Buf *to)
#define TYPE_TYPMOD_IN(x)  Status x##_typmod_in(Ctx *cx, const int64_t *args, int arg_count, int32_t *typmod)

#define TYPE(oid, name, sql, phys, len, byval, typ, cat, pref, elem, array, align, storage, coll, in, out,     \
             recv, send, modin, modout, io, order, mod)                                                        \
    io order mod
#define IO(x)                                                                                                  \
    TYPE_IN(x);                                                                                                \
    TYPE_OUT(x);                                                                                               \
    TYPE_RECV(x);                                                                                              \
    TYPE_SEND(x);
#define ORDER(x)                                                                                               \
    TYPE_COMPARE(x);                                                                                           \
    TYPE_HASH(x);                                                                                              \
    TYPE_KEY(x);
#define UNORDERED
#define MOD(x)                                                                                                 \
    TYPE_TYPMOD_OUT(x);                                                                                        \
    TYPE_TYPMOD_IN(x);
#define NOMOD
#include "backend/type/all_types.def"
#undef TYPE
#undef IO
#undef ORDER
#undef UNORDERED
#undef MOD
#undef NOMOD

/* The session's settings, or the defaults of a context that has none. Never NULL. */
const FormatSettings *format_of(const Ctx *cx);

/* 22P02 'invalid input syntax for type x: "..."', 22003 'value "..." is out of range for type x'. */
Status fail_syntax(Ctx *cx, const char *type_name, const char *text, size_t bytes);
Status fail_range(Ctx *cx, const char *type_name, const char *text, size_t bytes);
/* 22P03: a binary value of the wrong size. */
Status fail_binary(Ctx *cx, const TypeInfo *type);
Status fail_int_range(Ctx *cx, const char *type_name);

/* The text in a Buf as a value in cx->arena; the Buf is freed. 54000 when it had grown too large. */
MUST_CHECK Status value_from_buf(Ctx *cx, Buf *b, Value *out);
Value value_from_cstr(Ctx *cx, const char *text);
/* NUL-terminated copy in cx->arena. */
char *value_cstr(Ctx *cx, VarRef v);

/* Any type through its text form. */
MUST_CHECK Status value_to_text(Ctx *cx, Oid type, const Value *v, Value *out);
MUST_CHECK Status value_from_text(Ctx *cx, Oid type, VarRef text, int32_t typmod, Value *out);

static inline bool
is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}
static inline bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static inline bool
is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline char
to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}
static inline char
to_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}
static inline int
cmp_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}
int cmp_bytes(VarRef a, VarRef b);

/* Key encoding: big-endian with the sign bit turned; bytes with an escape for 0 and an end mark. */
void key_add_i64(Buf *to, int64_t v);
void key_add_bytes(Buf *to, const char *data, size_t bytes);

/* -1 not a number, 1 out of range, 0 fine. Surrounding white space is allowed. */
int parse_i64(const char *text, size_t bytes, int64_t *out);

#endif
