/* bind_compare.c - comparisons that are more than an operator: BETWEEN, IN, DISTINCT FROM, NULLIF, ANY, rows. */
#include "backend/bind/bind_int.h"

static Status
make_and_or(Binder *b, ExprKind kind, Expr *one, Expr *two, int location, Expr **out)
{
    Expr **items = arena_array(b->arena, Expr *, 2);

    items[0] = one;
    items[1] = two;
    return make_list(b, kind, items, 2, TYPE_BOOL, location, out);
}

static bool
is_null_const(const Ast *a)
{
    return a != NULL && a->kind == AST_CONST && ((const AstConst *)a)->const_kind == CONST_NULL;
}

static Status
boolean_operator(Binder *b, const AstOp *n, const char *name, Expr *left, Expr *right, Expr **out)
{
    TRY(bind_operator(b, n->schema, name, left, right, n->ast.location, out));
    if ((*out)->type != TYPE_BOOL)
        return fail_at(b->cx, n->ast.location, "42804", "operator %s must return type boolean, not type %s",
                       name, type_by_oid((*out)->type)->sql_name);
    return ST_OK;
}

/* x [NOT] BETWEEN [SYMMETRIC] a AND b, as the comparisons it stands for. */
static Status
bind_between(Binder *b, const AstOp *n, Expr **out)
{
    const AstListNode *bounds = (const AstListNode *)n->right;
    bool negated = n->op_kind == OP_NOT_BETWEEN || n->op_kind == OP_NOT_BETWEEN_SYM;
    bool symmetric = n->op_kind == OP_BETWEEN_SYM || n->op_kind == OP_NOT_BETWEEN_SYM;
    Expr *both[2] = {NULL, NULL};

    for (int way = 0; way < (symmetric ? 2 : 1); way++) {
        Expr *x, *low, *high, *one, *two;

        TRY(bind_expr(b, n->left, &x));
        TRY(bind_expr(b, bounds->items.items[way], &low));
        TRY(boolean_operator(b, n, negated ? "<" : ">=", x, low, &one));
        TRY(bind_expr(b, n->left, &x));
        TRY(bind_expr(b, bounds->items.items[1 - way], &high));
        TRY(boolean_operator(b, n, negated ? ">" : "<=", x, high, &two));
        TRY(make_and_or(b, negated ? EXPR_OR : EXPR_AND, one, two, n->ast.location, &both[way]));
    }
    if (!symmetric) {
        *out = both[0];
        return ST_OK;
    }
    return make_and_or(b, negated ? EXPR_AND : EXPR_OR, both[0], both[1], n->ast.location, out);
}

static Status
make_scalar_array(Binder *b, const AstOp *n, const char *name, Expr *left, Expr *array, bool use_all,
                  Expr **out)
{
    const TypeInfo *t = type_by_oid(array->type);
    Expr *e;
    const OperInfo *oper;
    Oid element, declared[2], actual[2], result = TYPE_BOOL;

    if (array->type == TYPE_UNKNOWN) {
        Oid guess = left->type == TYPE_UNKNOWN ? TYPE_TEXT : left->type;

        if (type_by_oid(guess)->array == OID_NONE)
            return fail_at(b->cx, n->ast.location, "42809", "op ANY/ALL (array) requires array on right side");
        TRY(coerce_or_fail(b, array, type_by_oid(guess)->array, -1, COERCE_IMPLICIT, array->location, &array));
        t = type_by_oid(array->type);
    }
    if (!type_is_array(t))
        return fail_at(b->cx, n->ast.location, "42809", "op ANY/ALL (array) requires array on right side");
    element = t->elem;
    TRY(find_operator(b, n->schema, name, left->type, element, n->ast.location, &oper));
    if (oper->result != TYPE_BOOL)
        return fail_at(b->cx, n->ast.location, "42809",
                       "op ANY/ALL (array) requires operator to yield boolean");
    declared[0] = oper->left;
    declared[1] = oper->right;
    actual[0] = left->type;
    actual[1] = element;
    TRY(resolve_polymorphic(b->cx, actual, declared, 2, &result, n->ast.location));
    TRY(coerce_or_fail(b, left, declared[0], -1, COERCE_IMPLICIT, left->location, &left));
    if (declared[1] != element && t->typlen == -1) {
        Oid wanted = type_by_oid(declared[1])->array;

        TRY(coerce_or_fail(b, array, wanted, -1, COERCE_IMPLICIT, array->location, &array));
    }
    e = expr_new(b->arena, EXPR_SCALAR_ARRAY, TYPE_BOOL, -1, n->ast.location);
    e->binary.oper = oper;
    e->binary.left = left;
    e->binary.right = array;
    e->binary.use_all = use_all;
    *out = e;
    return ST_OK;
}

Status
make_array(Binder *b, Expr **items, int count, Oid element, int location, Expr **out)
{
    const TypeInfo *t = type_by_oid(element);
    bool nested = type_is_array(t); /* ARRAY[ARRAY[..]]: one array of more dimensions */
    Oid array = nested ? element : t->array;

    if (array == OID_NONE)
        return fail_at(b->cx, location, "42704", "could not find array type for data type %s", t->sql_name);
    for (int i = 0; i < count; i++)
        TRY(coerce_or_fail(b, items[i], element, -1, COERCE_IMPLICIT, items[i]->location, &items[i]));
    return make_list(b, EXPR_ARRAY, items, count, array, location, out);
}

static Status bind_row_comparison(Binder *b, const AstOp *n, Expr **out);

/* x IN (a, b, c): one search in an array where the types allow it, else a chain of comparisons. */
static Status
bind_in(Binder *b, const AstOp *n, Expr **out)
{
    const AstListNode *list = (const AstListNode *)n->right;
    bool negated = strcmp(n->name, "<>") == 0;
    int count = list->items.count, plain = 0;
    Expr **items = arena_array(b->arena, Expr *, count + 1);
    Expr **terms = arena_array(b->arena, Expr *, count + 1);
    int term_count = 0;
    Expr *left, *array;
    Oid type = OID_NONE;

    if (n->left->kind == AST_ROW) {
        for (int i = 0; i < count; i++) {
            AstOp one = *n;

            one.right = list->items.items[i];
            one.op_kind = OP_PLAIN;
            if (one.right->kind != AST_ROW)
                return fail_unsupported(b->cx, n->ast.location, "IN of a row and what is not written as one");
            TRY(bind_row_comparison(b, &one, &terms[i]));
        }
        if (count == 1) {
            *out = terms[0];
            return ST_OK;
        }
        return make_list(b, negated ? EXPR_AND : EXPR_OR, terms, count, TYPE_BOOL, n->ast.location, out);
    }
    TRY(bind_expr(b, n->left, &left));
    items[0] = left;
    for (int i = 0; i < count; i++) {
        TRY(bind_expr(b, list->items.items[i], &items[i + 1]));
        plain += expr_is_constant(items[i + 1]) || items[i + 1]->kind == EXPR_PARAM;
    }
    if (count > 1 && plain == count)
        TRY(common_type(b, items, count + 1, NULL, &type));
    if (type != OID_NONE && type_by_oid(type)->array != OID_NONE && !type_is_array(type_by_oid(type))) {
        TRY(make_array(b, items + 1, count, type, n->ast.location, &array));
        return make_scalar_array(b, n, n->name, left, array, negated, out);
    }
    for (int i = 0; i < count; i++) {
        if (i > 0) /* each comparison gets a copy of its own: coercions differ */
            TRY(bind_expr(b, n->left, &left));
        TRY(boolean_operator(b, n, n->name, left, items[i + 1], &terms[term_count++]));
    }
    if (term_count == 1) {
        *out = terms[0];
        return ST_OK;
    }
    return make_list(b, negated ? EXPR_AND : EXPR_OR, terms, term_count, TYPE_BOOL, n->ast.location, out);
}

static Status
bind_distinct(Binder *b, const AstOp *n, Expr **out)
{
    Expr *left, *right, *e;
    Oid result = TYPE_BOOL, declared[2], actual[2];
    bool is_not = n->op_kind == OP_NOT_DISTINCT;

    if (is_null_const(n->right) || is_null_const(n->left)) {
        e = expr_new(b->arena, EXPR_NULL_TEST, TYPE_BOOL, -1, n->ast.location);
        TRY(bind_expr(b, is_null_const(n->right) ? n->left : n->right, &e->unary.arg));
        e->unary.is_not = !is_not;
        *out = e;
        return ST_OK;
    }
    TRY(bind_expr(b, n->left, &left));
    TRY(bind_expr(b, n->right, &right));
    e = expr_new(b->arena, EXPR_DISTINCT, TYPE_BOOL, -1, n->ast.location);
    TRY(find_operator(b, n->schema, "=", left->type, right->type, n->ast.location, &e->binary.oper));
    declared[0] = e->binary.oper->left;
    declared[1] = e->binary.oper->right;
    actual[0] = left->type;
    actual[1] = right->type;
    TRY(resolve_polymorphic(b->cx, actual, declared, 2, &result, n->ast.location));
    TRY(coerce_or_fail(b, left, declared[0], -1, COERCE_IMPLICIT, left->location, &e->binary.left));
    TRY(coerce_or_fail(b, right, declared[1], -1, COERCE_IMPLICIT, right->location, &e->binary.right));
    e->binary.is_not = is_not;
    *out = e;
    return ST_OK;
}

static Status
bind_nullif(Binder *b, const AstOp *n, Expr **out)
{
    Expr *left, *right, *e;

    TRY(bind_expr(b, n->left, &left));
    TRY(bind_expr(b, n->right, &right));
    e = expr_new(b->arena, EXPR_NULLIF, OID_NONE, -1, n->ast.location);
    TRY(find_operator(b, NULL, "=", left->type, right->type, n->ast.location, &e->binary.oper));
    TRY(coerce_or_fail(b, left, e->binary.oper->left, -1, COERCE_IMPLICIT, left->location, &left));
    TRY(coerce_or_fail(b, right, e->binary.oper->right, -1, COERCE_IMPLICIT, right->location, &right));
    e->binary.left = left;
    e->binary.right = right;
    e->type = left->type;
    e->typmod = left->typmod;
    *out = e;
    return ST_OK;
}

/* (a, b) < (c, d) is a < c OR (a = c AND b < d), nulls and all. */
static Status
bind_row_order(Binder *b, const AstOp *n, Expr **out)
{
    const AstRow *left = (const AstRow *)n->left, *right = (const AstRow *)n->right;
    const char *strict = n->name[0] == '<' ? "<" : ">";
    Expr *rest = NULL;

    if (strcmp(n->name, "<") != 0 && strcmp(n->name, "<=") != 0 && strcmp(n->name, ">") != 0 &&
        strcmp(n->name, ">=") != 0)
        return fail_unsupported(b->cx, n->ast.location, "this operator for rows");
    for (int i = left->items.count - 1; i >= 0; i--) {
        Expr *x, *y, **both = arena_array(b->arena, Expr *, 2), **either = arena_array(b->arena, Expr *, 2);

        TRY(bind_expr(b, left->items.items[i], &x));
        TRY(bind_expr(b, right->items.items[i], &y));
        TRY(boolean_operator(b, n, rest == NULL ? n->name : strict, x, y, &either[0]));
        if (rest == NULL) {
            rest = either[0];
            continue;
        }
        TRY(bind_expr(b, left->items.items[i], &x));
        TRY(bind_expr(b, right->items.items[i], &y));
        TRY(boolean_operator(b, n, "=", x, y, &both[0]));
        both[1] = rest;
        TRY(make_list(b, EXPR_AND, both, 2, TYPE_BOOL, n->ast.location, &either[1]));
        TRY(make_list(b, EXPR_OR, either, 2, TYPE_BOOL, n->ast.location, &rest));
    }
    *out = rest;
    return ST_OK;
}

static Status
bind_row_comparison(Binder *b, const AstOp *n, Expr **out)
{
    const AstRow *left = (const AstRow *)n->left, *right = (const AstRow *)n->right;
    int count = left->items.count;
    Expr **terms = arena_array(b->arena, Expr *, MAX_OF(count, 1));
    bool equal = strcmp(n->name, "=") == 0;

    if (right->items.count != count)
        return fail_at(b->cx, n->ast.location, "42601", "unequal number of entries in row expressions");
    if (!equal && strcmp(n->name, "<>") != 0)
        return bind_row_order(b, n, out);
    for (int i = 0; i < count; i++) {
        Expr *x, *y;

        TRY(bind_expr(b, left->items.items[i], &x));
        TRY(bind_expr(b, right->items.items[i], &y));
        TRY(boolean_operator(b, n, n->name, x, y, &terms[i]));
    }
    if (count == 1) {
        *out = terms[0];
        return ST_OK;
    }
    return make_list(b, equal ? EXPR_AND : EXPR_OR, terms, count, TYPE_BOOL, n->ast.location, out);
}

Status
bind_op(Binder *b, const AstOp *n, Expr **out)
{
    Expr *left = NULL, *right;

    switch (n->op_kind) {
    case OP_IN: return bind_in(b, n, out);
    case OP_BETWEEN:
    case OP_NOT_BETWEEN:
    case OP_BETWEEN_SYM:
    case OP_NOT_BETWEEN_SYM: return bind_between(b, n, out);
    case OP_DISTINCT:
    case OP_NOT_DISTINCT: return bind_distinct(b, n, out);
    case OP_NULLIF: return bind_nullif(b, n, out);
    case OP_PLAIN:
        if (n->left != NULL && n->left->kind == AST_ROW && n->right->kind == AST_ROW)
            return bind_row_comparison(b, n, out);
        break;
    default: break;
    }
    if (n->left != NULL)
        TRY(bind_expr(b, n->left, &left));
    TRY(bind_expr(b, n->right, &right));
    if (n->op_kind == OP_ANY || n->op_kind == OP_ALL)
        return make_scalar_array(b, n, n->name, left, right, n->op_kind == OP_ALL, out);
    return bind_operator(b, n->schema, n->name, left, right, n->ast.location, out);
}
