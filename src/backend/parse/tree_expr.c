/* tree_expr.c - expressions of the raw tree, copied into ours. */
#include "backend/parse/parse_int.h"

static Ast *
copy_const_value(TreeCopy *c, const Node *n, int location)
{
    AstConst *a = MAKE(AstConst, AST_CONST, location);

    switch (nodeTag(n)) {
    case T_Integer:
        a->const_kind = CONST_INT;
        a->integer = intVal(n);
        break;
    case T_Float:
        a->const_kind = CONST_FLOAT;
        a->text = tree_copy_text(c, castNode(Float, (Node *)(uintptr_t)n)->fval);
        break;
    case T_Boolean:
        a->const_kind = CONST_BOOL;
        a->integer = boolVal(n);
        break;
    case T_String:
        a->const_kind = CONST_STRING;
        a->text = tree_copy_text(c, strVal(n));
        break;
    case T_BitString:
        a->const_kind = CONST_BIT;
        a->text = tree_copy_text(c, ((const BitString *)n)->bsval);
        break;
    default: return tree_refuse(c, location, "this kind of constant");
    }
    return &a->ast;
}

static Ast *
copy_const(TreeCopy *c, const A_Const *n)
{
    if (n->isnull)
        return tree_make(c, sizeof(AstConst), AST_CONST, n->location);
    return copy_const_value(c, &n->val.node, n->location);
}

static Ast *
copy_column_ref(TreeCopy *c, const ColumnRef *n)
{
    AstColumnRef *a = MAKE(AstColumnRef, AST_COLUMN_REF, n->location);
    const ListCell *cell;

    a->parts = arena_array(c->arena, const char *, list_length(n->fields));
    foreach (cell, n->fields) {
        if (IsA(lfirst(cell), A_Star))
            a->star = true;
        else
            a->parts[a->part_count++] = tree_copy_text(c, strVal(lfirst(cell)));
    }
    return &a->ast;
}

static Ast *
copy_a_expr(TreeCopy *c, const A_Expr *n)
{
    static const OpKind kinds[] = {
        [AEXPR_OP] = OP_PLAIN,
        [AEXPR_OP_ANY] = OP_ANY,
        [AEXPR_OP_ALL] = OP_ALL,
        [AEXPR_DISTINCT] = OP_DISTINCT,
        [AEXPR_NOT_DISTINCT] = OP_NOT_DISTINCT,
        [AEXPR_NULLIF] = OP_NULLIF,
        [AEXPR_IN] = OP_IN,
        [AEXPR_LIKE] = OP_LIKE,
        [AEXPR_ILIKE] = OP_ILIKE,
        [AEXPR_SIMILAR] = OP_SIMILAR,
        [AEXPR_BETWEEN] = OP_BETWEEN,
        [AEXPR_NOT_BETWEEN] = OP_NOT_BETWEEN,
        [AEXPR_BETWEEN_SYM] = OP_BETWEEN_SYM,
        [AEXPR_NOT_BETWEEN_SYM] = OP_NOT_BETWEEN_SYM,
    };
    AstOp *a = MAKE(AstOp, AST_OP, n->location);

    a->op_kind = kinds[n->kind];
    a->name = tree_copy_name(c, n->name, &a->schema);
    a->left = tree_copy_node(c, n->lexpr);
    if (n->rexpr != NULL && IsA(n->rexpr, List)) {
        AstListNode *l = MAKE(AstListNode, AST_LIST, n->location);

        l->items = tree_copy_list(c, (const List *)n->rexpr);
        a->right = &l->ast;
    } else {
        a->right = tree_copy_node(c, n->rexpr);
    }
    return &a->ast;
}

static Ast *
copy_bool_expr(TreeCopy *c, const BoolExpr *n)
{
    AstBool *a = MAKE(AstBool, AST_BOOL, n->location);

    a->bool_kind = n->boolop == AND_EXPR ? BOOL_AND : n->boolop == OR_EXPR ? BOOL_OR : BOOL_NOT;
    a->args = tree_copy_list(c, n->args);
    return &a->ast;
}

static Ast *
copy_func_call(TreeCopy *c, const FuncCall *n)
{
    AstFunc *a = MAKE(AstFunc, AST_FUNC, n->location);

    a->name = tree_copy_name(c, n->funcname, &a->schema);
    a->args = tree_copy_list(c, n->args);
    a->order_by = tree_copy_list(c, n->agg_order);
    a->filter = tree_copy_node(c, n->agg_filter);
    a->star = n->agg_star;
    a->distinct = n->agg_distinct;
    a->variadic = n->func_variadic;
    a->within_group = n->agg_within_group;
    a->has_window = n->over != NULL;
    return &a->ast;
}

static Ast *
copy_case(TreeCopy *c, const CaseExpr *n)
{
    AstCase *a = MAKE(AstCase, AST_CASE, n->location);
    const ListCell *cell;

    a->arg = tree_copy_node(c, n->arg);
    a->whens = arena_array(c->arena, Ast *, list_length(n->args));
    a->thens = arena_array(c->arena, Ast *, list_length(n->args));
    foreach (cell, n->args) {
        const CaseWhen *w = lfirst_node(CaseWhen, cell);

        a->whens[a->when_count] = tree_copy_node(c, w->expr);
        a->thens[a->when_count++] = tree_copy_node(c, w->result);
    }
    a->otherwise = tree_copy_node(c, n->defresult);
    return &a->ast;
}

static Ast *
copy_sublink(TreeCopy *c, const SubLink *n)
{
    AstSublink *a = MAKE(AstSublink, AST_SUBLINK, n->location);
    const char *schema;

    switch (n->subLinkType) {
    case EXISTS_SUBLINK: a->sublink_kind = SUBLINK_EXISTS; break;
    case ANY_SUBLINK: a->sublink_kind = SUBLINK_ANY; break;
    case ALL_SUBLINK: a->sublink_kind = SUBLINK_ALL; break;
    case EXPR_SUBLINK: a->sublink_kind = SUBLINK_SCALAR; break;
    case ARRAY_SUBLINK: a->sublink_kind = SUBLINK_ARRAY; break;
    default: return tree_refuse(c, n->location, "this kind of subquery");
    }
    a->test = tree_copy_node(c, n->testexpr);
    a->op_name = tree_copy_name(c, n->operName, &schema);
    a->query = tree_copy_node(c, n->subselect);
    return &a->ast;
}

static Ast *
copy_indirection(TreeCopy *c, const A_Indirection *n)
{
    Ast *arg = tree_copy_node(c, n->arg);
    const ListCell *cell;

    foreach (cell, n->indirection) {
        const Node *step = lfirst(cell);
        AstIndirection *a = MAKE(AstIndirection, AST_INDIRECTION, arg != NULL ? arg->location : -1);

        a->arg = arg;
        if (IsA(step, A_Star)) {
            a->star = true;
        } else if (IsA(step, String)) {
            a->field = tree_copy_text(c, strVal(step));
        } else {
            const A_Indices *i = (const A_Indices *)step;

            a->is_slice = i->is_slice;
            a->lower = tree_copy_node(c, i->lidx);
            a->upper = tree_copy_node(c, i->uidx);
        }
        arg = &a->ast;
    }
    return arg;
}

static Ast *
copy_sql_value(TreeCopy *c, const SQLValueFunction *n)
{
    static const SqlValueKind kinds[] = {
        [SVFOP_CURRENT_DATE] = SQLVALUE_CURRENT_DATE,
        [SVFOP_CURRENT_TIME] = SQLVALUE_CURRENT_TIME,
        [SVFOP_CURRENT_TIME_N] = SQLVALUE_CURRENT_TIME,
        [SVFOP_CURRENT_TIMESTAMP] = SQLVALUE_CURRENT_TIMESTAMP,
        [SVFOP_CURRENT_TIMESTAMP_N] = SQLVALUE_CURRENT_TIMESTAMP,
        [SVFOP_LOCALTIME] = SQLVALUE_LOCALTIME,
        [SVFOP_LOCALTIME_N] = SQLVALUE_LOCALTIME,
        [SVFOP_LOCALTIMESTAMP] = SQLVALUE_LOCALTIMESTAMP,
        [SVFOP_LOCALTIMESTAMP_N] = SQLVALUE_LOCALTIMESTAMP,
        [SVFOP_CURRENT_ROLE] = SQLVALUE_CURRENT_ROLE,
        [SVFOP_CURRENT_USER] = SQLVALUE_CURRENT_USER,
        [SVFOP_USER] = SQLVALUE_USER,
        [SVFOP_SESSION_USER] = SQLVALUE_SESSION_USER,
        [SVFOP_CURRENT_CATALOG] = SQLVALUE_CURRENT_CATALOG,
        [SVFOP_CURRENT_SCHEMA] = SQLVALUE_CURRENT_SCHEMA,
    };
    AstSqlValue *a = MAKE(AstSqlValue, AST_SQL_VALUE, n->location);

    a->value_kind = kinds[n->op];
    a->typmod = n->typmod;
    return &a->ast;
}

static Ast *
copy_minmax(TreeCopy *c, const MinMaxExpr *n)
{
    AstMinMax *a = MAKE(AstMinMax, AST_MINMAX, n->location);

    a->greatest = n->op == IS_GREATEST;
    a->args = tree_copy_list(c, n->args);
    return &a->ast;
}

static Ast *
copy_bool_test(TreeCopy *c, const BooleanTest *n)
{
    static const BoolTestKind kinds[] = {
        [PG_IS_TRUE] = IS_TRUE,           [PG_IS_NOT_TRUE] = IS_NOT_TRUE, [PG_IS_FALSE] = IS_FALSE,
        [PG_IS_NOT_FALSE] = IS_NOT_FALSE, [PG_IS_UNKNOWN] = IS_UNKNOWN,   [PG_IS_NOT_UNKNOWN] = IS_NOT_UNKNOWN,
    };
    AstBoolTest *a = MAKE(AstBoolTest, AST_BOOL_TEST, n->location);

    a->arg = tree_copy_node(c, (const void *)n->arg);
    a->test = kinds[n->booltesttype];
    return &a->ast;
}

/* NULL with c->rc still ST_OK: not an expression. */
Ast *
tree_copy_expression(TreeCopy *c, const Node *n)
{
    switch (nodeTag(n)) {
    case T_ColumnRef: return copy_column_ref(c, (const ColumnRef *)n);
    case T_A_Const: return copy_const(c, (const A_Const *)n);
    case T_A_Expr: return copy_a_expr(c, (const A_Expr *)n);
    case T_BoolExpr: return copy_bool_expr(c, (const BoolExpr *)n);
    case T_FuncCall: return copy_func_call(c, (const FuncCall *)n);
    case T_CaseExpr: return copy_case(c, (const CaseExpr *)n);
    case T_SubLink: return copy_sublink(c, (const SubLink *)n);
    case T_A_Indirection: return copy_indirection(c, (const A_Indirection *)n);
    case T_SQLValueFunction: return copy_sql_value(c, (const SQLValueFunction *)n);
    case T_MinMaxExpr: return copy_minmax(c, (const MinMaxExpr *)n);
    case T_BooleanTest: return copy_bool_test(c, (const BooleanTest *)n);
    case T_Integer:
    case T_Float:
    case T_Boolean: return copy_const_value(c, n, -1);
    case T_String: return tree_copy_string(c, strVal(n));
    case T_TypeName: return (Ast *)tree_copy_type_name(c, (const TypeName *)n);
    case T_A_Star: return tree_make(c, sizeof(Ast), AST_STAR, -1);
    case T_SetToDefault: return tree_make(c, sizeof(Ast), AST_DEFAULT, ((const SetToDefault *)n)->location);
    case T_ParamRef: {
        AstParamRef *a = MAKE(AstParamRef, AST_PARAM_REF, ((const ParamRef *)n)->location);

        a->number = ((const ParamRef *)n)->number;
        return &a->ast;
    }
    case T_TypeCast: {
        const TypeCast *t = (const TypeCast *)n;
        AstCast *a = MAKE(AstCast, AST_CAST, t->location);

        a->arg = tree_copy_node(c, t->arg);
        a->type = tree_copy_type_name(c, t->typeName);
        return &a->ast;
    }
    case T_CoalesceExpr: {
        AstCoalesce *a = MAKE(AstCoalesce, AST_COALESCE, ((const CoalesceExpr *)n)->location);

        a->args = tree_copy_list(c, ((const CoalesceExpr *)n)->args);
        return &a->ast;
    }
    case T_NullTest: {
        AstNullTest *a = MAKE(AstNullTest, AST_NULL_TEST, ((const NullTest *)n)->location);

        a->arg = tree_copy_node(c, (const void *)((const NullTest *)n)->arg);
        a->is_not = ((const NullTest *)n)->nulltesttype == IS_NOT_NULL;
        return &a->ast;
    }
    case T_A_ArrayExpr: {
        AstArray *a = MAKE(AstArray, AST_ARRAY, ((const A_ArrayExpr *)n)->location);

        a->items = tree_copy_list(c, ((const A_ArrayExpr *)n)->elements);
        return &a->ast;
    }
    case T_RowExpr: {
        AstRow *a = MAKE(AstRow, AST_ROW, ((const RowExpr *)n)->location);

        a->items = tree_copy_list(c, ((const RowExpr *)n)->args);
        return &a->ast;
    }
    case T_CollateClause: {
        const CollateClause *t = (const CollateClause *)n;
        AstCollate *a = MAKE(AstCollate, AST_COLLATE, t->location);
        const char *schema;

        a->arg = tree_copy_node(c, t->arg);
        a->name = tree_copy_name(c, t->collname, &schema);
        return &a->ast;
    }
    case T_NamedArgExpr: return tree_refuse(c, ((const NamedArgExpr *)n)->location, "named argument notation");
    case T_GroupingFunc: return tree_refuse(c, ((const GroupingFunc *)n)->location, "GROUPING");
    case T_XmlExpr:
    case T_XmlSerialize: return tree_refuse(c, -1, "XML");
    case T_CurrentOfExpr: {
        AstCurrentOf *a = MAKE(AstCurrentOf, AST_CURRENT_OF, -1);

        a->cursor = tree_copy_text(c, ((const CurrentOfExpr *)n)->cursor_name);
        return &a->ast;
    }
    case T_MultiAssignRef: {
        const MultiAssignRef *m = (const MultiAssignRef *)n;

        return tree_copy_node(c, m->source);
    }
    default: return NULL;
    }
}
