/* privilege_funcs.c - has_..._privilege and pg_has_role. The first argument may name another role. */
#include "backend/catalog/acl.h"

#include "backend/type/fn_decl.h"
#include "backend/type/regnames.h"

#include <strings.h>

typedef struct Asked {
    Oid role;
    bool superuser;
    int used; /* arguments that the role took */
} Asked;

enum { FN_PG_RELOAD_CONF = 2621 }; /* the one function that only superusers may call */

typedef struct NamedObject {
    Oid oid;
    const char *name;
} NamedObject;

static Status
asked_role(FnCall *call, const Value *args, int object_args, Asked *out)
{
    Ctx *cx = call->cx;
    CatalogRow *rows;
    int count;

    *out = (Asked){catalog_role(cx), catalog_is_superuser(cx), call->arg_count - object_args};
    if (out->used == 0)
        return ST_OK;
    if (call->arg_types[0] == TYPE_OID) {
        TRY(catalog_find(cx, CAT_PG_AUTHID, COL_PG_AUTHID_oid, args[0], 0, value_null(), &rows, &count));
        out->role = args[0].u32;
        out->superuser = count > 0 && rows[0].values[COL_PG_AUTHID_rolsuper].b;
        return ST_OK;
    }
    if (args[0].var.bytes == 6 && memcmp(args[0].var.data, "public", 6) == 0) {
        out->role = ACL_PUBLIC;
        out->superuser = false;
        return ST_OK;
    }
    TRY(catalog_find(cx, CAT_PG_AUTHID, COL_PG_AUTHID_rolname, args[0], 0, value_null(), &rows, &count));
    if (count == 0)
        return fail(cx, ST_ERROR, "42704", "role \"%s\" does not exist", value_cstring(cx, args[0]));
    out->role = rows[0].values[COL_PG_AUTHID_oid].u32;
    out->superuser = rows[0].values[COL_PG_AUTHID_rolsuper].b;
    return ST_OK;
}

/* One word of "SELECT, INSERT WITH GRANT OPTION". */
static Status
one_privilege(Ctx *cx, const char *word, size_t bytes, uint32_t allowed, uint32_t *bit, bool *grantable)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } words[] = {{"INSERT", ACL_INSERT},       {"SELECT", ACL_SELECT},     {"UPDATE", ACL_UPDATE},
                 {"DELETE", ACL_DELETE},       {"TRUNCATE", ACL_TRUNCATE}, {"REFERENCES", ACL_REFERENCES},
                 {"TRIGGER", ACL_TRIGGER},     {"USAGE", ACL_USAGE},       {"CREATE", ACL_CREATE},
                 {"TEMPORARY", ACL_TEMPORARY}, {"TEMP", ACL_TEMPORARY},    {"CONNECT", ACL_CONNECT},
                 {"EXECUTE", ACL_EXECUTE}};
    static const char option[] = " WITH GRANT OPTION";
    size_t tail = sizeof(option) - 1;
    size_t name = bytes;

    *grantable = bytes > tail && strncasecmp(word + bytes - tail, option, tail) == 0;
    if (*grantable)
        name -= tail;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if ((words[i].bit & allowed) && strlen(words[i].name) == name &&
            strncasecmp(words[i].name, word, name) == 0) {
            *bit = words[i].bit;
            return ST_OK;
        }
    }
    return fail(cx, ST_ERROR, "22023", "unrecognized privilege type: \"%.*s\"", (int)bytes, word);
}

typedef struct Wanted {
    uint32_t held, grantable; /* any of these will do */
} Wanted;

static Status
read_privileges(Ctx *cx, const Value *text, uint32_t allowed, Wanted *out)
{
    const char *p = text->var.data, *end = p + text->var.bytes;

    *out = (Wanted){0};
    while (p <= end) {
        const char *comma = memchr(p, ',', (size_t)(end - p)), *stop = comma != NULL ? comma : end;
        uint32_t bit = 0;
        bool grantable;

        while (p < stop && (*p == ' ' || *p == '\t'))
            p++;
        while (stop > p && (stop[-1] == ' ' || stop[-1] == '\t'))
            stop--;
        TRY(one_privilege(cx, p, (size_t)(stop - p), allowed, &bit, &grantable));
        if (grantable)
            out->grantable |= bit;
        else
            out->held |= bit;
        if (comma == NULL)
            break;
        p = comma + 1;
    }
    return ST_OK;
}

static Status
find_relation(FnCall *call, const Value *arg, int at, const TableInfo **out)
{
    Ctx *cx = call->cx;
    Oid oid = arg->u32;

    if (call->arg_types[at] == TYPE_TEXT)
        TRY(cx->format->reg_names->find(cx, TYPE_REGCLASS, arg->var.data, arg->var.bytes, false, &oid));
    return catalog_table_by_oid(cx, oid, LOCK_NONE, out);
}

static Status
relation_has(Ctx *cx, const TableInfo *t, const Asked *who, const Wanted *w, bool *yes)
{
    uint32_t have;

    TRY(acl_table_has(cx, t, who->role, who->superuser, w->held, false, &have));
    *yes = have != 0;
    if (*yes || w->grantable == 0)
        return ST_OK;
    TRY(acl_table_has(cx, t, who->role, who->superuser, w->grantable, true, &have));
    *yes = have != 0;
    return ST_OK;
}

static Status
column_has(Ctx *cx, const TableInfo *t, int column, const Asked *who, const Wanted *w, bool *yes)
{
    uint32_t have;

    TRY(acl_column_has(cx, t, column, who->role, who->superuser, w->held, false, &have));
    *yes = have != 0;
    if (*yes || w->grantable == 0)
        return ST_OK;
    TRY(acl_column_has(cx, t, column, who->role, who->superuser, w->grantable, true, &have));
    *yes = have != 0;
    return ST_OK;
}

static Status
relation_privilege(FnCall *call, const Value *args, uint32_t allowed, bool sequence, bool any_column,
                   Value *out)
{
    const TableInfo *t;
    Wanted wanted;
    Asked who;
    bool yes = false;

    TRY(asked_role(call, args, 2, &who));
    TRY(find_relation(call, &args[who.used], who.used, &t));
    TRY(read_privileges(call->cx, &args[who.used + 1], allowed, &wanted));
    *out = value_null();
    if (t == NULL)
        return ST_OK;
    if (sequence && t->kind != TABLE_SEQUENCE)
        return fail(call->cx, ST_ERROR, "42809", "\"%s\" is not a sequence", t->name);
    TRY(relation_has(call->cx, t, &who, &wanted, &yes));
    for (int c = 1; any_column && !yes && c <= t->column_count; c++) {
        if (!t->columns[c - 1].dropped)
            TRY(column_has(call->cx, t, c, &who, &wanted, &yes));
    }
    *out = value_bool(yes);
    return ST_OK;
}

SCALAR_FN(has_table_privilege)
{
    return relation_privilege(call, args, acl_all_bits('r'), false, false, out);
}

SCALAR_FN(has_any_column_privilege)
{
    return relation_privilege(call, args, acl_all_bits('c'), false, true, out);
}

SCALAR_FN(has_sequence_privilege)
{
    return relation_privilege(call, args, acl_all_bits('S'), true, false, out);
}

SCALAR_FN(has_column_privilege)
{
    Ctx *cx = call->cx;
    const TableInfo *t;
    Wanted wanted;
    Asked who;
    int column;
    bool yes;

    TRY(asked_role(call, args, 3, &who));
    TRY(find_relation(call, &args[who.used], who.used, &t));
    TRY(read_privileges(cx, &args[who.used + 2], acl_all_bits('c'), &wanted));
    *out = value_null();
    if (t == NULL)
        return ST_OK;
    if (call->arg_types[who.used + 1] == TYPE_TEXT) {
        const char *name = value_cstring(cx, args[who.used + 1]);

        column = table_find_column(t, name);
        if (column == 0)
            return fail(cx, ST_ERROR, "42703", "column \"%s\" of relation \"%s\" does not exist", name,
                        t->name);
    } else {
        column = args[who.used + 1].i16;
        if (column == 0 || column > t->column_count)
            return ST_OK;
    }
    if (column > 0)
        TRY(column_has(cx, t, column, &who, &wanted, &yes));
    else
        TRY(relation_has(cx, t, &who, &wanted, &yes));
    *out = value_bool(yes);
    return ST_OK;
}

/* Schemas and databases: one list. */
static Status
list_has(Ctx *cx, Value stored, char kind, Oid owner, const Asked *who, const Wanted *w, Value *out)
{
    uint32_t have, more;
    Acl acl;

    acl = acl_of_value(cx->arena, stored, kind, owner);
    TRY(acl_mask(cx, &acl, who->role, owner, w->held, false, &have));
    TRY(acl_mask(cx, &acl, who->role, owner, w->grantable, true, &more));
    *out = value_bool(who->superuser || have != 0 || more != 0);
    return ST_OK;
}

SCALAR_FN(has_schema_privilege)
{
    Ctx *cx = call->cx;
    CatalogRow *rows;
    int count;
    Wanted wanted;
    Asked who;
    Oid oid;

    TRY(asked_role(call, args, 2, &who));
    oid = args[who.used].u32;
    if (call->arg_types[who.used] == TYPE_TEXT) {
        const char *name = value_cstring(cx, args[who.used]);

        TRY(catalog_find_schema(cx, name, &oid));
        if (oid == OID_NONE)
            return fail(cx, ST_ERROR, "3F000", "schema \"%s\" does not exist", name);
    }
    TRY(read_privileges(cx, &args[who.used + 1], acl_all_bits('n'), &wanted));
    if (oid == SCHEMA_PG_CATALOG || oid == SCHEMA_INFORMATION_SCHEMA) {
        *out = value_bool(who.superuser || (wanted.held & ACL_USAGE) != 0);
        return ST_OK;
    }
    TRY(catalog_find(cx, CAT_PG_NAMESPACE, COL_PG_NAMESPACE_oid, value_oid(oid), 0, value_null(), &rows,
                     &count));
    *out = value_null();
    if (count == 0)
        return ST_OK;
    return list_has(cx, rows[0].values[COL_PG_NAMESPACE_nspacl], 'n',
                    rows[0].values[COL_PG_NAMESPACE_nspowner].u32, &who, &wanted, out);
}

SCALAR_FN(has_database_privilege)
{
    Ctx *cx = call->cx;
    CatalogRow *rows;
    int count;
    Wanted wanted;
    Asked who;
    bool by_name;

    TRY(asked_role(call, args, 2, &who));
    by_name = call->arg_types[who.used] == TYPE_TEXT;
    TRY(read_privileges(cx, &args[who.used + 1], acl_all_bits('d'), &wanted));
    TRY(catalog_find(cx, CAT_PG_DATABASE, by_name ? (int)COL_PG_DATABASE_datname : (int)COL_PG_DATABASE_oid,
                     args[who.used], 0, value_null(), &rows, &count));
    *out = value_null();
    if (count == 0 && by_name)
        return fail(cx, ST_ERROR, "3D000", "database \"%s\" does not exist", value_cstring(cx, args[who.used]));
    if (count == 0)
        return ST_OK;
    return list_has(cx, rows[0].values[COL_PG_DATABASE_datacl], 'd', rows[0].values[COL_PG_DATABASE_datdba].u32,
                    &who, &wanted, out);
}

/* Objects of the program itself: everybody has `open` on them, the rest is for superusers. */
static Status
builtin_has(FnCall *call, const Value *args, const Asked *who, uint32_t bit, bool open, bool exists, Value *out)
{
    Wanted wanted;

    TRY(read_privileges(call->cx, &args[who->used + 1], bit, &wanted));
    *out = !exists ? value_null() : value_bool(who->superuser || (open && wanted.held != 0));
    return ST_OK;
}

/* The object that the arguments name: by OID, or by the name of a row of the catalog. */
static Status
named_object(FnCall *call, const Value *args, const char *what, const NamedObject *known, size_t count,
             Oid *out)
{
    const Value *v = &args[call->arg_count - 2];
    bool by_name = call->arg_types[call->arg_count - 2] == TYPE_TEXT;

    *out = OID_NONE;
    for (size_t i = 0; i < count; i++) {
        if (by_name
                ? v->var.bytes == strlen(known[i].name) && memcmp(v->var.data, known[i].name, v->var.bytes) == 0
                : v->u32 == known[i].oid)
            *out = known[i].oid;
    }
    if (by_name && *out == OID_NONE)
        return fail(call->cx, ST_ERROR, "42704", "%s \"%s\" does not exist", what, value_cstring(call->cx, *v));
    return ST_OK;
}

SCALAR_FN(has_function_privilege)
{
    Ctx *cx = call->cx;
    const Value *v = &args[call->arg_count - 2];
    const FnInfo *f;
    Oid oid = v->u32;
    Asked who;

    TRY(asked_role(call, args, 2, &who));
    if (call->arg_types[call->arg_count - 2] == TYPE_TEXT)
        TRY(cx->format->reg_names->find(cx, TYPE_REGPROCEDURE, v->var.data, v->var.bytes, false, &oid));
    f = fn_by_oid(oid);
    return builtin_has(call, args, &who, ACL_EXECUTE, f != NULL && oid != FN_PG_RELOAD_CONF, f != NULL, out);
}

SCALAR_FN(has_type_privilege)
{
    Ctx *cx = call->cx;
    const Value *v = &args[call->arg_count - 2];
    Oid oid = v->u32;
    Asked who;

    TRY(asked_role(call, args, 2, &who));
    if (call->arg_types[call->arg_count - 2] == TYPE_TEXT)
        TRY(cx->format->reg_names->find(cx, TYPE_REGTYPE, v->var.data, v->var.bytes, false, &oid));
    return builtin_has(call, args, &who, ACL_USAGE, true, type_by_oid(oid) != NULL, out);
}

SCALAR_FN(has_language_privilege)
{
    static const NamedObject languages[] = {{12, "internal"}, {13, "c"}, {14, "sql"}};
    Asked who;
    Oid oid;

    TRY(asked_role(call, args, 2, &who));
    TRY(named_object(call, args, "language", languages, COUNT_OF(languages), &oid));
    return builtin_has(call, args, &who, ACL_USAGE, true, oid != OID_NONE, out);
}

SCALAR_FN(has_tablespace_privilege)
{
    static const NamedObject spaces[] = {{1663, "pg_default"}, {1664, "pg_global"}};
    Asked who;
    Oid oid;

    TRY(asked_role(call, args, 2, &who));
    TRY(named_object(call, args, "tablespace", spaces, COUNT_OF(spaces), &oid));
    return builtin_has(call, args, &who, ACL_CREATE, false, oid != OID_NONE, out);
}

SCALAR_FN(pg_has_role)
{
    Ctx *cx = call->cx;
    Asked who;
    Oid other;
    bool usage, yes;
    const Value *word;

    TRY(asked_role(call, args, 2, &who));
    other = args[who.used].u32;
    if (call->arg_types[who.used] == TYPE_NAME) {
        const char *name = value_cstring(cx, args[who.used]);

        TRY(catalog_find_role(cx, name, &other));
        if (other == OID_NONE)
            return fail(cx, ST_ERROR, "42704", "role \"%s\" does not exist", name);
    }
    word = &args[who.used + 1];
    usage = word->var.bytes == 5 && strncasecmp(word->var.data, "USAGE", 5) == 0;
    if (!usage && (word->var.bytes < 6 || strncasecmp(word->var.data, "MEMBER", 6) != 0))
        return fail(cx, ST_ERROR, "22023", "unrecognized privilege type: \"%.*s\"", (int)word->var.bytes,
                    word->var.data);
    TRY(acl_is_member(cx, who.role, other, usage, &yes));
    *out = value_bool(yes);
    return ST_OK;
}

/* The list that an object without one has. Its letters are ours but for two, which are the other way round. */
SCALAR_FN(acldefault)
{
    char letter = args[0].var.bytes > 0 ? args[0].var.data[0] : '\0';
    char kind = letter == 's' ? 'S' : letter == 'S' ? 's' : letter;
    Acl acl;

    if (acl_all_bits(kind) == 0)
        return fail(call->cx, ST_ERROR, "XX000", "unrecognized objtype abbreviation: %c", letter);
    acl = acl_default(call->cx->arena, kind, args[1].u32);
    return acl_to_value(call->cx, &acl, out);
}
