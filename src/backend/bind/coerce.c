/* coerce.c - how a value of one type becomes one of another.
 *
 * The ways, in the order in which they are tried: nothing to do; a literal of type unknown is read by
 * the target's input function; an untyped parameter takes the target's type; a row of casts.def; an
 * array element by element; through text. */
#include "backend/bind/bind_int.h"

typedef enum Way { WAY_NONE, WAY_RELABEL, WAY_FUNCTION, WAY_TEXT, WAY_ARRAY } Way;

static bool
is_polymorphic(Oid t)
{
    switch (t) {
    case TYPE_ANY:
    case TYPE_ANYELEMENT:
    case TYPE_ANYARRAY:
    case TYPE_ANYNONARRAY:
    case TYPE_ANYCOMPATIBLE:
    case TYPE_ANYCOMPATIBLEARRAY: return true;
    default: return false;
    }
}

static Way
find_way(Oid from, Oid to, CoerceContext context, const FnInfo **fn)
{
    const CastInfo *cast = cast_find(from, to);
    const TypeInfo *source = type_by_oid(from), *target = type_by_oid(to);

    *fn = NULL;
    if (source == NULL || target == NULL)
        return WAY_NONE;
    if (cast != NULL && from != to) {
        CoerceContext needs = cast->context == 'i'   ? COERCE_IMPLICIT
                              : cast->context == 'a' ? COERCE_ASSIGNMENT
                                                     : COERCE_EXPLICIT;

        if (context < needs)
            return WAY_NONE;
        if (cast->method == 'b')
            return WAY_RELABEL;
        if (cast->method == 'i')
            return WAY_TEXT;
        *fn = fn_by_oid(cast->fn);
        ASSERT(*fn != NULL);
        return WAY_FUNCTION;
    }
    if (type_is_array(source) && type_is_array(target) && to != TYPE_OIDVECTOR && to != TYPE_INT2VECTOR) {
        Way element =
            source->elem == target->elem ? WAY_RELABEL : find_way(source->elem, target->elem, context, fn);

        if (element == WAY_RELABEL)
            return WAY_RELABEL;
        if (element != WAY_NONE)
            return WAY_ARRAY;
    }
    if (context >= COERCE_ASSIGNMENT && target->category == 'S')
        return WAY_TEXT;
    if (context >= COERCE_EXPLICIT && source->category == 'S')
        return WAY_TEXT;
    return WAY_NONE;
}

bool
coerce_possible(Oid from, Oid to, CoerceContext context)
{
    const FnInfo *fn;

    if (from == to || to == TYPE_ANY || from == TYPE_UNKNOWN)
        return true;
    if (is_polymorphic(to)) {
        const TypeInfo *t = type_by_oid(from);

        if (to == TYPE_ANYARRAY || to == TYPE_ANYCOMPATIBLEARRAY)
            return t != NULL && type_is_array(t);
        if (to == TYPE_ANYNONARRAY)
            return t != NULL && !type_is_array(t);
        return true;
    }
    return find_way(from, to, context, &fn) != WAY_NONE;
}

/* Length coercion: varchar(10), numeric(8,2), timestamp(3). */
static Status
apply_typmod(Ctx *cx, Arena *arena, Expr *e, int32_t typmod, CoerceContext context, Expr **out)
{
    const CastInfo *cast;
    const FnInfo *fn;
    Expr *call;

    (void)cx;
    *out = e;
    if (typmod < 0 || typmod == e->typmod)
        return ST_OK;
    cast = cast_find(e->type, e->type);
    if (cast == NULL || cast->fn == 0) {
        const TypeInfo *t = type_by_oid(e->type);

        if (type_is_array(t) && (cast = cast_find(t->elem, t->elem)) != NULL && cast->fn != 0) {
            call = expr_new(arena, EXPR_ARRAY_CAST, e->type, typmod, e->location);
            call->unary.arg = e;
            call->unary.element_fn = fn_by_oid(cast->fn);
            call->unary.explicit_cast = context == COERCE_EXPLICIT;
            call->unary.implicit = context != COERCE_EXPLICIT;
            *out = call;
        }
        return ST_OK;
    }
    fn = fn_by_oid(cast->fn);
    ASSERT(fn != NULL);
    call = expr_new(arena, EXPR_CALL, e->type, typmod, e->location);
    call->call.fn = fn;
    call->call.arg_count = fn->arg_count;
    call->call.args = arena_array(arena, Expr *, 3);
    call->call.args[0] = e;
    call->call.args[1] = expr_const_int4(arena, typmod);
    if (fn->arg_count > 2)
        call->call.args[2] = expr_const_bool(arena, context == COERCE_EXPLICIT);
    call->call.implicit = context != COERCE_EXPLICIT;
    *out = call;
    return ST_OK;
}

static Status
read_literal(Ctx *cx, Arena *arena, Expr *e, const TypeInfo *target, int32_t typmod, CoerceContext context,
             Expr **out)
{
    Arena *saved = cx->arena;
    Expr *c = expr_const(arena, target->oid, -1, e->constant, e->location);
    Status rc = ST_OK;

    if (!e->constant.is_null) {
        if (target->in == NULL)
            return fail_at(cx, e->location, "42804", "cannot make a value of type %s from a literal",
                           target->name);
        cx->arena = arena;
        /* interval's typmod changes how the text is read; all others are applied afterwards */
        rc = target->in(cx, target, e->constant.var.data, e->constant.var.bytes,
                        target->oid == TYPE_INTERVAL ? typmod : -1, &c->constant);
        cx->arena = saved;
        if (rc != ST_OK) {
            fail_locate(cx, e->location);
            return rc;
        }
    }
    return apply_typmod(cx, arena, c, typmod, context, out);
}

static Status
take_param_type(Ctx *cx, ParamTypes *params, Expr *e, Oid type)
{
    Oid *slot = &params->types[e->param.number];

    if (*slot != OID_NONE && *slot != TYPE_UNKNOWN && *slot != type) {
        Status rc = fail_at(cx, e->location, "42P08", "inconsistent types deduced for parameter $%d",
                            e->param.number + 1);

        fail_detail(cx, "%s versus %s", type_by_oid(*slot)->sql_name, type_by_oid(type)->sql_name);
        return rc;
    }
    *slot = type;
    e->type = type;
    return ST_OK;
}

Status
coerce_expr(Ctx *cx, Arena *arena, ParamTypes *params, Expr *e, Oid type, int32_t typmod, CoerceContext context,
            Expr **out)
{
    const TypeInfo *target = type_by_oid(type);
    const FnInfo *fn;
    Expr *c;

    *out = NULL;
    ASSERT(target != NULL);
    if (e->type == type)
        return apply_typmod(cx, arena, e, typmod, context, out);
    if (type == TYPE_ANY || (is_polymorphic(type) && e->type != TYPE_UNKNOWN)) {
        *out = e;
        return ST_OK;
    }
    if (e->kind == EXPR_CONST && e->type == TYPE_UNKNOWN)
        return read_literal(cx, arena, e, target, typmod, context, out);
    if (e->kind == EXPR_PARAM && e->type == TYPE_UNKNOWN) {
        if (params->literals != NULL && type == TYPE_INTERVAL && typmod >= 0) /* the text must be read now */
            return fail_unsupported(cx, e->location, "a parameter in place of this literal");
        TRY(take_param_type(cx, params, e, type));
        return apply_typmod(cx, arena, e, typmod, context, out);
    }
    if (e->type == TYPE_UNKNOWN) { /* an output column nobody typed: through text */
        c = expr_new(arena, EXPR_IO_CAST, type, -1, e->location);
        c->unary.arg = e;
        c->unary.implicit = context != COERCE_EXPLICIT;
        return apply_typmod(cx, arena, c, typmod, context, out);
    }
    switch (find_way(e->type, type, context, &fn)) {
    case WAY_NONE: return ST_OK;
    case WAY_RELABEL:
        c = expr_new(arena, EXPR_RELABEL, type, -1, e->location);
        c->unary.arg = e;
        break;
    case WAY_TEXT:
        c = expr_new(arena, EXPR_IO_CAST, type, -1, e->location);
        c->unary.arg = e;
        break;
    case WAY_ARRAY:
        c = expr_new(arena, EXPR_ARRAY_CAST, type, -1, e->location);
        c->unary.arg = e;
        c->unary.element_fn = fn;
        break;
    case WAY_FUNCTION:
    default:
        c = expr_new(arena, EXPR_CALL, type, -1, e->location);
        c->call.fn = fn;
        c->call.arg_count = fn->arg_count;
        c->call.args = arena_array(arena, Expr *, 3);
        c->call.args[0] = e;
        if (fn->arg_count > 1)
            c->call.args[1] = expr_const_int4(arena, typmod);
        if (fn->arg_count > 2)
            c->call.args[2] = expr_const_bool(arena, context == COERCE_EXPLICIT);
        c->call.implicit = context != COERCE_EXPLICIT;
        if (fn->arg_count > 1) { /* such a function does the length coercion itself */
            c->typmod = typmod;
            *out = c;
            return ST_OK;
        }
        return apply_typmod(cx, arena, c, typmod, context, out);
    }
    c->unary.implicit = context != COERCE_EXPLICIT;
    c->unary.explicit_cast = context == COERCE_EXPLICIT;
    return apply_typmod(cx, arena, c, typmod, context, out);
}

Status
coerce_or_fail(Binder *b, Expr *e, Oid type, int32_t typmod, CoerceContext context, int location, Expr **out)
{
    Expr *c;
    Buf from = {0}, to = {0};

    TRY(coerce_expr(b->cx, b->arena, b->params, e, type, typmod, context, &c));
    if (c != NULL) {
        *out = c;
        return ST_OK;
    }
    type_format(e->type, -1, &from);
    type_format(type, -1, &to);
    (void)fail_at(b->cx, location >= 0 ? location : e->location, "42846", "cannot cast type %s to %s",
                  buf_cstr(&from), buf_cstr(&to));
    buf_free(&from);
    buf_free(&to);
    return ST_ERROR;
}

Status
coerce_to_boolean(Binder *b, Expr *e, const char *what, Expr **out)
{
    Expr *c;
    Buf name = {0};

    TRY(coerce_expr(b->cx, b->arena, b->params, e, TYPE_BOOL, -1, COERCE_ASSIGNMENT, &c));
    if (c == NULL) {
        type_format(e->type, -1, &name);
        (void)fail_at(b->cx, e->location, "42804", "argument of %s must be type boolean, not type %s", what,
                      buf_cstr(&name));
        buf_free(&name);
        return ST_ERROR;
    }
    if (expr_has_series(c))
        return fail_at(b->cx, e->location, "42804", "argument of %s must not return a set", what);
    *out = c;
    return ST_OK;
}

/* PostgreSQL's rules for UNION, CASE and related constructs. */
Status
common_type(Binder *b, Expr *const *exprs, int count, const char *what, Oid *out)
{
    Oid type = exprs[0]->type;
    const TypeInfo *info;
    int i;

    for (i = 1; i < count && exprs[i]->type == type; i++)
        continue;
    if (i == count && type != TYPE_UNKNOWN) {
        *out = type;
        return ST_OK;
    }
    info = type_by_oid(type);
    for (i = 1; i < count; i++) {
        const TypeInfo *t = type_by_oid(exprs[i]->type);

        if (t->oid == TYPE_UNKNOWN || t->oid == type)
            continue;
        if (type == TYPE_UNKNOWN) {
            type = t->oid;
            info = t;
        } else if (t->category != info->category) {
            Buf one = {0}, two = {0};

            if (what == NULL) {
                *out = OID_NONE;
                return ST_OK;
            }
            type_format(type, -1, &one);
            type_format(t->oid, -1, &two);
            (void)fail_at(b->cx, exprs[i]->location, "42804", "%s types %s and %s cannot be matched", what,
                          buf_cstr(&one), buf_cstr(&two));
            buf_free(&one);
            buf_free(&two);
            return ST_ERROR;
        } else if (!info->preferred && coerce_possible(type, t->oid, COERCE_IMPLICIT) &&
                   !coerce_possible(t->oid, type, COERCE_IMPLICIT)) {
            type = t->oid;
            info = t;
        }
    }
    *out = type == TYPE_UNKNOWN ? TYPE_TEXT : type;
    return ST_OK;
}

int32_t
common_typmod(Expr *const *exprs, int count, Oid type)
{
    for (int i = 0; i < count; i++) {
        if (exprs[i]->type != type || exprs[i]->typmod != exprs[0]->typmod)
            return -1;
    }
    return exprs[0]->typmod;
}

Status
resolve_unknown(Binder *b, Expr **e)
{
    if ((*e)->type != TYPE_UNKNOWN)
        return ST_OK;
    return coerce_or_fail(b, *e, TYPE_TEXT, -1, COERCE_IMPLICIT, (*e)->location, e);
}
