/* bind_type.c - type names. The grammar has already turned INTEGER, DECIMAL(10) and the like into
 * names of pg_catalog. */
#include "backend/bind/bind_int.h"

#include <stdlib.h>

static Status
typmod_args(Ctx *cx, const AstTypeName *name, int64_t *args, int *count)
{
    *count = 0;
    for (int i = 0; i < name->typmods.count; i++) {
        const Ast *a = name->typmods.items[i];
        const AstConst *k = (const AstConst *)a;

        if (a->kind == AST_COLUMN_REF || *count == 8)
            return fail_at(cx, name->ast.location, "42601",
                           "type modifiers must be simple constants or identifiers");
        if (a->kind != AST_CONST || k->const_kind == CONST_NULL)
            return fail_at(cx, name->ast.location, "42601",
                           "type modifiers must be simple constants or identifiers");
        args[(*count)++] = k->const_kind == CONST_INT ? k->integer : strtoll(k->text, NULL, 10);
    }
    return ST_OK;
}

/* PostgreSQL's types that are not there yet. Whoever asks for one should not think that he misspelt it. */
static bool
is_type_to_come(const char *name)
{
    static const char *const names[] = {
        "bit",           "box",          "cidr",           "circle",    "datemultirange",
        "daterange",     "inet",         "int4multirange", "int4range", "int8multirange",
        "int8range",     "json",         "jsonb",          "jsonpath",  "line",
        "lseg",          "macaddr",      "macaddr8",       "money",     "nummultirange",
        "numrange",      "path",         "point",          "polygon",   "regconfig",
        "regdictionary", "tsmultirange", "tsquery",        "tsrange",   "tstzmultirange",
        "tstzrange",     "tsvector",     "txid_snapshot",  "uuid",      "varbit",
        "xml",
    };

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

Status
bind_type_name(Ctx *cx, const AstTypeName *name, Oid *type, int32_t *typmod)
{
    const TypeInfo *t = NULL;
    int64_t args[8];
    int arg_count;

    *typmod = -1;
    if (name->is_percent_type)
        return fail_unsupported(cx, name->ast.location, "%TYPE");
    if (name->setof)
        return fail_at(cx, name->ast.location, "42601", "SETOF is not allowed here");
    if (name->schema == NULL || strcmp(name->schema, "pg_catalog") == 0)
        t = type_by_name(name->name);
    if (t == NULL) {
        if ((name->schema == NULL || strcmp(name->schema, "pg_catalog") == 0) && is_type_to_come(name->name))
            return fail_unsupported(cx, name->ast.location, arena_printf(cx->arena, "type %s", name->name));
        if (name->schema != NULL)
            return fail_at(cx, name->ast.location, "42704", "type \"%s.%s\" does not exist", name->schema,
                           name->name);
        return fail_at(cx, name->ast.location, "42704", "type \"%s%s\" does not exist", name->name,
                       name->array_dims > 0 ? "[]" : "");
    }
    if (name->typmods.count > 0) {
        if (t->typmod_in == NULL)
            return fail_at(cx, name->ast.location, "42601", "type modifier is not allowed for type \"%s\"",
                           t->name);
        TRY(typmod_args(cx, name, args, &arg_count));
        if (t->typmod_in(cx, args, arg_count, typmod) != ST_OK) {
            fail_locate(cx, name->ast.location);
            return ST_ERROR;
        }
    }
    if (name->array_dims > 0) {
        if (t->array == OID_NONE)
            return fail_at(cx, name->ast.location, "42704", "type \"%s[]\" does not exist", t->name);
        t = type_by_oid(t->array);
        ASSERT(t != NULL);
    }
    *type = t->oid;
    return ST_OK;
}
