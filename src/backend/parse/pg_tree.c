/* pg_tree.c - calls PostgreSQL's grammar and copies its raw tree into ours.
 *
 * The only file that includes PostgreSQL's declarations. libpg_query keeps its memory context and its
 * error stacks in thread-local variables, while the server headers declare them as plain globals: they
 * are hidden while the headers are read and declared again as what they are. A grammar error arrives
 * by siglongjmp, so between setting the exception stack and restoring it nothing of ours may be
 * allocated outside the arena, whose memory survives.
 *
 * One memory context per thread is made at the first parse and emptied after each. Copying recurses;
 * ctx_check_stack bounds it. The copy says 0A000 for what the grammar knows and we do not. */
/* Names that both trees have: PostgreSQL's get a prefix. */
#define JOIN_INNER           PG_JOIN_INNER
#define JOIN_LEFT            PG_JOIN_LEFT
#define JOIN_FULL            PG_JOIN_FULL
#define JOIN_RIGHT           PG_JOIN_RIGHT
#define JOIN_SEMI            PG_JOIN_SEMI
#define JOIN_ANTI            PG_JOIN_ANTI
#define IS_TRUE              PG_IS_TRUE
#define IS_NOT_TRUE          PG_IS_NOT_TRUE
#define IS_FALSE             PG_IS_FALSE
#define IS_NOT_FALSE         PG_IS_NOT_FALSE
#define IS_UNKNOWN           PG_IS_UNKNOWN
#define IS_NOT_UNKNOWN       PG_IS_NOT_UNKNOWN
#define SETOP_NONE           PG_SETOP_NONE
#define SETOP_UNION          PG_SETOP_UNION
#define SETOP_INTERSECT      PG_SETOP_INTERSECT
#define SETOP_EXCEPT         PG_SETOP_EXCEPT
#define PG_exception_stack   hidden_exception_stack
#define error_context_stack  hidden_error_context_stack
#define CurrentMemoryContext hidden_current_memory_context
#define TopMemoryContext     hidden_top_memory_context
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <limits.h>
#include <postgres.h>
#include <nodes/parsenodes.h>
#include <nodes/pg_list.h>
#include <common/keywords.h>
#include <parser/parser.h>
#include <utils/memutils.h>
#pragma GCC diagnostic pop
#undef PG_exception_stack
#undef error_context_stack
#undef CurrentMemoryContext
#undef TopMemoryContext
#undef JOIN_INNER
#undef JOIN_LEFT
#undef JOIN_FULL
#undef JOIN_RIGHT
#undef JOIN_SEMI
#undef JOIN_ANTI
#undef IS_TRUE
#undef IS_NOT_TRUE
#undef IS_FALSE
#undef IS_NOT_FALSE
#undef IS_UNKNOWN
#undef IS_NOT_UNKNOWN
#undef SETOP_NONE
#undef SETOP_UNION
#undef SETOP_INTERSECT
#undef SETOP_EXCEPT

#include "backend/parse/parse.h"
#include "base/utf8.h"

extern __thread sigjmp_buf *PG_exception_stack;
extern __thread ErrorContextCallback *error_context_stack;
extern __thread MemoryContext CurrentMemoryContext;
extern __thread MemoryContext TopMemoryContext;
extern void pg_query_init(void);

/* The one enum whose members libpg_query has in another order than PostgreSQL's header: there the default
 * comes first. */
enum { LIBRARY_LIMIT_WITH_TIES = 2 };

static _Thread_local MemoryContext parse_memory;

/* What the copying functions carry along. The first failure is kept in rc; the functions go on with
 * NULL so that they can be written without a branch at every node. */
typedef struct Copy {
    Ctx *cx;
    Arena *arena;
    Status rc;
} Copy;

static Ast *copy_node(Copy *c, const void *n);
static AstSelect *copy_select(Copy *c, const SelectStmt *s);

static void *
unsupported(Copy *c, int location, const char *what)
{
    if (c->rc == ST_OK)
        c->rc = fail_unsupported(c->cx, location, what);
    return NULL;
}

static const char *
copy_text(Copy *c, const char *s)
{
    return s != NULL ? arena_strdup(c->arena, s) : NULL;
}

static void *
make(Copy *c, size_t bytes, AstKind kind, int location)
{
    Ast *a = arena_zalloc(c->arena, bytes);

    a->kind = kind;
    a->location = location;
    return a;
}
#define MAKE(Type, KIND, location) ((Type *)make(c, sizeof(Type), (KIND), (location)))

static AstList
copy_list(Copy *c, const List *l)
{
    AstList out = {0};
    const ListCell *cell;

    if (l == NIL)
        return out;
    out.items = arena_array(c->arena, Ast *, list_length(l));
    foreach (cell, l)
        out.items[out.count++] = copy_node(c, lfirst(cell));
    return out;
}

static Ast *
copy_string(Copy *c, const char *s)
{
    AstString *a = MAKE(AstString, AST_STRING, -1);

    a->text = copy_text(c, s);
    return &a->ast;
}

/* ---- names ---------------------------------------------------------------------------------------- */

/* The last part of a possibly qualified name; the part before it in *schema. pg_catalog counts as a
 * schema like any other. */
static const char *
copy_name(Copy *c, const List *names, const char **schema)
{
    int n = list_length(names);

    *schema = NULL;
    if (n == 0)
        return NULL;
    if (n > 1)
        *schema = copy_text(c, strVal(list_nth(names, n - 2)));
    return copy_text(c, strVal(list_nth(names, n - 1)));
}

static AstTypeName *
copy_type_name(Copy *c, const TypeName *t)
{
    AstTypeName *a;

    if (t == NULL)
        return NULL;
    a = MAKE(AstTypeName, AST_TYPE_NAME, t->location);
    a->name = copy_name(c, t->names, &a->schema);
    a->typmods = copy_list(c, t->typmods);
    a->array_dims = list_length(t->arrayBounds);
    a->setof = t->setof;
    a->is_percent_type = t->pct_type;
    return a;
}

static void
copy_alias(Copy *c, const Alias *from, const char **alias, AstList *columns)
{
    if (from == NULL)
        return;
    *alias = copy_text(c, from->aliasname);
    *columns = copy_list(c, from->colnames);
}

static AstRangeVar *
copy_range_var(Copy *c, const RangeVar *r)
{
    AstRangeVar *a;

    if (r == NULL)
        return NULL;
    a = MAKE(AstRangeVar, AST_RANGE_VAR, r->location);
    a->catalog = copy_text(c, r->catalogname);
    a->schema = copy_text(c, r->schemaname);
    a->name = copy_text(c, r->relname);
    a->only = !r->inh;
    a->temporary = r->relpersistence == 't';
    copy_alias(c, r->alias, &a->alias, &a->column_aliases);
    return a;
}

/* ---- expressions ---------------------------------------------------------------------------------- */

static Ast *
copy_const_value(Copy *c, const Node *n, int location)
{
    AstConst *a = MAKE(AstConst, AST_CONST, location);

    switch (nodeTag(n)) {
    case T_Integer:
        a->const_kind = CONST_INT;
        a->integer = intVal(n);
        break;
    case T_Float:
        a->const_kind = CONST_FLOAT;
        a->text = copy_text(c, castNode(Float, (Node *)(uintptr_t)n)->fval);
        break;
    case T_Boolean:
        a->const_kind = CONST_BOOL;
        a->integer = boolVal(n);
        break;
    case T_String:
        a->const_kind = CONST_STRING;
        a->text = copy_text(c, strVal(n));
        break;
    case T_BitString:
        a->const_kind = CONST_BIT;
        a->text = copy_text(c, ((const BitString *)n)->bsval);
        break;
    default: return unsupported(c, location, "this kind of constant");
    }
    return &a->ast;
}

static Ast *
copy_const(Copy *c, const A_Const *n)
{
    if (n->isnull)
        return make(c, sizeof(AstConst), AST_CONST, n->location);
    return copy_const_value(c, &n->val.node, n->location);
}

static Ast *
copy_column_ref(Copy *c, const ColumnRef *n)
{
    AstColumnRef *a = MAKE(AstColumnRef, AST_COLUMN_REF, n->location);
    const ListCell *cell;

    a->parts = arena_array(c->arena, const char *, list_length(n->fields));
    foreach (cell, n->fields) {
        if (IsA(lfirst(cell), A_Star))
            a->star = true;
        else
            a->parts[a->part_count++] = copy_text(c, strVal(lfirst(cell)));
    }
    return &a->ast;
}

static Ast *
copy_a_expr(Copy *c, const A_Expr *n)
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
    a->name = copy_name(c, n->name, &a->schema);
    a->left = copy_node(c, n->lexpr);
    if (n->rexpr != NULL && IsA(n->rexpr, List)) {
        AstListNode *l = MAKE(AstListNode, AST_LIST, n->location);

        l->items = copy_list(c, (const List *)n->rexpr);
        a->right = &l->ast;
    } else {
        a->right = copy_node(c, n->rexpr);
    }
    return &a->ast;
}

static Ast *
copy_bool_expr(Copy *c, const BoolExpr *n)
{
    AstBool *a = MAKE(AstBool, AST_BOOL, n->location);

    a->bool_kind = n->boolop == AND_EXPR ? BOOL_AND : n->boolop == OR_EXPR ? BOOL_OR : BOOL_NOT;
    a->args = copy_list(c, n->args);
    return &a->ast;
}

static Ast *
copy_func_call(Copy *c, const FuncCall *n)
{
    AstFunc *a = MAKE(AstFunc, AST_FUNC, n->location);

    a->name = copy_name(c, n->funcname, &a->schema);
    a->args = copy_list(c, n->args);
    a->order_by = copy_list(c, n->agg_order);
    a->filter = copy_node(c, n->agg_filter);
    a->star = n->agg_star;
    a->distinct = n->agg_distinct;
    a->variadic = n->func_variadic;
    a->within_group = n->agg_within_group;
    a->has_window = n->over != NULL;
    return &a->ast;
}

static Ast *
copy_case(Copy *c, const CaseExpr *n)
{
    AstCase *a = MAKE(AstCase, AST_CASE, n->location);
    const ListCell *cell;

    a->arg = copy_node(c, n->arg);
    a->whens = arena_array(c->arena, Ast *, list_length(n->args));
    a->thens = arena_array(c->arena, Ast *, list_length(n->args));
    foreach (cell, n->args) {
        const CaseWhen *w = lfirst_node(CaseWhen, cell);

        a->whens[a->when_count] = copy_node(c, w->expr);
        a->thens[a->when_count++] = copy_node(c, w->result);
    }
    a->otherwise = copy_node(c, n->defresult);
    return &a->ast;
}

static Ast *
copy_sublink(Copy *c, const SubLink *n)
{
    AstSublink *a = MAKE(AstSublink, AST_SUBLINK, n->location);
    const char *schema;

    switch (n->subLinkType) {
    case EXISTS_SUBLINK: a->sublink_kind = SUBLINK_EXISTS; break;
    case ANY_SUBLINK: a->sublink_kind = SUBLINK_ANY; break;
    case ALL_SUBLINK: a->sublink_kind = SUBLINK_ALL; break;
    case EXPR_SUBLINK: a->sublink_kind = SUBLINK_SCALAR; break;
    case ARRAY_SUBLINK: a->sublink_kind = SUBLINK_ARRAY; break;
    default: return unsupported(c, n->location, "this kind of subquery");
    }
    a->test = copy_node(c, n->testexpr);
    a->op_name = copy_name(c, n->operName, &schema);
    a->query = copy_node(c, n->subselect);
    return &a->ast;
}

static Ast *
copy_indirection(Copy *c, const A_Indirection *n)
{
    Ast *arg = copy_node(c, n->arg);
    const ListCell *cell;

    foreach (cell, n->indirection) {
        const Node *step = lfirst(cell);
        AstIndirection *a = MAKE(AstIndirection, AST_INDIRECTION, arg != NULL ? arg->location : -1);

        a->arg = arg;
        if (IsA(step, A_Star)) {
            a->star = true;
        } else if (IsA(step, String)) {
            a->field = copy_text(c, strVal(step));
        } else {
            const A_Indices *i = (const A_Indices *)step;

            a->is_slice = i->is_slice;
            a->lower = copy_node(c, i->lidx);
            a->upper = copy_node(c, i->uidx);
        }
        arg = &a->ast;
    }
    return arg;
}

static Ast *
copy_sql_value(Copy *c, const SQLValueFunction *n)
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
copy_minmax(Copy *c, const MinMaxExpr *n)
{
    AstMinMax *a = MAKE(AstMinMax, AST_MINMAX, n->location);

    a->greatest = n->op == IS_GREATEST;
    a->args = copy_list(c, n->args);
    return &a->ast;
}

static Ast *
copy_bool_test(Copy *c, const BooleanTest *n)
{
    static const BoolTestKind kinds[] = {
        [PG_IS_TRUE] = IS_TRUE,           [PG_IS_NOT_TRUE] = IS_NOT_TRUE, [PG_IS_FALSE] = IS_FALSE,
        [PG_IS_NOT_FALSE] = IS_NOT_FALSE, [PG_IS_UNKNOWN] = IS_UNKNOWN,   [PG_IS_NOT_UNKNOWN] = IS_NOT_UNKNOWN,
    };
    AstBoolTest *a = MAKE(AstBoolTest, AST_BOOL_TEST, n->location);

    a->arg = copy_node(c, (const void *)n->arg);
    a->test = kinds[n->booltesttype];
    return &a->ast;
}

/* NULL with c->rc still ST_OK: not an expression. */
static Ast *
copy_expression(Copy *c, const Node *n)
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
    case T_String: return copy_string(c, strVal(n));
    case T_TypeName: return (Ast *)copy_type_name(c, (const TypeName *)n);
    case T_A_Star: return make(c, sizeof(Ast), AST_STAR, -1);
    case T_SetToDefault: return make(c, sizeof(Ast), AST_DEFAULT, ((const SetToDefault *)n)->location);
    case T_ParamRef: {
        AstParamRef *a = MAKE(AstParamRef, AST_PARAM_REF, ((const ParamRef *)n)->location);

        a->number = ((const ParamRef *)n)->number;
        return &a->ast;
    }
    case T_TypeCast: {
        const TypeCast *t = (const TypeCast *)n;
        AstCast *a = MAKE(AstCast, AST_CAST, t->location);

        a->arg = copy_node(c, t->arg);
        a->type = copy_type_name(c, t->typeName);
        return &a->ast;
    }
    case T_CoalesceExpr: {
        AstCoalesce *a = MAKE(AstCoalesce, AST_COALESCE, ((const CoalesceExpr *)n)->location);

        a->args = copy_list(c, ((const CoalesceExpr *)n)->args);
        return &a->ast;
    }
    case T_NullTest: {
        AstNullTest *a = MAKE(AstNullTest, AST_NULL_TEST, ((const NullTest *)n)->location);

        a->arg = copy_node(c, (const void *)((const NullTest *)n)->arg);
        a->is_not = ((const NullTest *)n)->nulltesttype == IS_NOT_NULL;
        return &a->ast;
    }
    case T_A_ArrayExpr: {
        AstArray *a = MAKE(AstArray, AST_ARRAY, ((const A_ArrayExpr *)n)->location);

        a->items = copy_list(c, ((const A_ArrayExpr *)n)->elements);
        return &a->ast;
    }
    case T_RowExpr: {
        AstRow *a = MAKE(AstRow, AST_ROW, ((const RowExpr *)n)->location);

        a->items = copy_list(c, ((const RowExpr *)n)->args);
        return &a->ast;
    }
    case T_CollateClause: {
        const CollateClause *t = (const CollateClause *)n;
        AstCollate *a = MAKE(AstCollate, AST_COLLATE, t->location);
        const char *schema;

        a->arg = copy_node(c, t->arg);
        a->name = copy_name(c, t->collname, &schema);
        return &a->ast;
    }
    case T_NamedArgExpr: return unsupported(c, ((const NamedArgExpr *)n)->location, "named argument notation");
    case T_GroupingFunc: return unsupported(c, ((const GroupingFunc *)n)->location, "GROUPING");
    case T_XmlExpr:
    case T_XmlSerialize: return unsupported(c, -1, "XML");
    case T_CurrentOfExpr: {
        AstCurrentOf *a = MAKE(AstCurrentOf, AST_CURRENT_OF, -1);

        a->cursor = copy_text(c, ((const CurrentOfExpr *)n)->cursor_name);
        return &a->ast;
    }
    case T_MultiAssignRef: {
        const MultiAssignRef *m = (const MultiAssignRef *)n;

        return copy_node(c, m->source);
    }
    default: return NULL;
    }
}

/* ---- parts of queries ------------------------------------------------------------------------------ */

static Ast *
copy_target(Copy *c, const ResTarget *n)
{
    AstTarget *a = MAKE(AstTarget, AST_TARGET, n->location);

    a->name = copy_text(c, n->name);
    a->has_indirection = n->indirection != NIL;
    a->value = copy_node(c, n->val);
    if (n->val != NULL && IsA(n->val, MultiAssignRef)) {
        a->multi_column = ((const MultiAssignRef *)n->val)->colno;
        a->multi_count = ((const MultiAssignRef *)n->val)->ncolumns;
    }
    return &a->ast;
}

static Ast *
copy_range_function(Copy *c, const RangeFunction *n)
{
    AstRangeFunction *a = MAKE(AstRangeFunction, AST_RANGE_FUNCTION, -1);
    const ListCell *cell;

    a->lateral = n->lateral;
    a->ordinality = n->ordinality;
    a->rows_from = n->is_rowsfrom;
    a->functions.items = arena_array(c->arena, Ast *, list_length(n->functions));
    foreach (cell, n->functions) {
        const List *pair = lfirst_node(List, cell);

        if (list_length(pair) > 1 && lsecond(pair) != NULL)
            return unsupported(c, -1, "a column definition list in ROWS FROM");
        a->functions.items[a->functions.count++] = copy_node(c, linitial(pair));
    }
    if (a->functions.count > 0 && a->functions.items[0] != NULL)
        a->ast.location = a->functions.items[0]->location;
    copy_alias(c, n->alias, &a->alias, &a->column_aliases);
    a->column_defs = copy_list(c, n->coldeflist);
    return &a->ast;
}

static Ast *
copy_join(Copy *c, const JoinExpr *n)
{
    AstJoin *a = MAKE(AstJoin, AST_JOIN, -1);

    a->join_kind = n->jointype == PG_JOIN_LEFT    ? JOIN_LEFT
                   : n->jointype == PG_JOIN_RIGHT ? JOIN_RIGHT
                   : n->jointype == PG_JOIN_FULL  ? JOIN_FULL
                                                  : JOIN_INNER;
    a->natural = n->isNatural;
    a->left = copy_node(c, n->larg);
    a->right = copy_node(c, n->rarg);
    a->using_columns = copy_list(c, n->usingClause);
    a->on = copy_node(c, n->quals);
    copy_alias(c, n->alias, &a->alias, &a->column_aliases);
    if (n->join_using_alias != NULL)
        return unsupported(c, -1, "an alias for JOIN USING");
    return &a->ast;
}

static Ast *
copy_sort_by(Copy *c, const SortBy *n)
{
    AstSortBy *a = MAKE(AstSortBy, AST_SORT_BY, n->location);
    const char *schema;

    a->expr = copy_node(c, n->node);
    a->descending = n->sortby_dir == SORTBY_DESC;
    a->nulls_given = n->sortby_nulls != SORTBY_NULLS_DEFAULT;
    a->nulls_first = n->sortby_nulls == SORTBY_NULLS_FIRST;
    a->using_op = copy_name(c, n->useOp, &schema);
    return &a->ast;
}

static Ast *
copy_locking(Copy *c, const LockingClause *n)
{
    static const LockStrength strengths[] = {
        [LCS_NONE] = LOCKING_NONE,        [LCS_FORKEYSHARE] = LOCKING_KEY_SHARE,
        [LCS_FORSHARE] = LOCKING_SHARE,   [LCS_FORNOKEYUPDATE] = LOCKING_NO_KEY_UPDATE,
        [LCS_FORUPDATE] = LOCKING_UPDATE,
    };
    AstLocking *a = MAKE(AstLocking, AST_LOCKING, -1);

    a->strength = strengths[n->strength];
    a->wait = n->waitPolicy == LockWaitSkip ? 1 : n->waitPolicy == LockWaitError ? 2 : 0;
    a->of = copy_list(c, n->lockedRels);
    return &a->ast;
}

static Ast *
copy_cte(Copy *c, const CommonTableExpr *n)
{
    AstCte *a = MAKE(AstCte, AST_CTE, n->location);

    if (n->search_clause != NULL || n->cycle_clause != NULL)
        return unsupported(c, n->location, "SEARCH and CYCLE in WITH");
    a->name = copy_text(c, n->ctename);
    a->column_aliases = copy_list(c, n->aliascolnames);
    a->query = copy_node(c, n->ctequery);
    a->materialized = n->ctematerialized == CTEMaterializeAlways  ? 1
                      : n->ctematerialized == CTEMaterializeNever ? -1
                                                                  : 0;
    return &a->ast;
}

static void
copy_with(Copy *c, const WithClause *w, AstList *ctes, bool *recursive)
{
    if (w == NULL)
        return;
    *ctes = copy_list(c, w->ctes);
    *recursive = w->recursive;
}

static AstList
copy_value_lists(Copy *c, const List *lists)
{
    AstList out = {0};
    const ListCell *cell;

    out.items = arena_array(c->arena, Ast *, list_length(lists));
    foreach (cell, lists) {
        AstListNode *row = MAKE(AstListNode, AST_LIST, -1);

        row->items = copy_list(c, lfirst_node(List, cell));
        out.items[out.count++] = &row->ast;
    }
    return out;
}

static void
copy_group_by(Copy *c, const SelectStmt *s, AstSelect *a)
{
    const ListCell *cell;

    foreach (cell, s->groupClause) {
        if (IsA(lfirst(cell), GroupingSet)) {
            if (((const GroupingSet *)lfirst(cell))->kind == GROUPING_SET_EMPTY) {
                unsupported(c, ((const GroupingSet *)lfirst(cell))->location, "GROUP BY ()");
                return;
            }
            unsupported(c, ((const GroupingSet *)lfirst(cell))->location, "GROUPING SETS");
            return;
        }
    }
    a->group_by = copy_list(c, s->groupClause);
    a->group_distinct = s->groupDistinct;
}

/* All but the query. */
static AstCreateTableAs *
copy_into(Copy *c, const IntoClause *into)
{
    AstCreateTableAs *a = MAKE(AstCreateTableAs, AST_CREATE_TABLE_AS, -1);

    a->relation = copy_range_var(c, into->rel);
    a->column_names = copy_list(c, into->colNames);
    a->with_no_data = into->skipData;
    a->unlogged = into->rel->relpersistence == 'u';
    a->on_commit = (int)into->onCommit;
    a->options = copy_list(c, into->options);
    a->unsupported = into->tableSpaceName != NULL ? "TABLESPACE" : into->accessMethod != NULL ? "USING" : NULL;
    return a;
}

static AstSelect *
copy_select(Copy *c, const SelectStmt *s)
{
    AstSelect *a;

    if (s == NULL || c->rc != ST_OK)
        return NULL;
    if (c->rc == ST_OK)
        c->rc = ctx_check_stack(c->cx);
    if (c->rc != ST_OK)
        return NULL;
    a = MAKE(AstSelect, AST_SELECT, -1);
    copy_with(c, s->withClause, &a->ctes, &a->recursive);
    if (s->distinctClause != NIL) {
        a->distinct = true;
        if (linitial(s->distinctClause) != NULL)
            a->distinct_on = copy_list(c, s->distinctClause);
    }
    a->targets = copy_list(c, s->targetList);
    a->from = copy_list(c, s->fromClause);
    a->where = copy_node(c, s->whereClause);
    copy_group_by(c, s, a);
    a->having = copy_node(c, s->havingClause);
    a->has_windows = s->windowClause != NIL;
    a->values = copy_value_lists(c, s->valuesLists);
    a->order_by = copy_list(c, s->sortClause);
    a->limit = copy_node(c, s->limitCount);
    a->offset = copy_node(c, s->limitOffset);
    a->with_ties = (int)s->limitOption == LIBRARY_LIMIT_WITH_TIES;
    a->locking = copy_list(c, s->lockingClause);
    a->set_op = s->op == PG_SETOP_UNION       ? SETOP_UNION
                : s->op == PG_SETOP_INTERSECT ? SETOP_INTERSECT
                : s->op == PG_SETOP_EXCEPT    ? SETOP_EXCEPT
                                              : SETOP_NONE;
    a->set_all = s->all;
    a->left = copy_select(c, s->larg);
    a->right = copy_select(c, s->rarg);
    if (s->intoClause != NULL)
        a->into = copy_into(c, s->intoClause);
    return a;
}

/* NULL with c->rc still ST_OK: not a part of a query. */
static Ast *
copy_query_part(Copy *c, const Node *n)
{
    switch (nodeTag(n)) {
    case T_ResTarget: return copy_target(c, (const ResTarget *)n);
    case T_RangeVar: return (Ast *)copy_range_var(c, (const RangeVar *)n);
    case T_RangeFunction: return copy_range_function(c, (const RangeFunction *)n);
    case T_JoinExpr: return copy_join(c, (const JoinExpr *)n);
    case T_SortBy: return copy_sort_by(c, (const SortBy *)n);
    case T_LockingClause: return copy_locking(c, (const LockingClause *)n);
    case T_CommonTableExpr: return copy_cte(c, (const CommonTableExpr *)n);
    case T_RangeSubselect: {
        const RangeSubselect *r = (const RangeSubselect *)n;
        AstRangeSubselect *a = MAKE(AstRangeSubselect, AST_RANGE_SUBSELECT, -1);

        a->lateral = r->lateral;
        a->query = copy_node(c, r->subquery);
        copy_alias(c, r->alias, &a->alias, &a->column_aliases);
        return &a->ast;
    }
    case T_RangeTableSample: return unsupported(c, -1, "TABLESAMPLE");
    case T_RangeTableFunc: return unsupported(c, -1, "XMLTABLE");
    case T_WindowDef: return unsupported(c, ((const WindowDef *)n)->location, "a window definition");
    case T_List: {
        AstListNode *a = MAKE(AstListNode, AST_LIST, -1);

        a->items = copy_list(c, (const List *)n);
        return &a->ast;
    }
    default: return NULL;
    }
}

static Ast *
copy_insert(Copy *c, const InsertStmt *s)
{
    AstInsert *a = MAKE(AstInsert, AST_INSERT, -1);

    copy_with(c, s->withClause, &a->ctes, &a->recursive);
    a->relation = copy_range_var(c, s->relation);
    a->columns = copy_list(c, s->cols);
    a->query = copy_node(c, s->selectStmt);
    if (s->onConflictClause != NULL) {
        const OnConflictClause *o = s->onConflictClause;

        a->on_conflict = o->action == ONCONFLICT_UPDATE ? ON_CONFLICT_DO_UPDATE : ON_CONFLICT_DO_NOTHING;
        a->conflict_location = o->location;
        if (o->infer != NULL) {
            a->conflict_keys_location = o->infer->location;
            a->conflict_keys = copy_list(c, o->infer->indexElems);
            a->conflict_predicate = copy_node(c, o->infer->whereClause);
            a->conflict_constraint = copy_text(c, o->infer->conname);
        }
        a->conflict_targets = copy_list(c, o->targetList);
        a->conflict_where = copy_node(c, o->whereClause);
    }
    a->returning = copy_list(c, s->returningList);
    a->overriding = s->override == OVERRIDING_USER_VALUE ? 1 : s->override == OVERRIDING_SYSTEM_VALUE ? 2 : 0;
    return &a->ast;
}

static Ast *
copy_update(Copy *c, const UpdateStmt *s)
{
    AstUpdate *a = MAKE(AstUpdate, AST_UPDATE, -1);

    copy_with(c, s->withClause, &a->ctes, &a->recursive);
    a->relation = copy_range_var(c, s->relation);
    a->targets = copy_list(c, s->targetList);
    a->from = copy_list(c, s->fromClause);
    a->where = copy_node(c, s->whereClause);
    a->returning = copy_list(c, s->returningList);
    return &a->ast;
}

static Ast *
copy_delete(Copy *c, const DeleteStmt *s)
{
    AstDelete *a = MAKE(AstDelete, AST_DELETE, -1);

    copy_with(c, s->withClause, &a->ctes, &a->recursive);
    a->relation = copy_range_var(c, s->relation);
    a->using_list = copy_list(c, s->usingClause);
    a->where = copy_node(c, s->whereClause);
    a->returning = copy_list(c, s->returningList);
    return &a->ast;
}

/* ---- definitions ----------------------------------------------------------------------------------- */

static Ast *
copy_constraint(Copy *c, const Constraint *n)
{
    static const ConstraintKind kinds[] = {
        [CONSTR_NULL] = CONSTRAINT_NULL,
        [CONSTR_NOTNULL] = CONSTRAINT_NOT_NULL,
        [CONSTR_DEFAULT] = CONSTRAINT_DEFAULT,
        [CONSTR_IDENTITY] = CONSTRAINT_IDENTITY,
        [CONSTR_GENERATED] = CONSTRAINT_GENERATED,
        [CONSTR_CHECK] = CONSTRAINT_CHECK,
        [CONSTR_PRIMARY] = CONSTRAINT_PRIMARY,
        [CONSTR_UNIQUE] = CONSTRAINT_UNIQUE,
        [CONSTR_EXCLUSION] = CONSTRAINT_EXCLUSION,
        [CONSTR_FOREIGN] = CONSTRAINT_FOREIGN,
        [CONSTR_ATTR_DEFERRABLE] = CONSTRAINT_ATTR,
        [CONSTR_ATTR_NOT_DEFERRABLE] = CONSTRAINT_ATTR,
        [CONSTR_ATTR_DEFERRED] = CONSTRAINT_ATTR,
        [CONSTR_ATTR_IMMEDIATE] = CONSTRAINT_ATTR,
    };
    AstConstraint *a = MAKE(AstConstraint, AST_CONSTRAINT, n->location);

    a->constraint_kind = kinds[n->contype];
    a->name = copy_text(c, n->conname);
    a->expr = copy_node(c, n->raw_expr);
    a->generated_when = n->generated_when;
    a->keys = copy_list(c, n->keys);
    a->including = copy_list(c, n->including);
    a->options = copy_list(c, n->options);
    a->using_index = copy_text(c, n->indexname);
    a->deferrable = n->deferrable || n->contype == CONSTR_ATTR_DEFERRABLE || n->contype == CONSTR_ATTR_DEFERRED;
    a->initially_deferred = n->initdeferred || n->contype == CONSTR_ATTR_DEFERRED;
    a->not_valid = n->skip_validation;
    a->no_inherit = n->is_no_inherit;
    a->nulls_not_distinct = n->nulls_not_distinct;
    return &a->ast;
}

static Ast *
copy_column_def(Copy *c, const ColumnDef *n)
{
    AstColumnDef *a = MAKE(AstColumnDef, AST_COLUMN_DEF, n->location);
    const char *schema;

    a->name = copy_text(c, n->colname);
    a->type = copy_type_name(c, n->typeName);
    a->constraints = copy_list(c, n->constraints);
    if (n->collClause != NULL)
        a->collation = copy_name(c, n->collClause->collname, &schema);
    if (n->compression != NULL)
        return unsupported(c, n->location, "a compression method for a column");
    return &a->ast;
}

static Ast *
copy_def_elem(Copy *c, const DefElem *n)
{
    AstDefElem *a = MAKE(AstDefElem, AST_DEF_ELEM, n->location);

    a->name = copy_text(c, n->defname);
    a->name_space = copy_text(c, n->defnamespace);
    if (n->arg != NULL && IsA(n->arg, RoleSpec))
        a->value = copy_string(c, ((const RoleSpec *)n->arg)->rolename);
    else
        a->value = copy_node(c, n->arg);
    return &a->ast;
}

static Ast *
copy_index_elem(Copy *c, const IndexElem *n)
{
    AstIndexElem *a = MAKE(AstIndexElem, AST_INDEX_ELEM, -1);
    const char *schema;

    a->column = copy_text(c, n->name);
    a->expr = copy_node(c, n->expr);
    a->collation = copy_name(c, n->collation, &schema);
    a->opclass = copy_name(c, n->opclass, &schema);
    a->descending = n->ordering == SORTBY_DESC;
    a->nulls_given = n->nulls_ordering != SORTBY_NULLS_DEFAULT;
    a->nulls_first = n->nulls_ordering == SORTBY_NULLS_FIRST;
    return &a->ast;
}

static Ast *
copy_create_table(Copy *c, const CreateStmt *s)
{
    AstCreateTable *a = MAKE(AstCreateTable, AST_CREATE_TABLE, -1);
    const ListCell *cell;
    int columns = 0, constraints = 0;

    a->relation = copy_range_var(c, s->relation);
    a->unlogged = s->relation->relpersistence == 'u';
    a->if_not_exists = s->if_not_exists;
    a->options = copy_list(c, s->options);
    a->on_commit = (int)s->oncommit;
    a->unsupported = s->partbound != NULL || s->partspec != NULL ? "partitioning"
                     : s->inhRelations != NIL                    ? "INHERITS"
                     : s->ofTypename != NULL                     ? "a typed table"
                     : s->tablespacename != NULL                 ? "TABLESPACE"
                                                                 : NULL;
    a->columns.items = arena_array(c->arena, Ast *, list_length(s->tableElts));
    a->constraints.items =
        arena_array(c->arena, Ast *, list_length(s->tableElts) + list_length(s->constraints));
    foreach (cell, s->tableElts) {
        if (IsA(lfirst(cell), ColumnDef))
            a->columns.items[columns++] = copy_node(c, lfirst(cell));
        else if (IsA(lfirst(cell), Constraint))
            a->constraints.items[constraints++] = copy_node(c, lfirst(cell));
        else
            a->unsupported = "CREATE TABLE ... LIKE";
    }
    foreach (cell, s->constraints)
        a->constraints.items[constraints++] = copy_node(c, lfirst(cell));
    a->columns.count = columns;
    a->constraints.count = constraints;
    return &a->ast;
}

static Ast *
copy_create_table_as(Copy *c, const CreateTableAsStmt *s)
{
    AstCreateTableAs *a = copy_into(c, s->into);

    a->query = copy_node(c, s->query);
    a->if_not_exists = s->if_not_exists;
    a->materialized = s->objtype == OBJECT_MATVIEW;
    return &a->ast;
}

static char
object_letter(ObjectType t)
{
    switch (t) {
    case OBJECT_TABLE: return 'r';
    case OBJECT_INDEX: return 'i';
    case OBJECT_SEQUENCE: return 'S';
    case OBJECT_SCHEMA: return 'n';
    case OBJECT_VIEW: return 'v';
    case OBJECT_COLUMN: return 'c';
    case OBJECT_TABCONSTRAINT: return 'k';
    case OBJECT_ROLE: return 'R';
    case OBJECT_DATABASE: return 'd';
    default: return 0;
    }
}

static const char *
role_name(Copy *c, const RoleSpec *r)
{
    if (r == NULL)
        return NULL;
    switch (r->roletype) {
    case ROLESPEC_CSTRING: return copy_text(c, r->rolename);
    case ROLESPEC_PUBLIC: return "public";
    default: return "current_user";
    }
}

static const char *
alter_other(AlterTableType t)
{
    switch (t) {
    case AT_AlterColumnType: return "ALTER COLUMN TYPE";
    case AT_SetStatistics: return "ALTER COLUMN SET STATISTICS";
    case AT_SetStorage: return "ALTER COLUMN SET STORAGE";
    case AT_AddIdentity:
    case AT_SetIdentity:
    case AT_DropIdentity: return "ALTER COLUMN ... IDENTITY";
    case AT_ValidateConstraint: return "VALIDATE CONSTRAINT";
    case AT_EnableRowSecurity:
    case AT_DisableRowSecurity: return "row level security";
    case AT_AttachPartition:
    case AT_DetachPartition: return "partitioning";
    case AT_EnableTrig:
    case AT_DisableTrig: return "triggers";
    case AT_ReplicaIdentity: return "REPLICA IDENTITY";
    default: return "this form of ALTER TABLE";
    }
}

static Ast *
copy_alter_cmd(Copy *c, const AlterTableCmd *n)
{
    AstAlterCmd *a = MAKE(AstAlterCmd, AST_ALTER_CMD, -1);

    switch (n->subtype) {
    case AT_AddColumn: a->alter_kind = ALTER_ADD_COLUMN; break;
    case AT_DropColumn: a->alter_kind = ALTER_DROP_COLUMN; break;
    case AT_AddConstraint: a->alter_kind = ALTER_ADD_CONSTRAINT; break;
    case AT_DropConstraint: a->alter_kind = ALTER_DROP_CONSTRAINT; break;
    case AT_ColumnDefault: a->alter_kind = ALTER_SET_DEFAULT; break;
    case AT_SetNotNull: a->alter_kind = ALTER_SET_NOT_NULL; break;
    case AT_DropNotNull: a->alter_kind = ALTER_DROP_NOT_NULL; break;
    case AT_SetRelOptions:
    case AT_ResetRelOptions:
        a->alter_kind = n->subtype == AT_SetRelOptions ? ALTER_SET_OPTIONS : ALTER_RESET_OPTIONS;
        a->options = copy_list(c, (const List *)n->def);
        return &a->ast;
    case AT_ChangeOwner:
        a->alter_kind = ALTER_OWNER;
        a->name = role_name(c, n->newowner);
        return &a->ast;
    default:
        a->alter_kind = ALTER_OTHER;
        a->what = alter_other(n->subtype);
        return &a->ast;
    }
    a->name = copy_text(c, n->name);
    a->def = copy_node(c, n->def);
    a->cascade = n->behavior == DROP_CASCADE;
    a->missing_ok = n->missing_ok;
    return &a->ast;
}

static Ast *
copy_create_index(Copy *c, const IndexStmt *s)
{
    AstCreateIndex *a = MAKE(AstCreateIndex, AST_CREATE_INDEX, -1);

    a->name = copy_text(c, s->idxname);
    a->relation = copy_range_var(c, s->relation);
    a->method = copy_text(c, s->accessMethod);
    a->columns = copy_list(c, s->indexParams);
    a->including = copy_list(c, s->indexIncludingParams);
    a->where = copy_node(c, s->whereClause);
    a->options = copy_list(c, s->options);
    a->unique = s->unique;
    a->concurrent = s->concurrent;
    a->if_not_exists = s->if_not_exists;
    a->nulls_not_distinct = s->nulls_not_distinct;
    if (s->tableSpace != NULL)
        return unsupported(c, -1, "TABLESPACE");
    return &a->ast;
}

static Ast *
copy_drop(Copy *c, const DropStmt *s)
{
    AstDrop *a = MAKE(AstDrop, AST_DROP, -1);
    const ListCell *cell;

    a->object = object_letter(s->removeType);
    a->what = "DROP of this kind of object";
    if (strchr("riSnv", a->object) == NULL || a->object == 0)
        return unsupported(c, -1, a->what);
    a->names.items = arena_array(c->arena, Ast *, list_length(s->objects));
    foreach (cell, s->objects) {
        AstListNode *name = MAKE(AstListNode, AST_LIST, -1);

        if (IsA(lfirst(cell), List)) {
            name->items = copy_list(c, lfirst(cell));
        } else {
            name->items.items = arena_array(c->arena, Ast *, 1);
            name->items.items[name->items.count++] = copy_node(c, lfirst(cell));
        }
        a->names.items[a->names.count++] = &name->ast;
    }
    a->cascade = s->behavior == DROP_CASCADE;
    a->missing_ok = s->missing_ok;
    a->concurrent = s->concurrent;
    return &a->ast;
}

static Ast *
copy_sequence(Copy *c, AstKind kind, const RangeVar *name, const List *options, bool if_not_exists,
              bool missing_ok)
{
    AstSequence *a = MAKE(AstSequence, kind, -1);

    a->sequence = copy_range_var(c, name);
    a->options = copy_list(c, options);
    a->if_not_exists = if_not_exists;
    a->missing_ok = missing_ok;
    return &a->ast;
}

static Ast *
copy_role(Copy *c, const Node *n)
{
    AstRole *a;
    const ListCell *cell;

    if (IsA(n, CreateRoleStmt)) {
        const CreateRoleStmt *s = (const CreateRoleStmt *)n;

        a = MAKE(AstRole, AST_CREATE_ROLE, -1);
        a->name = copy_text(c, s->role);
        a->is_user = s->stmt_type == ROLESTMT_USER;
        a->is_group = s->stmt_type == ROLESTMT_GROUP;
        a->options = copy_list(c, s->options);
        return &a->ast;
    }
    if (IsA(n, AlterRoleStmt)) {
        const AlterRoleStmt *s = (const AlterRoleStmt *)n;

        a = MAKE(AstRole, AST_ALTER_ROLE, -1);
        a->name = role_name(c, s->role);
        a->options = copy_list(c, s->options);
        return &a->ast;
    }
    a = MAKE(AstRole, AST_DROP_ROLE, -1);
    a->names.items = arena_array(c->arena, Ast *, list_length(((const DropRoleStmt *)n)->roles));
    foreach (cell, ((const DropRoleStmt *)n)->roles)
        a->names.items[a->names.count++] = copy_string(c, role_name(c, lfirst_node(RoleSpec, cell)));
    a->missing_ok = ((const DropRoleStmt *)n)->missing_ok;
    return &a->ast;
}

static Ast *
copy_database(Copy *c, AstKind kind, const char *name, const List *options, bool missing_ok)
{
    AstDatabase *a = MAKE(AstDatabase, kind, -1);

    a->name = copy_text(c, name);
    a->options = copy_list(c, options);
    a->missing_ok = missing_ok;
    return &a->ast;
}

/* ---- the rest -------------------------------------------------------------------------------------- */

static Ast *
copy_transaction(Copy *c, const TransactionStmt *s)
{
    static const TransactionKind kinds[] = {
        [TRANS_STMT_BEGIN] = TRANSACTION_BEGIN,
        [TRANS_STMT_START] = TRANSACTION_START,
        [TRANS_STMT_COMMIT] = TRANSACTION_COMMIT,
        [TRANS_STMT_ROLLBACK] = TRANSACTION_ROLLBACK,
        [TRANS_STMT_SAVEPOINT] = TRANSACTION_SAVEPOINT,
        [TRANS_STMT_RELEASE] = TRANSACTION_RELEASE,
        [TRANS_STMT_ROLLBACK_TO] = TRANSACTION_ROLLBACK_TO,
        [TRANS_STMT_PREPARE] = TRANSACTION_PREPARE,
        [TRANS_STMT_COMMIT_PREPARED] = TRANSACTION_COMMIT_PREPARED,
        [TRANS_STMT_ROLLBACK_PREPARED] = TRANSACTION_ROLLBACK_PREPARED,
    };
    AstTransaction *a = MAKE(AstTransaction, AST_TRANSACTION, -1);

    a->transaction_kind = kinds[s->kind];
    a->options = copy_list(c, s->options);
    a->name = copy_text(c, s->savepoint_name != NULL ? s->savepoint_name : s->gid);
    a->chain = s->chain;
    return &a->ast;
}

static Ast *
copy_set(Copy *c, const VariableSetStmt *s)
{
    static const SetKind kinds[] = {
        [VAR_SET_VALUE] = SET_VALUE, [VAR_SET_DEFAULT] = SET_DEFAULT, [VAR_SET_CURRENT] = SET_CURRENT,
        [VAR_SET_MULTI] = SET_MULTI, [VAR_RESET] = SET_RESET,         [VAR_RESET_ALL] = SET_RESET_ALL,
    };
    AstSet *a = MAKE(AstSet, AST_SET, -1);

    a->set_kind = kinds[s->kind];
    a->name = copy_text(c, s->name);
    a->args = copy_list(c, s->args);
    a->is_local = s->is_local;
    return &a->ast;
}

static Ast *
copy_copy(Copy *c, const CopyStmt *s)
{
    AstCopy *a = MAKE(AstCopy, AST_COPY, -1);

    a->relation = copy_range_var(c, s->relation);
    a->query = copy_node(c, s->query);
    a->columns = copy_list(c, s->attlist);
    a->is_from = s->is_from;
    a->is_program = s->is_program;
    a->file = copy_text(c, s->filename);
    a->options = copy_list(c, s->options);
    a->where = copy_node(c, s->whereClause);
    return &a->ast;
}

static Ast *
copy_vacuum(Copy *c, const VacuumStmt *s)
{
    AstVacuum *a = MAKE(AstVacuum, AST_VACUUM, -1);
    const ListCell *cell;

    a->is_vacuum = s->is_vacuumcmd;
    a->options = copy_list(c, s->options);
    a->relations.items = arena_array(c->arena, Ast *, list_length(s->rels));
    foreach (cell, s->rels) {
        const VacuumRelation *r = lfirst_node(VacuumRelation, cell);
        AstRangeVar *v = copy_range_var(c, r->relation);

        v->column_aliases = copy_list(c, r->va_cols);
        a->relations.items[a->relations.count++] = &v->ast;
    }
    return &a->ast;
}

static Ast *
copy_rename(Copy *c, const RenameStmt *s)
{
    AstRename *a = MAKE(AstRename, AST_RENAME, -1);

    a->object = object_letter(s->renameType);
    if (a->object == 0)
        return unsupported(c, -1, "RENAME of this kind of object");
    a->relation = copy_range_var(c, s->relation);
    a->old_name = copy_text(c, s->subname);
    a->new_name = copy_text(c, s->newname);
    a->missing_ok = s->missing_ok;
    return &a->ast;
}

static Ast *
copy_comment(Copy *c, const CommentStmt *s)
{
    AstComment *a = MAKE(AstComment, AST_COMMENT, -1);

    a->object = object_letter(s->objtype);
    if (a->object == 0)
        return unsupported(c, -1, "COMMENT on this kind of object");
    if (IsA(s->object, List)) {
        a->names = copy_list(c, (const List *)s->object);
    } else {
        a->names.items = arena_array(c->arena, Ast *, 1);
        a->names.items[a->names.count++] = copy_node(c, s->object);
    }
    a->text = copy_text(c, s->comment);
    return &a->ast;
}

static FetchWay
fetch_way(FetchDirection direction)
{
    switch (direction) {
    case FETCH_BACKWARD: return FETCH_WAY_BACKWARD;
    case FETCH_ABSOLUTE: return FETCH_WAY_ABSOLUTE;
    case FETCH_RELATIVE: return FETCH_WAY_RELATIVE;
    default: return FETCH_WAY_FORWARD;
    }
}

static Ast *
copy_cursor(Copy *c, const Node *n)
{
    AstCursor *a;

    if (IsA(n, DeclareCursorStmt)) {
        const DeclareCursorStmt *s = (const DeclareCursorStmt *)n;

        a = MAKE(AstCursor, AST_DECLARE_CURSOR, -1);
        a->name = copy_text(c, s->portalname);
        a->query = copy_node(c, s->query);
        a->with_hold = (s->options & CURSOR_OPT_HOLD) != 0;
        a->scroll = (s->options & CURSOR_OPT_SCROLL) != 0;
        a->no_scroll = (s->options & CURSOR_OPT_NO_SCROLL) != 0;
        a->binary = (s->options & CURSOR_OPT_BINARY) != 0;
        a->insensitive = (s->options & CURSOR_OPT_INSENSITIVE) != 0;
        return &a->ast;
    }
    if (IsA(n, FetchStmt)) {
        const FetchStmt *s = (const FetchStmt *)n;

        a = MAKE(AstCursor, AST_FETCH, -1);
        a->name = copy_text(c, s->portalname);
        a->direction = fetch_way(s->direction);
        a->how_many = s->howMany == FETCH_ALL ? INT64_MAX : s->howMany;
        a->is_move = s->ismove;
        return &a->ast;
    }
    a = MAKE(AstCursor, AST_CLOSE, -1);
    a->name = copy_text(c, ((const ClosePortalStmt *)n)->portalname);
    return &a->ast;
}

static AstList
copy_roles(Copy *c, const List *roles)
{
    AstList out = {.items = arena_array(c->arena, Ast *, list_length(roles))};
    const ListCell *cell;

    foreach (cell, roles)
        out.items[out.count++] = copy_string(c, role_name(c, lfirst_node(RoleSpec, cell)));
    return out;
}

static AstList
copy_privileges(Copy *c, const List *privileges)
{
    AstList out = {.items = arena_array(c->arena, Ast *, list_length(privileges))};
    const ListCell *cell;

    foreach (cell, privileges) {
        const AccessPriv *p = lfirst_node(AccessPriv, cell);
        AstPrivilege *a = MAKE(AstPrivilege, AST_PRIVILEGE, -1);

        a->name = copy_text(c, p->priv_name);
        a->columns = copy_list(c, p->cols);
        out.items[out.count++] = &a->ast;
    }
    return out;
}

static Ast *
copy_grant(Copy *c, const GrantStmt *s)
{
    AstGrant *a = MAKE(AstGrant, AST_GRANT, -1);

    a->is_grant = s->is_grant;
    a->grant_option = s->grant_option;
    a->cascade = s->behavior == DROP_CASCADE;
    a->all_in_schema = s->targtype == ACL_TARGET_ALL_IN_SCHEMA;
    a->object = object_letter(s->objtype);
    if (s->targtype == ACL_TARGET_DEFAULTS || a->object == 0 || strchr("rSnd", a->object) == NULL)
        return unsupported(c, -1, "GRANT and REVOKE on this kind of object");
    a->objects = copy_list(c, s->objects);
    a->privileges = copy_privileges(c, s->privileges);
    a->grantees = copy_roles(c, s->grantees);
    a->grantor = role_name(c, s->grantor);
    return &a->ast;
}

static Ast *
copy_grant_role(Copy *c, const GrantRoleStmt *s)
{
    AstGrantRole *a = MAKE(AstGrantRole, AST_GRANT_ROLE, -1);
    const ListCell *cell;

    a->is_grant = s->is_grant;
    a->admin_option = s->admin_opt;
    a->cascade = s->behavior == DROP_CASCADE;
    a->roles.items = arena_array(c->arena, Ast *, list_length(s->granted_roles));
    foreach (cell, s->granted_roles)
        a->roles.items[a->roles.count++] = copy_string(c, lfirst_node(AccessPriv, cell)->priv_name);
    a->grantees = copy_roles(c, s->grantee_roles);
    return &a->ast;
}

/* SELECT ... INTO t is CREATE TABLE t AS SELECT ...; of a UNION it stands in the first SELECT. */
static Ast *
select_into(AstSelect *s)
{
    AstSelect *first = s;
    AstCreateTableAs *a;

    while (first->set_op != SETOP_NONE && first->into == NULL)
        first = first->left;
    a = first->into;
    if (a == NULL)
        return &s->ast;
    first->into = NULL;
    a->query = &s->ast;
    a->is_select_into = true;
    return &a->ast;
}

static Ast *
copy_utility(Copy *c, const Node *n)
{
    switch (nodeTag(n)) {
    case T_CreateStmt: return copy_create_table(c, (const CreateStmt *)n);
    case T_CreateTableAsStmt: return copy_create_table_as(c, (const CreateTableAsStmt *)n);
    case T_IndexStmt: return copy_create_index(c, (const IndexStmt *)n);
    case T_DropStmt: return copy_drop(c, (const DropStmt *)n);
    case T_CreateRoleStmt:
    case T_AlterRoleStmt:
    case T_DropRoleStmt: return copy_role(c, n);
    case T_TransactionStmt: return copy_transaction(c, (const TransactionStmt *)n);
    case T_VariableSetStmt: return copy_set(c, (const VariableSetStmt *)n);
    case T_CopyStmt: return copy_copy(c, (const CopyStmt *)n);
    case T_VacuumStmt: return copy_vacuum(c, (const VacuumStmt *)n);
    case T_RenameStmt: return copy_rename(c, (const RenameStmt *)n);
    case T_CommentStmt: return copy_comment(c, (const CommentStmt *)n);
    case T_DeclareCursorStmt:
    case T_FetchStmt:
    case T_ClosePortalStmt: return copy_cursor(c, n);
    case T_CreateSeqStmt: {
        const CreateSeqStmt *s = (const CreateSeqStmt *)n;

        return copy_sequence(c, AST_CREATE_SEQUENCE, s->sequence, s->options, s->if_not_exists, false);
    }
    case T_AlterSeqStmt: {
        const AlterSeqStmt *s = (const AlterSeqStmt *)n;

        return copy_sequence(c, AST_ALTER_SEQUENCE, s->sequence, s->options, false, s->missing_ok);
    }
    case T_CreatedbStmt: {
        const CreatedbStmt *s = (const CreatedbStmt *)n;

        return copy_database(c, AST_CREATE_DATABASE, s->dbname, s->options, false);
    }
    case T_DropdbStmt: {
        const DropdbStmt *s = (const DropdbStmt *)n;

        return copy_database(c, AST_DROP_DATABASE, s->dbname, s->options, s->missing_ok);
    }
    case T_AlterTableStmt: {
        const AlterTableStmt *s = (const AlterTableStmt *)n;
        AstAlterTable *a = MAKE(AstAlterTable, AST_ALTER_TABLE, -1);

        a->relation = copy_range_var(c, s->relation);
        a->commands = copy_list(c, s->cmds);
        a->missing_ok = s->missing_ok;
        a->object = object_letter(s->objtype);
        return &a->ast;
    }
    case T_TruncateStmt: {
        const TruncateStmt *s = (const TruncateStmt *)n;
        AstTruncate *a = MAKE(AstTruncate, AST_TRUNCATE, -1);

        a->relations = copy_list(c, s->relations);
        a->restart_sequences = s->restart_seqs;
        a->cascade = s->behavior == DROP_CASCADE;
        return &a->ast;
    }
    case T_CreateSchemaStmt: {
        const CreateSchemaStmt *s = (const CreateSchemaStmt *)n;
        AstCreateSchema *a = MAKE(AstCreateSchema, AST_CREATE_SCHEMA, -1);

        a->name = copy_text(c, s->schemaname);
        a->owner = role_name(c, s->authrole);
        a->elements = copy_list(c, s->schemaElts);
        a->if_not_exists = s->if_not_exists;
        return &a->ast;
    }
    case T_VariableShowStmt: {
        AstShow *a = MAKE(AstShow, AST_SHOW, -1);

        a->name = copy_text(c, ((const VariableShowStmt *)n)->name);
        return &a->ast;
    }
    case T_PrepareStmt: {
        AstPrepare *a = MAKE(AstPrepare, AST_PREPARE, -1);

        a->name = copy_text(c, ((const PrepareStmt *)n)->name);
        a->types = copy_list(c, ((const PrepareStmt *)n)->argtypes);
        a->query = copy_node(c, ((const PrepareStmt *)n)->query);
        return &a->ast;
    }
    case T_ExecuteStmt: {
        AstExecute *a = MAKE(AstExecute, AST_EXECUTE, -1);

        a->name = copy_text(c, ((const ExecuteStmt *)n)->name);
        a->args = copy_list(c, ((const ExecuteStmt *)n)->params);
        return &a->ast;
    }
    case T_DeallocateStmt: {
        AstExecute *a = MAKE(AstExecute, AST_DEALLOCATE, -1);

        a->name = copy_text(c, ((const DeallocateStmt *)n)->name);
        return &a->ast;
    }
    case T_LockStmt: {
        const LockStmt *s = (const LockStmt *)n;
        AstLock *a = MAKE(AstLock, AST_LOCK, -1);

        a->relations = copy_list(c, s->relations);
        a->mode = s->mode;
        a->nowait = s->nowait;
        return &a->ast;
    }
    case T_DiscardStmt: {
        AstDiscard *a = MAKE(AstDiscard, AST_DISCARD, -1);

        a->what = (int)((const DiscardStmt *)n)->target;
        return &a->ast;
    }
    case T_ExplainStmt: {
        AstExplain *a = MAKE(AstExplain, AST_EXPLAIN, -1);

        a->query = copy_node(c, ((const ExplainStmt *)n)->query);
        if (c->rc == ST_OK && a->query->kind == AST_SELECT)
            a->query = select_into((AstSelect *)a->query);
        a->options = copy_list(c, ((const ExplainStmt *)n)->options);
        return &a->ast;
    }
    case T_GrantStmt: return copy_grant(c, (const GrantStmt *)n);
    case T_GrantRoleStmt: return copy_grant_role(c, (const GrantRoleStmt *)n);
    case T_CheckPointStmt: return make(c, sizeof(Ast), AST_CHECKPOINT, -1);
    case T_ReindexStmt: return unsupported(c, -1, "REINDEX");
    case T_ConstraintsSetStmt: return make(c, sizeof(Ast), AST_CONSTRAINTS_SET, -1);
    default: return NULL;
    }
}

/* The name by which an unsupported statement is refused. */
static const char *
statement_name(const Node *n)
{
    switch (nodeTag(n)) {
    case T_MergeStmt: return "MERGE";
    case T_ViewStmt: return "CREATE VIEW";
    case T_CreateFunctionStmt: return "CREATE FUNCTION";
    case T_CreateTrigStmt: return "CREATE TRIGGER";
    case T_CreateExtensionStmt: return "CREATE EXTENSION";
    case T_CreateDomainStmt: return "CREATE DOMAIN";
    case T_CreateEnumStmt:
    case T_CreateRangeStmt:
    case T_CompositeTypeStmt:
    case T_DefineStmt: return "CREATE TYPE, AGGREGATE, OPERATOR or COLLATION";
    case T_AlterDefaultPrivilegesStmt: return "ALTER DEFAULT PRIVILEGES";
    case T_DoStmt: return "DO";
    case T_CallStmt: return "CALL";
    case T_ListenStmt:
    case T_NotifyStmt:
    case T_UnlistenStmt: return "LISTEN and NOTIFY";
    case T_RuleStmt: return "CREATE RULE";
    case T_CreatePolicyStmt: return "CREATE POLICY";
    case T_ClusterStmt: return "CLUSTER";
    case T_AlterOwnerStmt: return "ALTER ... OWNER TO";
    case T_AlterObjectSchemaStmt: return "ALTER ... SET SCHEMA";
    case T_AlterDatabaseStmt:
    case T_AlterDatabaseSetStmt: return "ALTER DATABASE";
    case T_AlterRoleSetStmt: return "ALTER ROLE ... SET";
    case T_CreatePublicationStmt:
    case T_CreateSubscriptionStmt: return "logical replication";
    case T_CreateTableSpaceStmt: return "CREATE TABLESPACE";
    case T_CreateStatsStmt: return "CREATE STATISTICS";
    case T_RefreshMatViewStmt: return "REFRESH MATERIALIZED VIEW";
    case T_LoadStmt: return "LOAD";
    case T_AlterSystemStmt: return "ALTER SYSTEM";
    case T_SecLabelStmt: return "SECURITY LABEL";
    case T_DropOwnedStmt: return "DROP OWNED";
    case T_ReassignOwnedStmt: return "REASSIGN OWNED";
    case T_AlterEnumStmt:
    case T_AlterTypeStmt: return "ALTER TYPE";
    case T_AlterDomainStmt: return "ALTER DOMAIN";
    case T_AlterFunctionStmt: return "ALTER FUNCTION";
    case T_AlterOperatorStmt: return "ALTER OPERATOR";
    case T_AlterCollationStmt: return "ALTER COLLATION";
    case T_AlterDatabaseRefreshCollStmt: return "ALTER DATABASE";
    case T_AlterStatsStmt: return "ALTER STATISTICS";
    case T_AlterPolicyStmt: return "ALTER POLICY";
    case T_AlterExtensionStmt:
    case T_AlterExtensionContentsStmt: return "ALTER EXTENSION";
    case T_AlterTSDictionaryStmt:
    case T_AlterTSConfigurationStmt: return "ALTER TEXT SEARCH";
    case T_AlterObjectDependsStmt: return "ALTER ... DEPENDS ON EXTENSION";
    case T_AlterTableSpaceOptionsStmt:
    case T_AlterTableMoveAllStmt:
    case T_DropTableSpaceStmt: return "a tablespace";
    case T_CreatePLangStmt: return "CREATE LANGUAGE";
    case T_CreateCastStmt: return "CREATE CAST";
    case T_CreateConversionStmt: return "CREATE CONVERSION";
    case T_CreateTransformStmt: return "CREATE TRANSFORM";
    case T_CreateAmStmt: return "CREATE ACCESS METHOD";
    case T_CreateOpClassStmt: return "CREATE OPERATOR CLASS";
    case T_CreateOpFamilyStmt:
    case T_AlterOpFamilyStmt: return "an operator family";
    case T_CreateEventTrigStmt:
    case T_AlterEventTrigStmt: return "an event trigger";
    case T_AlterPublicationStmt:
    case T_AlterSubscriptionStmt:
    case T_DropSubscriptionStmt: return "logical replication";
    case T_CreateFdwStmt:
    case T_AlterFdwStmt:
    case T_CreateForeignServerStmt:
    case T_AlterForeignServerStmt:
    case T_CreateUserMappingStmt:
    case T_AlterUserMappingStmt:
    case T_DropUserMappingStmt:
    case T_CreateForeignTableStmt:
    case T_ImportForeignSchemaStmt: return "foreign data";
    default: return "this statement";
    }
}

static Ast *
copy_node(Copy *c, const void *node)
{
    const Node *n = node;
    Ast *a;

    if (n == NULL || c->rc != ST_OK)
        return NULL;
    c->rc = ctx_check_stack(c->cx);
    if (c->rc != ST_OK)
        return NULL;
    switch (nodeTag(n)) {
    case T_SelectStmt: return (Ast *)copy_select(c, (const SelectStmt *)n);
    case T_InsertStmt: return copy_insert(c, (const InsertStmt *)n);
    case T_UpdateStmt: return copy_update(c, (const UpdateStmt *)n);
    case T_DeleteStmt: return copy_delete(c, (const DeleteStmt *)n);
    case T_ColumnDef: return copy_column_def(c, (const ColumnDef *)n);
    case T_Constraint: return copy_constraint(c, (const Constraint *)n);
    case T_DefElem: return copy_def_elem(c, (const DefElem *)n);
    case T_IndexElem: return copy_index_elem(c, (const IndexElem *)n);
    case T_AlterTableCmd: return copy_alter_cmd(c, (const AlterTableCmd *)n);
    default: break;
    }
    a = copy_expression(c, n);
    if (a == NULL && c->rc == ST_OK)
        a = copy_query_part(c, n);
    if (a == NULL && c->rc == ST_OK)
        a = copy_utility(c, n);
    if (a == NULL && c->rc == ST_OK)
        unsupported(c, -1, statement_name(n));
    return a;
}

/* ---- calling the grammar --------------------------------------------------------------------------- */

/* The error the grammar raised, into our context. */
static Status
take_grammar_error(Ctx *cx, const char *sql)
{
    ErrorData *e;
    char sqlstate[6] = {0};
    Status rc;

    CurrentMemoryContext = parse_memory;
    e = CopyErrorData();
    FlushErrorState();
    for (int i = 0, code = e->sqlerrcode; i < 5; i++, code >>= 6)
        sqlstate[i] = (char)((code & 0x3f) + '0');
    /* The grammar's own stack is limited too, and bison knows only one kind of error. */
    if (e->message != NULL && strncmp(e->message, "memory exhausted", 16) == 0)
        memcpy(sqlstate, "54001", 6);
    rc = fail(cx, ST_ERROR, sqlstate, "%s", e->message != NULL ? e->message : "syntax error");
    if (e->detail != NULL)
        fail_detail(cx, "%s", e->detail);
    if (e->hint != NULL)
        fail_hint(cx, "%s", e->hint);
    if (e->cursorpos > 0) /* in characters, while our locations are bytes */
        fail_locate(cx, (int)utf8_prefix_bytes(sql, strlen(sql), (size_t)e->cursorpos - 1));
    return rc;
}

/* Runs the grammar; *out lies in parse_memory. The variables that a longjmp crosses are volatile. */
static Status
run_grammar(Ctx *cx, const char *sql, RawParseMode mode, List **out)
{
    sigjmp_buf *saved_exceptions = PG_exception_stack;
    ErrorContextCallback *saved_context = error_context_stack;
    MemoryContext volatile saved_memory = CurrentMemoryContext;
    sigjmp_buf here;
    volatile Status rc = ST_OK;

    if (sigsetjmp(here, 0) == 0) {
        PG_exception_stack = &here;
        error_context_stack = NULL;
        if (parse_memory == NULL) {
            pg_query_init();
            parse_memory = AllocSetContextCreate(TopMemoryContext, "parse", ALLOCSET_DEFAULT_SIZES);
        }
        CurrentMemoryContext = parse_memory;
        *out = raw_parser(sql, mode);
    } else {
        rc = take_grammar_error(cx, sql);
    }
    PG_exception_stack = saved_exceptions;
    error_context_stack = saved_context;
    CurrentMemoryContext = saved_memory;
    return rc;
}

Status
parse_sql(Ctx *cx, Arena *arena, const char *sql, AstStatement **out, int *count)
{
    Copy c = {.cx = cx, .arena = arena};
    List *raw = NIL;
    const ListCell *cell;
    AstStatement *statements;
    int n = 0;

    c.rc = run_grammar(cx, sql, RAW_PARSE_DEFAULT, &raw);
    if (c.rc == ST_OK) {
        statements = arena_array(arena, AstStatement, list_length(raw) + 1);
        foreach (cell, raw) {
            const RawStmt *r = lfirst_node(RawStmt, cell);

            statements[n].start = r->stmt_location > 0 ? r->stmt_location : 0;
            statements[n].bytes = r->stmt_len > 0 ? r->stmt_len : (int)strlen(sql) - statements[n].start;
            statements[n].ast = copy_node(&c, r->stmt);
            if (c.rc == ST_OK && statements[n].ast->kind == AST_SELECT)
                statements[n].ast = select_into((AstSelect *)statements[n].ast);
            n++;
        }
        *out = statements;
        *count = n;
    }
    MemoryContextReset(parse_memory);
    return c.rc;
}

Status
parse_expression(Ctx *cx, Arena *arena, const char *sql, Ast **out)
{
    Copy c = {.cx = cx, .arena = arena};
    List *raw = NIL;

    c.rc = run_grammar(cx, sql, RAW_PARSE_PLPGSQL_EXPR, &raw);
    if (c.rc == ST_OK) {
        const SelectStmt *s = (const SelectStmt *)linitial_node(RawStmt, raw)->stmt;
        const ResTarget *t = linitial_node(ResTarget, s->targetList);

        if (list_length(s->targetList) != 1 || s->fromClause != NIL)
            c.rc = fail(cx, ST_ERROR, "42601", "a single expression is expected");
        else
            *out = copy_node(&c, t->val);
    }
    MemoryContextReset(parse_memory);
    return c.rc;
}

Status
parse_type_name(Ctx *cx, Arena *arena, const char *sql, AstTypeName **out)
{
    Copy c = {.cx = cx, .arena = arena};
    List *raw = NIL;

    c.rc = run_grammar(cx, sql, RAW_PARSE_TYPE_NAME, &raw);
    if (c.rc == ST_OK)
        *out = copy_type_name(&c, linitial_node(TypeName, raw));
    MemoryContextReset(parse_memory);
    return c.rc;
}

bool
keyword_needs_quotes(const char *word)
{
    int no = ScanKeywordLookup(word, &ScanKeywords);

    return no >= 0 && ScanKeywordCategories[no] != UNRESERVED_KEYWORD;
}
