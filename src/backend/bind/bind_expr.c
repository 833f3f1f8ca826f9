/* bind_expr.c - expressions, one function for each kind of node. */
#include "backend/bind/bind_int.h"

#include <errno.h>
#include <stdlib.h>

const char *
clause_name(const Binder *b)
{
    static const char *const names[] = {
        [CLAUSE_NONE] = "this place",
        [CLAUSE_SELECT] = "SELECT",
        [CLAUSE_FROM_FUNCTION] = "FROM",
        [CLAUSE_JOIN_ON] = "JOIN conditions",
        [CLAUSE_WHERE] = "WHERE",
        [CLAUSE_GROUP_BY] = "GROUP BY",
        [CLAUSE_HAVING] = "HAVING",
        [CLAUSE_ORDER_BY] = "ORDER BY",
        [CLAUSE_LIMIT] = "LIMIT",
        [CLAUSE_OFFSET] = "OFFSET",
        [CLAUSE_VALUES] = "VALUES",
        [CLAUSE_RETURNING] = "RETURNING",
        [CLAUSE_UPDATE_SET] = "UPDATE",
        [CLAUSE_DISTINCT_ON] = "DISTINCT ON",
        [CLAUSE_AGG_ARGUMENT] = "an aggregate",
        [CLAUSE_AGG_FILTER] = "FILTER",
    };

    return b->clause == CLAUSE_OTHER ? b->clause_text : names[b->clause];
}

/* X2: the literal as a parameter; false when it has to be a constant. */
static bool
bind_literal(Binder *b, const AstConst *k, Oid type, Expr **out)
{
    ParamTypes *params = b->params;
    Literal *l;
    Expr *e;
    int i;

    if (params == NULL || params->literals == NULL)
        return false;
    l = literals_find(params->literals, k->ast.location);
    if (l == NULL || l->type != type)
        return false;
    i = (int)(l - params->literals->items);
    l->taken = true;
    l->negative = k->ast.location != l->at;
    if (params->types[i] == OID_NONE)
        params->types[i] = type;
    e = expr_new(b->arena, EXPR_PARAM, params->types[i], -1, k->ast.location);
    e->param.number = i;
    *out = e;
    return true;
}

static Status
bind_const(Binder *b, const AstConst *k, Expr **out)
{
    const TypeInfo *numeric;
    Arena *saved = b->cx->arena;
    Expr *e;
    char *end;
    long long wide;
    Status rc;

    switch (k->const_kind) {
    case CONST_NULL: *out = expr_const(b->arena, TYPE_UNKNOWN, -1, value_null(), k->ast.location); return ST_OK;
    case CONST_BOOL:
        *out = expr_const(b->arena, TYPE_BOOL, -1, value_bool(k->integer != 0), k->ast.location);
        return ST_OK;
    case CONST_INT:
        if (!bind_literal(b, k, TYPE_INT4, out))
            *out = expr_const(b->arena, TYPE_INT4, -1, value_i32(k->integer), k->ast.location);
        return ST_OK;
    case CONST_STRING:
        if (bind_literal(b, k, TYPE_UNKNOWN, out))
            return ST_OK;
        *out = expr_const(b->arena, TYPE_UNKNOWN, -1, value_var(k->text, strlen(k->text)), k->ast.location);
        return ST_OK;
    case CONST_BIT: return fail_unsupported(b->cx, k->ast.location, "the type bit");
    case CONST_FLOAT: break;
    }
    errno = 0;
    wide = strtoll(k->text, &end, 10);
    if (*end == '\0' && errno == 0) {
        if (wide == INT32_MIN) /* the one int4 whose digits alone are too large */
            *out = expr_const(b->arena, TYPE_INT4, -1, value_i32(INT32_MIN), k->ast.location);
        else if (!bind_literal(b, k, TYPE_INT8, out))
            *out = expr_const(b->arena, TYPE_INT8, -1, value_i64(wide), k->ast.location);
        return ST_OK;
    }
    if (bind_literal(b, k, TYPE_NUMERIC, out))
        return ST_OK;
    numeric = type_by_oid(TYPE_NUMERIC);
    e = expr_const(b->arena, TYPE_NUMERIC, -1, value_null(), k->ast.location);
    b->cx->arena = b->arena;
    rc = numeric->in(b->cx, numeric, k->text, strlen(k->text), -1, &e->constant);
    b->cx->arena = saved;
    if (rc != ST_OK)
        fail_locate(b->cx, k->ast.location);
    *out = e;
    return rc;
}

static Status
bind_param(Binder *b, const AstParamRef *p, Expr **out)
{
    ParamTypes *params = b->params;
    Expr *e;

    if (params == NULL || p->number < 1 || p->number > 65535 || (params->fixed && p->number > params->count))
        return fail_at(b->cx, p->ast.location, "42P02", "there is no parameter $%d", p->number);
    if (p->number > params->capacity) {
        int capacity = MAX_OF(p->number, params->capacity * 2);
        Oid *types = arena_array(params->arena, Oid, capacity);

        if (params->count > 0)
            memcpy(types, params->types, sizeof(Oid) * (size_t)params->count);
        params->types = types;
        params->capacity = capacity;
    }
    params->count = MAX_OF(params->count, p->number);
    if (params->types[p->number - 1] == OID_NONE)
        params->types[p->number - 1] = TYPE_UNKNOWN;
    e = expr_new(b->arena, EXPR_PARAM, params->types[p->number - 1], -1, p->ast.location);
    e->param.number = p->number - 1;
    *out = e;
    return ST_OK;
}

Status
make_list(Binder *b, ExprKind kind, Expr **items, int count, Oid type, int location, Expr **out)
{
    Expr *e = expr_new(b->arena, kind, type, -1, location);

    e->list.items = items;
    e->list.count = count;
    *out = e;
    return ST_OK;
}

static Status
bind_bool(Binder *b, const AstBool *n, Expr **out)
{
    static const char *const names[] = {[BOOL_AND] = "AND", [BOOL_OR] = "OR", [BOOL_NOT] = "NOT"};
    Expr **items = arena_array(b->arena, Expr *, n->args.count);

    for (int i = 0; i < n->args.count; i++) {
        TRY(bind_expr(b, n->args.items[i], &items[i]));
        TRY(coerce_to_boolean(b, items[i], names[n->bool_kind], &items[i]));
    }
    if (n->bool_kind == BOOL_NOT) {
        Expr *e = expr_new(b->arena, EXPR_NOT, TYPE_BOOL, -1, n->ast.location);

        e->unary.arg = items[0];
        *out = e;
        return ST_OK;
    }
    return make_list(b, n->bool_kind == BOOL_AND ? EXPR_AND : EXPR_OR, items, n->args.count, TYPE_BOOL,
                     n->ast.location, out);
}

static Status
bind_cast(Binder *b, const AstCast *n, Expr **out)
{
    Oid type;
    int32_t typmod;
    Expr *arg;
    int location = n->ast.location >= 0 ? n->ast.location : n->arg->location;

    TRY(bind_type_name(b->cx, n->type, &type, &typmod));
    if (n->arg->kind == AST_ARRAY && type_is_array(type_by_oid(type))) { /* ARRAY[]::int[] needs the type */
        const AstArray *a = (const AstArray *)n->arg;
        Expr **items = arena_array(b->arena, Expr *, MAX_OF(a->items.count, 1));
        Oid element = type_by_oid(type)->elem;
        bool nested = false;

        for (int i = 0; i < a->items.count; i++)
            nested |= a->items.items[i]->kind == AST_ARRAY;
        if (!nested) {
            for (int i = 0; i < a->items.count; i++) {
                TRY(bind_expr(b, a->items.items[i], &items[i]));
                TRY(coerce_or_fail(b, items[i], element, typmod, COERCE_EXPLICIT, location, &items[i]));
            }
            TRY(make_array(b, items, a->items.count, element, n->arg->location, out));
            (*out)->typmod = typmod;
            return ST_OK;
        }
    }
    TRY(bind_expr(b, n->arg, &arg));
    return coerce_or_fail(b, arg, type, typmod, COERCE_EXPLICIT, location, out);
}

static Status
bind_case(Binder *b, const AstCase *n, Expr **out)
{
    Expr *e = expr_new(b->arena, EXPR_CASE, OID_NONE, -1, n->ast.location);
    Expr **results = arena_array(b->arena, Expr *, n->when_count + 1);
    Expr *value = NULL;

    e->cases.when_count = n->when_count;
    e->cases.whens = arena_array(b->arena, Expr *, n->when_count);
    e->cases.thens = arena_array(b->arena, Expr *, n->when_count);
    if (n->arg != NULL) {
        TRY(bind_expr(b, n->arg, &e->cases.arg));
        TRY(resolve_unknown(b, &e->cases.arg));
        value = expr_new(b->arena, EXPR_CASE_VALUE, e->cases.arg->type, e->cases.arg->typmod, -1);
    }
    for (int i = 0; i < n->when_count; i++) {
        Expr *when;

        TRY(bind_expr(b, n->whens[i], &when));
        if (value != NULL)
            TRY(bind_operator(b, NULL, "=", value, when, n->whens[i]->location, &when));
        TRY(coerce_to_boolean(b, when, "CASE/WHEN", &e->cases.whens[i]));
        TRY(bind_expr(b, n->thens[i], &results[i + 1]));
    }
    if (n->otherwise != NULL)
        TRY(bind_expr(b, n->otherwise, &results[0]));
    else
        results[0] = expr_const(b->arena, TYPE_UNKNOWN, -1, value_null(), n->ast.location);
    TRY(common_type(b, results, n->when_count + 1, "CASE", &e->type));
    for (int i = 0; i < n->when_count; i++)
        TRY(coerce_or_fail(b, results[i + 1], e->type, -1, COERCE_IMPLICIT, results[i + 1]->location,
                           &e->cases.thens[i]));
    TRY(coerce_or_fail(b, results[0], e->type, -1, COERCE_IMPLICIT, results[0]->location, &e->cases.otherwise));
    results[0] = e->cases.otherwise;
    memcpy(results + 1, e->cases.thens, sizeof(Expr *) * (size_t)n->when_count);
    e->typmod = n->otherwise != NULL ? common_typmod(results, n->when_count + 1, e->type)
                                     : common_typmod(results + 1, n->when_count, e->type);
    *out = e;
    return ST_OK;
}

static Status
bind_common_list(Binder *b, const AstList *args, ExprKind kind, const char *what, int location, Expr **out)
{
    Expr **items = arena_array(b->arena, Expr *, args->count);
    Oid type;

    for (int i = 0; i < args->count; i++)
        TRY(bind_expr(b, args->items[i], &items[i]));
    TRY(common_type(b, items, args->count, what, &type));
    for (int i = 0; i < args->count; i++)
        TRY(coerce_or_fail(b, items[i], type, -1, COERCE_IMPLICIT, items[i]->location, &items[i]));
    TRY(make_list(b, kind, items, args->count, type, location, out));
    (*out)->typmod = common_typmod(items, args->count, type);
    if (kind == EXPR_MINMAX && type_by_oid(type)->compare == NULL)
        return fail_at(b->cx, location, "42883", "could not identify a comparison function for type %s",
                       type_by_oid(type)->sql_name);
    return ST_OK;
}

static Status
bind_array_literal(Binder *b, const AstArray *n, Expr **out)
{
    Expr **items = arena_array(b->arena, Expr *, MAX_OF(n->items.count, 1));
    Oid element;

    if (n->items.count == 0) {
        Status rc = fail_at(b->cx, n->ast.location, "42P18", "cannot determine type of empty array");

        fail_hint(b->cx, "Explicitly cast to the desired type, for example ARRAY[]::integer[].");
        return rc;
    }
    for (int i = 0; i < n->items.count; i++)
        TRY(bind_expr(b, n->items.items[i], &items[i]));
    TRY(common_type(b, items, n->items.count, "ARRAY", &element));
    return make_array(b, items, n->items.count, element, n->ast.location, out);
}

static Status
bind_subscript(Binder *b, const AstIndirection *n, Expr **out)
{
    Expr *e, *arg;
    const TypeInfo *t;

    if (n->field != NULL || n->star)
        return fail_unsupported(b->cx, n->ast.location, "selecting a field of a composite value");
    TRY(bind_expr(b, n->arg, &arg));
    t = type_by_oid(arg->type);
    if (t->elem == OID_NONE)
        return fail_at(b->cx, arg->location, "42804",
                       "cannot subscript type %s because it does not support subscripting", t->sql_name);
    if (n->is_slice && !type_is_array(t))
        return fail(b->cx, ST_ERROR, "0A000", "slices of fixed-length arrays not implemented");
    if (arg->kind == EXPR_SUBSCRIPT)
        return fail_unsupported(b->cx, n->ast.location, "more than one subscript");
    e = expr_new(b->arena, EXPR_SUBSCRIPT, n->is_slice ? arg->type : t->elem, arg->typmod, n->ast.location);
    e->subscript.arg = arg;
    e->subscript.is_slice = n->is_slice;
    if (n->lower != NULL) {
        TRY(bind_expr(b, n->lower, &e->subscript.lower));
        TRY(coerce_or_fail(b, e->subscript.lower, TYPE_INT4, -1, COERCE_ASSIGNMENT, -1, &e->subscript.lower));
    }
    if (n->upper != NULL) {
        TRY(bind_expr(b, n->upper, &e->subscript.upper));
        TRY(coerce_or_fail(b, e->subscript.upper, TYPE_INT4, -1, COERCE_ASSIGNMENT, -1, &e->subscript.upper));
    }
    *out = e;
    return ST_OK;
}

/* test op ANY or ALL (query), whose only column is `target`. */
static Status
bind_quantified(Binder *b, const AstSublink *n, const Query *q, TargetEntry *target, Expr *e)
{
    const char *name = n->op_name != NULL ? n->op_name : "=";
    Oid declared[2], actual[2], result = TYPE_BOOL;

    TRY(find_operator(b, NULL, name, e->subquery.test->type, target->expr->type, n->ast.location,
                      &e->subquery.oper));
    if (e->subquery.oper->result != TYPE_BOOL)
        return fail_at(b->cx, n->ast.location, "42804", "operator %s must return type boolean, not type %s",
                       name, type_by_oid(e->subquery.oper->result)->sql_name);
    declared[0] = e->subquery.oper->left;
    declared[1] = e->subquery.oper->right;
    actual[0] = e->subquery.test->type;
    actual[1] = target->expr->type;
    TRY(resolve_polymorphic(b->cx, actual, declared, 2, &result, n->ast.location));
    TRY(coerce_or_fail(b, e->subquery.test, declared[0], -1, COERCE_IMPLICIT, -1, &e->subquery.test));
    if (q->set_op == SETOP_NONE)
        TRY(coerce_or_fail(b, target->expr, declared[1], -1, COERCE_IMPLICIT, -1, &target->expr));
    else if (target->expr->type != declared[1])
        return fail_unsupported(b->cx, n->ast.location, "IN with a UNION of another type");
    return ST_OK;
}

static Status
bind_sublink(Binder *b, const AstSublink *n, Expr **out)
{
    Expr *e = expr_new(b->arena, EXPR_SUBQUERY, TYPE_BOOL, -1, n->ast.location);
    Query *q;
    int columns = 0, at = -1;

    if (n->test != NULL && n->test->kind == AST_ROW)
        return fail_unsupported(b->cx, n->ast.location, "a subquery compared with a row");
    if (n->test != NULL)
        TRY(bind_expr(b, n->test, &e->subquery.test));
    TRY(bind_subquery(b, n->query, UNTYPED_TO_TEXT, &q));
    e->subquery.kind = n->sublink_kind;
    e->subquery.query = q;
    for (int i = 0; i < q->target_count; i++) {
        if (!q->targets[i].junk) {
            columns++;
            at = at < 0 ? i : at;
        }
    }
    if (n->sublink_kind != SUBLINK_EXISTS && columns != 1)
        return fail_at(b->cx, n->ast.location, "42601",
                       columns == 0 || n->sublink_kind == SUBLINK_SCALAR || n->sublink_kind == SUBLINK_ARRAY
                           ? "subquery must return only one column"
                           : "subquery has too many columns");
    switch (n->sublink_kind) {
    case SUBLINK_EXISTS: break;
    case SUBLINK_SCALAR:
        e->type = q->targets[at].expr->type;
        e->typmod = q->targets[at].expr->typmod;
        break;
    case SUBLINK_ARRAY: {
        const TypeInfo *t = type_by_oid(q->targets[at].expr->type);

        e->type = type_is_array(t) ? t->oid : t->array;
        if (e->type == OID_NONE)
            return fail_at(b->cx, n->ast.location, "42704", "could not find array type for data type %s",
                           t->sql_name);
        break;
    }
    case SUBLINK_ANY:
    case SUBLINK_ALL: TRY(bind_quantified(b, n, q, &q->targets[at], e)); break;
    }
    *out = e;
    return ST_OK;
}

static Status
bind_sql_value(Binder *b, const AstSqlValue *n, Expr **out)
{
    /* the function that PostgreSQL's grammar stands for, and the type it is cast to */
    static const struct {
        const char *function;
        Oid type;
        Oid via;
    } rows[] = {
        [SQLVALUE_CURRENT_DATE] = {"now", TYPE_DATE, 0},
        [SQLVALUE_CURRENT_TIME] = {"now", TYPE_TIMETZ, 0},
        [SQLVALUE_CURRENT_TIMESTAMP] = {"now", TYPE_TIMESTAMPTZ, 0},
        [SQLVALUE_LOCALTIME] = {"now", TYPE_TIME, 0},
        [SQLVALUE_LOCALTIMESTAMP] = {"now", TYPE_TIMESTAMP, 0},
        [SQLVALUE_CURRENT_ROLE] = {"current_user", TYPE_NAME, 0},
        [SQLVALUE_CURRENT_USER] = {"current_user", TYPE_NAME, 0},
        [SQLVALUE_USER] = {"current_user", TYPE_NAME, 0},
        [SQLVALUE_SESSION_USER] = {"session_user", TYPE_NAME, 0},
        [SQLVALUE_CURRENT_CATALOG] = {"current_database", TYPE_NAME, 0},
        [SQLVALUE_CURRENT_SCHEMA] = {"current_schema", TYPE_NAME, 0},
    };
    AstFunc f = {.ast = {AST_FUNC, n->ast.location}, .name = rows[n->value_kind].function};
    Expr *call;

    TRY(bind_function(b, &f, &call));
    return coerce_or_fail(b, call, rows[n->value_kind].type, n->typmod, COERCE_EXPLICIT, n->ast.location, out);
}

/* A row is null when all its fields are, and not null when none is. */
static Status
bind_row_null_test(Binder *b, const AstNullTest *n, Expr **out)
{
    const AstRow *r = (const AstRow *)n->arg;
    Expr **tests = arena_array(b->arena, Expr *, MAX_OF(r->items.count, 1));

    for (int i = 0; i < r->items.count; i++) {
        tests[i] = expr_new(b->arena, EXPR_NULL_TEST, TYPE_BOOL, -1, n->ast.location);
        TRY(bind_expr(b, r->items.items[i], &tests[i]->unary.arg));
        TRY(resolve_unknown(b, &tests[i]->unary.arg));
        tests[i]->unary.is_not = n->is_not;
    }
    return make_list(b, EXPR_AND, tests, r->items.count, TYPE_BOOL, n->ast.location, out);
}

static Status
bind_unary(Binder *b, const Ast *ast, Expr **out)
{
    Expr *e;

    if (ast->kind == AST_NULL_TEST) {
        const AstNullTest *n = (const AstNullTest *)ast;

        if (n->arg->kind == AST_ROW)
            return bind_row_null_test(b, n, out);
        e = expr_new(b->arena, EXPR_NULL_TEST, TYPE_BOOL, -1, ast->location);
        TRY(bind_expr(b, n->arg, &e->unary.arg));
        TRY(resolve_unknown(b, &e->unary.arg));
        e->unary.is_not = n->is_not;
    } else {
        static const char *const names[] = {
            [IS_TRUE] = "IS TRUE",           [IS_NOT_TRUE] = "IS NOT TRUE", [IS_FALSE] = "IS FALSE",
            [IS_NOT_FALSE] = "IS NOT FALSE", [IS_UNKNOWN] = "IS UNKNOWN",   [IS_NOT_UNKNOWN] = "IS NOT UNKNOWN",
        };
        const AstBoolTest *n = (const AstBoolTest *)ast;

        e = expr_new(b->arena, EXPR_BOOL_TEST, TYPE_BOOL, -1, ast->location);
        TRY(bind_expr(b, n->arg, &e->unary.arg));
        TRY(coerce_to_boolean(b, e->unary.arg, names[n->test], &e->unary.arg));
        e->unary.test = n->test;
    }
    *out = e;
    return ST_OK;
}

static Status
bind_collate(Binder *b, const AstCollate *n, Expr **out)
{
    static const char *const known[] = {"default", "C", "POSIX", "C.UTF-8", "ucs_basic"};

    TRY(bind_expr(b, n->arg, out));
    if ((*out)->type == TYPE_UNKNOWN)
        TRY(resolve_unknown(b, out));
    if (type_by_oid((*out)->type)->collation == OID_NONE)
        return fail_at(b->cx, n->ast.location, "42804", "collations are not supported by type %s",
                       type_by_oid((*out)->type)->sql_name);
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (strcmp(n->name, known[i]) == 0)
            return ST_OK; /* all of these compare bytes */
    }
    return fail_at(b->cx, n->ast.location, "42704", "collation \"%s\" for encoding \"UTF8\" does not exist",
                   n->name);
}

static Status
bind_row(Binder *b, const AstRow *r, Expr **out)
{
    Expr **items = arena_array(b->arena, Expr *, MAX_OF(r->items.count, 1));

    for (int i = 0; i < r->items.count; i++) {
        TRY(bind_expr(b, r->items.items[i], &items[i]));
        TRY(resolve_unknown(b, &items[i]));
    }
    return make_list(b, EXPR_ROW, items, r->items.count, TYPE_RECORD, r->ast.location, out);
}

/* The changed table's ctid must be that of the cursor's row. */
static Status
bind_current_of(Binder *b, const AstCurrentOf *c, Expr **out)
{
    const RangeEntry *r = b->query->range[b->query->result_rel];
    Expr *ctid = make_column(b, b->query->result_rel, COLUMN_CTID, 0, -1);
    Expr *current = expr_new(b->arena, EXPR_CALL, TYPE_TID, -1, -1);

    current->call.fn = &current_of_fn;
    current->call.arg_count = 2;
    current->call.args = arena_array(b->arena, Expr *, 2);
    current->call.args[0] = expr_const(b->arena, TYPE_TEXT, -1, value_var(c->cursor, strlen(c->cursor)), -1);
    current->call.args[1] = expr_const(b->arena, TYPE_OID, -1, value_oid(r->table->oid), -1);
    return bind_operator(b, NULL, "=", ctid, current, -1, out);
}

Status
bind_expr(Binder *b, const Ast *ast, Expr **out)
{
    TRY(ctx_check_stack(b->cx));
    switch (ast->kind) {
    case AST_CONST: return bind_const(b, (const AstConst *)ast, out);
    case AST_PARAM_REF: return bind_param(b, (const AstParamRef *)ast, out);
    case AST_COLUMN_REF: return bind_column_ref(b, (const AstColumnRef *)ast, out);
    case AST_OP: return bind_op(b, (const AstOp *)ast, out);
    case AST_BOOL: return bind_bool(b, (const AstBool *)ast, out);
    case AST_FUNC: return bind_function(b, (const AstFunc *)ast, out);
    case AST_CAST: return bind_cast(b, (const AstCast *)ast, out);
    case AST_CASE: return bind_case(b, (const AstCase *)ast, out);
    case AST_COALESCE:
        return bind_common_list(b, &((const AstCoalesce *)ast)->args, EXPR_COALESCE, "COALESCE", ast->location,
                                out);
    case AST_MINMAX: {
        const AstMinMax *n = (const AstMinMax *)ast;

        TRY(bind_common_list(b, &n->args, EXPR_MINMAX, n->greatest ? "GREATEST" : "LEAST", ast->location, out));
        (*out)->list.greatest = n->greatest;
        return ST_OK;
    }
    case AST_NULL_TEST:
    case AST_BOOL_TEST: return bind_unary(b, ast, out);
    case AST_SUBLINK: return bind_sublink(b, (const AstSublink *)ast, out);
    case AST_ARRAY: return bind_array_literal(b, (const AstArray *)ast, out);
    case AST_INDIRECTION: return bind_subscript(b, (const AstIndirection *)ast, out);
    case AST_COLLATE: return bind_collate(b, (const AstCollate *)ast, out);
    case AST_SQL_VALUE: return bind_sql_value(b, (const AstSqlValue *)ast, out);
    case AST_ROW: return bind_row(b, (const AstRow *)ast, out);
    case AST_CURRENT_OF: return bind_current_of(b, (const AstCurrentOf *)ast, out);
    case AST_DEFAULT: return fail_at(b->cx, ast->location, "42601", "DEFAULT is not allowed in this context");
    default: return fail_unsupported(b->cx, ast->location, "this expression");
    }
}

Status
bind_expr_clause(Binder *b, const Ast *ast, Clause clause, Expr **out)
{
    Clause saved = b->clause;
    Status rc;

    b->clause = clause;
    rc = bind_expr(b, ast, out);
    b->clause = saved;
    return rc;
}

Status
bind_condition(Binder *b, const Ast *ast, Clause clause, const char *what, Expr **out)
{
    Expr *e;

    *out = NULL;
    if (ast == NULL)
        return ST_OK;
    TRY(bind_expr_clause(b, ast, clause, &e));
    return coerce_to_boolean(b, e, what, out);
}
