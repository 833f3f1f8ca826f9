/* ddl_options.c - WITH (...), SET (...) and RESET (...): a relation's storage parameters. */
#include "backend/command/ddl.h"

#include "backend/type/array.h"

#include <strings.h>

static const char *
option_text(Ctx *cx, const AstDefElem *d)
{
    const Ast *v = d->value;

    if (v == NULL)
        return "true";
    if (v->kind == AST_STRING)
        return ((const AstString *)v)->text;
    if (v->kind == AST_TYPE_NAME)
        return ((const AstTypeName *)v)->name;
    if (v->kind != AST_CONST)
        return NULL;
    switch (((const AstConst *)v)->const_kind) {
    case CONST_INT: return arena_printf(cx->arena, "%d", ((const AstConst *)v)->integer);
    case CONST_BOOL: return ((const AstConst *)v)->integer ? "true" : "false";
    default: return ((const AstConst *)v)->text;
    }
}

/* Parameters of other places, and what is no parameter at all. *mine false: it is none of the list's. */
static Status
check_place(Ctx *cx, const AstDefElem *d, RelOptionKind kind, bool *mine)
{
    const char *text = option_text(cx, d);

    *mine = d->name_space == NULL;
    if (*mine && kind == REL_OPTION_TABLE && strcmp(d->name, "oids") == 0) {
        *mine = false;
        if (text != NULL &&
            (strcasecmp(text, "false") == 0 || strcasecmp(text, "off") == 0 || strcmp(text, "0") == 0))
            return ST_OK; /* what every table is */
        return fail(cx, ST_ERROR, "0A000", "tables declared WITH OIDS are not supported");
    }
    if (*mine)
        return ST_OK;
    if (kind != REL_OPTION_TABLE || strcmp(d->name_space, "toast") != 0)
        return fail(cx, ST_ERROR, "22023", "unrecognized parameter namespace \"%s\"", d->name_space);
    if (!rel_option_is_known(d->name, strlen(d->name), REL_OPTION_TOAST))
        return fail(cx, ST_ERROR, "22023", "unrecognized parameter \"%s\"", d->name);
    return fail_unsupported(cx, d->ast.location,
                            arena_printf(cx->arena, "storage parameter \"toast.%s\"", d->name));
}

static bool
is_named(VarRef item, const AstList *options)
{
    for (int i = 0; i < options->count; i++) {
        const char *name = ((const AstDefElem *)options->items[i])->name;
        size_t bytes = strlen(name);

        if (item.bytes > bytes && item.data[bytes] == '=' && memcmp(item.data, name, bytes) == 0)
            return true;
    }
    return false;
}

Status
ddl_options_change(Ctx *cx, Value old, const AstList *options, bool reset, RelOptionKind kind, Value *out)
{
    ArrayView view = {0};
    Value *items;
    uint32_t count = 0;
    RelOptions checked;

    if (!old.is_null)
        view = array_open(old.var);
    items = arena_array(cx->arena, Value, view.count + (uint32_t)options->count + 1);
    for (uint32_t i = 0; i < view.count; i++) {
        Value item = array_at(&view, i);

        if (!is_named(item.var, options))
            items[count++] = item;
    }
    for (int i = 0; i < options->count; i++) {
        const AstDefElem *d = (const AstDefElem *)options->items[i];
        const char *text;
        bool mine;

        if (reset && d->value != NULL)
            return fail(cx, ST_ERROR, "42601", "RESET must not include values for parameters");
        if (reset)
            continue;
        TRY(check_place(cx, d, kind, &mine));
        if (!mine)
            continue;
        text = option_text(cx, d);
        if (text == NULL)
            return fail_unsupported(cx, d->ast.location, "this value of a storage parameter");
        items[count++] = value_text(cx, arena_printf(cx->arena, "%s=%s", d->name, text));
    }
    *out = value_null();
    if (count > 0)
        TRY(array_from_values(cx, TYPE_TEXT, items, count, out));
    return rel_options_read(cx, *out, kind, &checked);
}

Status
ddl_class_options(Ctx *cx, const AstList *options, NewClass *c)
{
    if (options == NULL || options->count == 0)
        return ST_OK;
    TRY(ddl_options_change(cx, value_null(), options, false,
                           c->relkind == 'i' ? REL_OPTION_BTREE : REL_OPTION_TABLE, &c->options));
    c->has_options = true;
    return ST_OK;
}

Status
ddl_alter_options(Ctx *cx, const TableInfo *t, const AstList *options, bool reset)
{
    Value *v;
    Tid tid;

    TRY(ddl_class_row(cx, t->oid, &v, &tid));
    TRY(ddl_options_change(cx, v[COL_PG_CLASS_reloptions], options, reset,
                           t->kind == TABLE_INDEX ? REL_OPTION_BTREE : REL_OPTION_TABLE,
                           &v[COL_PG_CLASS_reloptions]));
    TRY(catalog_update(cx, CAT_PG_CLASS, tid, v));
    catalog_changed(cx, catalog_branch(cx), t->oid);
    return ST_OK;
}
