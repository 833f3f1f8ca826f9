/* oid.c - oid, xid, cid, xid8, tid, and the reg* types, which are oids with names (regnames.h). */
#include "backend/type/type_int.h"

#include <stdlib.h>
#include <string.h>

#include "backend/type/regnames.h"
#include "base/hash.h"
#include "base/ids.h"

/* --- unsigned numbers ------------------------------------------------------------------------------ */
/* As PostgreSQL reads them: a minus sign wraps around within 32 bits. */
static Status
parse_oid(Ctx *cx, const char *type_name, const char *text, size_t bytes, uint32_t *out)
{
    int64_t v = 0;
    int rc = parse_i64(text, bytes, &v);

    if (rc < 0)
        return fail_syntax(cx, type_name, text, bytes);
    if (rc > 0 || v > UINT32_MAX || v < INT32_MIN)
        return fail_range(cx, type_name, text, bytes);
    *out = (uint32_t)v;
    return ST_OK;
}

/* The leading digits; whatever else there is counts for nothing. */
static uint64_t
lenient_u64(const char *text, size_t bytes)
{
    char copy[32];
    size_t n = MIN_OF(bytes, sizeof(copy) - 1);

    memcpy(copy, text, n);
    copy[n] = '\0';
    return strtoull(copy, NULL, 0);
}

TYPE_IN(oid)
{
    uint32_t v;

    TRY(parse_oid(cx, "oid", text, bytes, &v));
    *out = value_oid(v);
    return ST_OK;
}

TYPE_OUT(oid)
{
    buf_add_int(to, v->u32);
    return ST_OK;
}

TYPE_RECV(oid)
{
    if (bytes != 4)
        return fail_binary(cx, type);
    *out = value_oid(get_be32(data));
    return ST_OK;
}

TYPE_SEND(oid)
{
    buf_add_u32(to, v->u32);
    return ST_OK;
}

TYPE_COMPARE(oid)
{
    return (a->u32 > b->u32) - (a->u32 < b->u32);
}

TYPE_HASH(oid)
{
    return hash_u64(v->u32);
}

TYPE_KEY(oid)
{
    buf_add_u32(to, v->u32);
}

TYPE_IN(xid)
{
    *out = value_oid((uint32_t)lenient_u64(text, bytes));
    return ST_OK;
}

TYPE_OUT(xid)
{
    return oid_out(cx, type, v, to);
}

TYPE_RECV(xid)
{
    return oid_recv(cx, type, data, bytes, typmod, out);
}

TYPE_SEND(xid)
{
    return oid_send(cx, type, v, to);
}

TYPE_IN(cid)
{
    return xid_in(cx, type, text, bytes, typmod, out);
}

TYPE_OUT(cid)
{
    return oid_out(cx, type, v, to);
}

TYPE_RECV(cid)
{
    return oid_recv(cx, type, data, bytes, typmod, out);
}

TYPE_SEND(cid)
{
    return oid_send(cx, type, v, to);
}

TYPE_IN(xid8)
{
    *out = value_i64((int64_t)lenient_u64(text, bytes));
    return ST_OK;
}

TYPE_OUT(xid8)
{
    buf_printf(to, "%llu", (unsigned long long)v->i64);
    return ST_OK;
}

TYPE_RECV(xid8)
{
    return int8_recv(cx, type, data, bytes, typmod, out);
}

TYPE_SEND(xid8)
{
    return int8_send(cx, type, v, to);
}

TYPE_COMPARE(xid8)
{
    uint64_t x = (uint64_t)a->i64, y = (uint64_t)b->i64;

    return (x > y) - (x < y);
}

TYPE_HASH(xid8)
{
    return hash_u64((uint64_t)v->i64);
}

TYPE_KEY(xid8)
{
    buf_add_u64(to, (uint64_t)v->i64);
}

SCALAR_FN(xid8toxid)
{
    out->u32 = (uint32_t)args[0].i64;
    return ST_OK;
}

SCALAR_FN(i8tooid)
{
    if (args[0].i64 < 0 || args[0].i64 > UINT32_MAX)
        return fail(call->cx, ST_ERROR, "22003", "OID out of range");
    out->u32 = (uint32_t)args[0].i64;
    return ST_OK;
}

SCALAR_FN(oidtoi8)
{
    out->i64 = args[0].u32;
    return ST_OK;
}

/* --- tid: (block,slot) ----------------------------------------------------------------------------- */
TYPE_IN(tid)
{
    char copy[64], *comma, *end;
    unsigned long block, slot;

    const char *whole = text;
    size_t whole_bytes = bytes;

    while (bytes > 0 && is_space(*text)) {
        text++;
        bytes--;
    }
    if (bytes >= sizeof(copy))
        return fail_syntax(cx, "tid", whole, whole_bytes);
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    comma = strchr(copy, ',');
    if (copy[0] != '(' || comma == NULL)
        return fail_syntax(cx, "tid", text, bytes);
    block = strtoul(copy + 1, &end, 10);
    if (end != comma || (block > UINT32_MAX && block < (unsigned long)INT32_MIN))
        return fail_syntax(cx, "tid", text, bytes);
    slot = strtoul(comma + 1, &end, 10);
    if (*end != ')' || end == comma + 1 || slot > UINT16_MAX)
        return fail_syntax(cx, "tid", text, bytes);
    *out = value_i64((int64_t)tid_make((BlockNo)block, (uint16_t)slot));
    return ST_OK;
}

TYPE_OUT(tid)
{
    buf_printf(to, "(%u,%u)", tid_block((Tid)v->i64), tid_slot((Tid)v->i64));
    return ST_OK;
}

TYPE_RECV(tid)
{
    if (bytes != 6)
        return fail_binary(cx, type);
    *out = value_i64((int64_t)tid_make(get_be32(data), get_be16((const char *)data + 4)));
    return ST_OK;
}

TYPE_SEND(tid)
{
    buf_add_u32(to, tid_block((Tid)v->i64));
    buf_add_u16(to, tid_slot((Tid)v->i64));
    return ST_OK;
}

TYPE_COMPARE(tid)
{
    return xid8_compare(a, b);
}

TYPE_HASH(tid)
{
    return hash_u64((uint64_t)v->i64);
}

TYPE_KEY(tid)
{
    buf_add_u64(to, (uint64_t)v->i64);
}

/* --- reg* ------------------------------------------------------------------------------------------ */
static Status
find_builtin(Ctx *cx, const TypeInfo *type, const char *text, size_t bytes, Oid *oid)
{
    char *name = arena_strndup(cx->arena, text, bytes);
    const TypeInfo *found;
    const FnInfo *const *fns;

    if (type->oid == TYPE_REGTYPE) {
        int count;
        const TypeInfo *all = type_table(&count);

        found = type_by_name(name);
        for (int i = 0; i < count && found == NULL; i++)
            if (strcmp(all[i].sql_name, name) == 0)
                found = &all[i];
        if (found == NULL)
            return fail(cx, ST_ERROR, "42704", "type \"%s\" does not exist", name);
        *oid = found->oid;
        return ST_OK;
    }
    if (type->oid == TYPE_REGPROC) {
        fns = fn_by_name(name);
        if (fns == NULL)
            return fail(cx, ST_ERROR, "42883", "function \"%s\" does not exist", name);
        if (fns[1] != NULL)
            return fail(cx, ST_ERROR, "42725", "more than one function named \"%s\"", name);
        *oid = fns[0]->oid;
        return ST_OK;
    }
    return fail_unsupported(cx, -1, "names of catalog objects without a catalog");
}

static Status
find_name(Ctx *cx, const TypeInfo *type, const char *text, size_t bytes, bool missing_ok, Oid *oid)
{
    const RegNames *names = format_of(cx)->reg_names;

    if (names != NULL)
        return names->find(cx, type->oid, text, bytes, missing_ok, oid);
    if (missing_ok && find_builtin(cx, type, text, bytes, oid) != ST_OK) {
        ctx_error_clear(cx);
        *oid = OID_NONE;
        return ST_OK;
    }
    return missing_ok ? ST_OK : find_builtin(cx, type, text, bytes, oid);
}

TYPE_IN(reg)
{
    bool digits = bytes > 0;
    uint32_t v;

    if (bytes == 1 && text[0] == '-') {
        *out = value_oid(OID_NONE);
        return ST_OK;
    }
    for (size_t i = 0; i < bytes; i++)
        digits = digits && is_digit(text[i]);
    if (digits)
        TRY(parse_oid(cx, "oid", text, bytes, &v));
    else
        TRY(find_name(cx, type, text, bytes, false, &v));
    *out = value_oid(v);
    return ST_OK;
}

TYPE_OUT(reg)
{
    const RegNames *names = format_of(cx)->reg_names;
    bool found = false;

    if (v->u32 == OID_NONE) {
        buf_add_char(to, '-');
        return ST_OK;
    }
    if (names != NULL) {
        TRY(names->name(cx, type->oid, v->u32, to, &found));
    } else if (type->oid == TYPE_REGTYPE && type_by_oid(v->u32) != NULL) {
        type_format(v->u32, -1, to);
        found = true;
    } else if (type->oid == TYPE_REGPROC && fn_by_oid(v->u32) != NULL) {
        buf_add_text(to, fn_by_oid(v->u32)->name);
        found = true;
    }
    if (!found)
        buf_add_int(to, v->u32);
    return ST_OK;
}

TYPE_RECV(reg)
{
    return oid_recv(cx, type, data, bytes, typmod, out);
}

TYPE_SEND(reg)
{
    return oid_send(cx, type, v, to);
}

/* to_regclass(text) and its kin: null instead of an error. */
SCALAR_FN(to_reg)
{
    const TypeInfo *type = type_by_oid(call->fn->result);
    VarRef text = args[0].var;
    Oid oid = OID_NONE;

    TRY(find_name(call->cx, type, text.data, text.bytes, true, &oid));
    *out = oid == OID_NONE ? value_null() : value_oid(oid);
    return ST_OK;
}

SCALAR_FN(text_regclass)
{
    const TypeInfo *type = type_by_oid(TYPE_REGCLASS);
    Oid oid = OID_NONE;

    TRY(find_name(call->cx, type, args[0].var.data, args[0].var.bytes, false, &oid));
    *out = value_oid(oid);
    return ST_OK;
}
