/* aclitem.c - "grantee=arw*d/grantor". Inside are OIDs: roles may be renamed. */
#include "backend/type/aclitem.h"

#include <string.h>

#include "backend/type/regnames.h"
#include "backend/type/type_int.h"

static const char letters[ACL_BITS + 1] = "arwdDxtXUCTcsA";

AclItem
aclitem_of(const Value *v)
{
    AclItem item;

    ASSERT(v->var.bytes == sizeof(item));
    memcpy(&item, v->var.data, sizeof(item));
    return item;
}

Value
aclitem_value(Arena *a, const AclItem *item)
{
    return value_var(arena_memdup(a, item, sizeof(*item)), sizeof(*item));
}

static Status
find_role(Ctx *cx, const char *name, size_t bytes, Oid *out)
{
    const RegNames *names = cx->format != NULL ? cx->format->reg_names : NULL;

    if (names == NULL)
        return fail_unsupported(cx, -1, "aclitem without a catalog");
    return names->find(cx, TYPE_REGROLE, name, bytes, false, out);
}

/* A name up to '=' or the end; quotes stay, the catalog takes them off. */
static size_t
name_bytes(const char *text, size_t bytes)
{
    bool quoted = false;
    size_t i = 0;

    for (; i < bytes && (quoted || text[i] != '='); i++)
        quoted ^= text[i] == '"';
    return i;
}

TYPE_IN(aclitem)
{
    AclItem item = {0};
    size_t at = name_bytes(text, bytes);

    if (at > 0)
        TRY(find_role(cx, text, at, &item.grantee));
    if (at >= bytes)
        return fail(cx, ST_ERROR, "22P02", "missing \"=\" sign");
    for (at++; at < bytes && text[at] != '/'; at++) {
        const char *letter = text[at] != '*' ? strchr(letters, text[at]) : NULL;

        if (letter == NULL || *letter == '\0') {
            (void)fail(cx, ST_ERROR, "22P02", "invalid mode character: must be one of \"%s\"", letters);
            return ST_ERROR;
        }
        item.held |= 1u << (letter - letters);
        if (at + 1 < bytes && text[at + 1] == '*') {
            item.grantable |= 1u << (letter - letters);
            at++;
        }
    }
    item.grantor = 10; /* the bootstrap superuser, as PostgreSQL assumes */
    if (at < bytes)
        TRY(find_role(cx, text + at + 1, bytes - at - 1, &item.grantor));
    *out = aclitem_value(cx->arena, &item);
    return ST_OK;
}

static Status
add_role(Ctx *cx, Oid role, Buf *to)
{
    const RegNames *names = cx->format != NULL ? cx->format->reg_names : NULL;
    bool found = false;

    if (names != NULL)
        TRY(names->name(cx, TYPE_REGROLE, role, to, &found));
    if (!found)
        buf_add_int(to, role);
    return ST_OK;
}

TYPE_OUT(aclitem)
{
    AclItem item = aclitem_of(v);

    if (item.grantee != ACL_PUBLIC)
        TRY(add_role(cx, item.grantee, to));
    buf_add_char(to, '=');
    for (int i = 0; i < ACL_BITS; i++) {
        if (item.held >> i & 1)
            buf_add_char(to, letters[i]);
        if (item.grantable >> i & 1)
            buf_add_char(to, '*');
    }
    buf_add_char(to, '/');
    return add_role(cx, item.grantor, to);
}

TYPE_RECV(aclitem)
{
    return fail(cx, ST_ERROR, "42883", "no binary input function available for type %s", type->sql_name);
}

TYPE_SEND(aclitem)
{
    return fail(cx, ST_ERROR, "42883", "no binary output function available for type %s", type->sql_name);
}
