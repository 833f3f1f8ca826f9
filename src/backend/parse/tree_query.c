/* tree_query.c - SELECT, INSERT, UPDATE, DELETE and their parts, copied from the raw tree into ours. */
#include "backend/parse/parse_int.h"

/* The one enum whose members libpg_query has in another order than PostgreSQL's header: there the default
 * comes first. */
enum { LIBRARY_LIMIT_WITH_TIES = 2 };

static Ast *
copy_target(TreeCopy *c, const ResTarget *n)
{
    AstTarget *a = MAKE(AstTarget, AST_TARGET, n->location);

    a->name = tree_copy_text(c, n->name);
    a->has_indirection = n->indirection != NIL;
    a->value = tree_copy_node(c, n->val);
    if (n->val != NULL && IsA(n->val, MultiAssignRef)) {
        a->multi_column = ((const MultiAssignRef *)n->val)->colno;
        a->multi_count = ((const MultiAssignRef *)n->val)->ncolumns;
    }
    return &a->ast;
}

static Ast *
copy_range_function(TreeCopy *c, const RangeFunction *n)
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
            return tree_refuse(c, -1, "a column definition list in ROWS FROM");
        a->functions.items[a->functions.count++] = tree_copy_node(c, linitial(pair));
    }
    if (a->functions.count > 0 && a->functions.items[0] != NULL)
        a->ast.location = a->functions.items[0]->location;
    tree_copy_alias(c, n->alias, &a->alias, &a->column_aliases);
    a->column_defs = tree_copy_list(c, n->coldeflist);
    return &a->ast;
}

static Ast *
copy_join(TreeCopy *c, const JoinExpr *n)
{
    AstJoin *a = MAKE(AstJoin, AST_JOIN, -1);

    a->join_kind = n->jointype == PG_JOIN_LEFT    ? JOIN_LEFT
                   : n->jointype == PG_JOIN_RIGHT ? JOIN_RIGHT
                   : n->jointype == PG_JOIN_FULL  ? JOIN_FULL
                                                  : JOIN_INNER;
    a->natural = n->isNatural;
    a->left = tree_copy_node(c, n->larg);
    a->right = tree_copy_node(c, n->rarg);
    a->using_columns = tree_copy_list(c, n->usingClause);
    a->on = tree_copy_node(c, n->quals);
    tree_copy_alias(c, n->alias, &a->alias, &a->column_aliases);
    if (n->join_using_alias != NULL)
        return tree_refuse(c, -1, "an alias for JOIN USING");
    return &a->ast;
}

static Ast *
copy_sort_by(TreeCopy *c, const SortBy *n)
{
    AstSortBy *a = MAKE(AstSortBy, AST_SORT_BY, n->location);
    const char *schema;

    a->expr = tree_copy_node(c, n->node);
    a->descending = n->sortby_dir == SORTBY_DESC;
    a->nulls_given = n->sortby_nulls != SORTBY_NULLS_DEFAULT;
    a->nulls_first = n->sortby_nulls == SORTBY_NULLS_FIRST;
    a->using_op = tree_copy_name(c, n->useOp, &schema);
    return &a->ast;
}

static Ast *
copy_locking(TreeCopy *c, const LockingClause *n)
{
    static const LockStrength strengths[] = {
        [LCS_NONE] = LOCKING_NONE,        [LCS_FORKEYSHARE] = LOCKING_KEY_SHARE,
        [LCS_FORSHARE] = LOCKING_SHARE,   [LCS_FORNOKEYUPDATE] = LOCKING_NO_KEY_UPDATE,
        [LCS_FORUPDATE] = LOCKING_UPDATE,
    };
    AstLocking *a = MAKE(AstLocking, AST_LOCKING, -1);

    a->strength = strengths[n->strength];
    a->wait = n->waitPolicy == LockWaitSkip ? 1 : n->waitPolicy == LockWaitError ? 2 : 0;
    a->of = tree_copy_list(c, n->lockedRels);
    return &a->ast;
}

static Ast *
copy_cte(TreeCopy *c, const CommonTableExpr *n)
{
    AstCte *a = MAKE(AstCte, AST_CTE, n->location);

    if (n->search_clause != NULL || n->cycle_clause != NULL)
        return tree_refuse(c, n->location, "SEARCH and CYCLE in WITH");
    a->name = tree_copy_text(c, n->ctename);
    a->column_aliases = tree_copy_list(c, n->aliascolnames);
    a->query = tree_copy_node(c, n->ctequery);
    a->materialized = n->ctematerialized == CTEMaterializeAlways  ? 1
                      : n->ctematerialized == CTEMaterializeNever ? -1
                                                                  : 0;
    return &a->ast;
}

static void
copy_with(TreeCopy *c, const WithClause *w, AstList *ctes, bool *recursive)
{
    if (w == NULL)
        return;
    *ctes = tree_copy_list(c, w->ctes);
    *recursive = w->recursive;
}

static AstList
copy_value_lists(TreeCopy *c, const List *lists)
{
    AstList out = {0};
    const ListCell *cell;

    out.items = arena_array(c->arena, Ast *, list_length(lists));
    foreach (cell, lists) {
        AstListNode *row = MAKE(AstListNode, AST_LIST, -1);

        row->items = tree_copy_list(c, lfirst_node(List, cell));
        out.items[out.count++] = &row->ast;
    }
    return out;
}

static void
copy_group_by(TreeCopy *c, const SelectStmt *s, AstSelect *a)
{
    const ListCell *cell;

    foreach (cell, s->groupClause) {
        if (IsA(lfirst(cell), GroupingSet)) {
            if (((const GroupingSet *)lfirst(cell))->kind == GROUPING_SET_EMPTY) {
                tree_refuse(c, ((const GroupingSet *)lfirst(cell))->location, "GROUP BY ()");
                return;
            }
            tree_refuse(c, ((const GroupingSet *)lfirst(cell))->location, "GROUPING SETS");
            return;
        }
    }
    a->group_by = tree_copy_list(c, s->groupClause);
    a->group_distinct = s->groupDistinct;
}

/* All but the query. */
AstCreateTableAs *
tree_copy_into(TreeCopy *c, const IntoClause *into)
{
    AstCreateTableAs *a = MAKE(AstCreateTableAs, AST_CREATE_TABLE_AS, -1);

    a->relation = tree_copy_range_var(c, into->rel);
    a->column_names = tree_copy_list(c, into->colNames);
    a->with_no_data = into->skipData;
    a->unlogged = into->rel->relpersistence == 'u';
    a->on_commit = (int)into->onCommit;
    a->options = tree_copy_list(c, into->options);
    a->unsupported = into->tableSpaceName != NULL ? "TABLESPACE" : into->accessMethod != NULL ? "USING" : NULL;
    return a;
}

static AstSelect *
copy_select(TreeCopy *c, const SelectStmt *s)
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
            a->distinct_on = tree_copy_list(c, s->distinctClause);
    }
    a->targets = tree_copy_list(c, s->targetList);
    a->from = tree_copy_list(c, s->fromClause);
    a->where = tree_copy_node(c, s->whereClause);
    copy_group_by(c, s, a);
    a->having = tree_copy_node(c, s->havingClause);
    a->has_windows = s->windowClause != NIL;
    a->values = copy_value_lists(c, s->valuesLists);
    a->order_by = tree_copy_list(c, s->sortClause);
    a->limit = tree_copy_node(c, s->limitCount);
    a->offset = tree_copy_node(c, s->limitOffset);
    a->with_ties = (int)s->limitOption == LIBRARY_LIMIT_WITH_TIES;
    a->locking = tree_copy_list(c, s->lockingClause);
    a->set_op = s->op == PG_SETOP_UNION       ? SETOP_UNION
                : s->op == PG_SETOP_INTERSECT ? SETOP_INTERSECT
                : s->op == PG_SETOP_EXCEPT    ? SETOP_EXCEPT
                                              : SETOP_NONE;
    a->set_all = s->all;
    a->left = copy_select(c, s->larg);
    a->right = copy_select(c, s->rarg);
    if (s->intoClause != NULL)
        a->into = tree_copy_into(c, s->intoClause);
    return a;
}

/* SELECT ... INTO t is CREATE TABLE t AS SELECT ...; of a UNION it stands in the first SELECT. */
Ast *
tree_select_into(AstSelect *s)
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
copy_insert(TreeCopy *c, const InsertStmt *s)
{
    AstInsert *a = MAKE(AstInsert, AST_INSERT, -1);

    copy_with(c, s->withClause, &a->ctes, &a->recursive);
    a->relation = tree_copy_range_var(c, s->relation);
    a->columns = tree_copy_list(c, s->cols);
    a->query = tree_copy_node(c, s->selectStmt);
    if (s->onConflictClause != NULL) {
        const OnConflictClause *o = s->onConflictClause;

        a->on_conflict = o->action == ONCONFLICT_UPDATE ? ON_CONFLICT_DO_UPDATE : ON_CONFLICT_DO_NOTHING;
        a->conflict_location = o->location;
        if (o->infer != NULL) {
            a->conflict_keys_location = o->infer->location;
            a->conflict_keys = tree_copy_list(c, o->infer->indexElems);
            a->conflict_predicate = tree_copy_node(c, o->infer->whereClause);
            a->conflict_constraint = tree_copy_text(c, o->infer->conname);
        }
        a->conflict_targets = tree_copy_list(c, o->targetList);
        a->conflict_where = tree_copy_node(c, o->whereClause);
    }
    a->returning = tree_copy_list(c, s->returningList);
    a->overriding = s->override == OVERRIDING_USER_VALUE ? 1 : s->override == OVERRIDING_SYSTEM_VALUE ? 2 : 0;
    return &a->ast;
}

static Ast *
copy_update(TreeCopy *c, const UpdateStmt *s)
{
    AstUpdate *a = MAKE(AstUpdate, AST_UPDATE, -1);

    copy_with(c, s->withClause, &a->ctes, &a->recursive);
    a->relation = tree_copy_range_var(c, s->relation);
    a->targets = tree_copy_list(c, s->targetList);
    a->from = tree_copy_list(c, s->fromClause);
    a->where = tree_copy_node(c, s->whereClause);
    a->returning = tree_copy_list(c, s->returningList);
    return &a->ast;
}

static Ast *
copy_delete(TreeCopy *c, const DeleteStmt *s)
{
    AstDelete *a = MAKE(AstDelete, AST_DELETE, -1);

    copy_with(c, s->withClause, &a->ctes, &a->recursive);
    a->relation = tree_copy_range_var(c, s->relation);
    a->using_list = tree_copy_list(c, s->usingClause);
    a->where = tree_copy_node(c, s->whereClause);
    a->returning = tree_copy_list(c, s->returningList);
    return &a->ast;
}

Ast *
tree_copy_query(TreeCopy *c, const Node *n)
{
    switch (nodeTag(n)) {
    case T_SelectStmt: return (Ast *)copy_select(c, (const SelectStmt *)n);
    case T_InsertStmt: return copy_insert(c, (const InsertStmt *)n);
    case T_UpdateStmt: return copy_update(c, (const UpdateStmt *)n);
    case T_DeleteStmt: return copy_delete(c, (const DeleteStmt *)n);
    case T_ResTarget: return copy_target(c, (const ResTarget *)n);
    case T_RangeVar: return (Ast *)tree_copy_range_var(c, (const RangeVar *)n);
    case T_RangeFunction: return copy_range_function(c, (const RangeFunction *)n);
    case T_JoinExpr: return copy_join(c, (const JoinExpr *)n);
    case T_SortBy: return copy_sort_by(c, (const SortBy *)n);
    case T_LockingClause: return copy_locking(c, (const LockingClause *)n);
    case T_CommonTableExpr: return copy_cte(c, (const CommonTableExpr *)n);
    case T_RangeSubselect: {
        const RangeSubselect *r = (const RangeSubselect *)n;
        AstRangeSubselect *a = MAKE(AstRangeSubselect, AST_RANGE_SUBSELECT, -1);

        a->lateral = r->lateral;
        a->query = tree_copy_node(c, r->subquery);
        tree_copy_alias(c, r->alias, &a->alias, &a->column_aliases);
        return &a->ast;
    }
    case T_RangeTableSample: return tree_refuse(c, -1, "TABLESAMPLE");
    case T_RangeTableFunc: return tree_refuse(c, -1, "XMLTABLE");
    case T_WindowDef: return tree_refuse(c, ((const WindowDef *)n)->location, "a window definition");
    case T_List: {
        AstListNode *a = MAKE(AstListNode, AST_LIST, -1);

        a->items = tree_copy_list(c, (const List *)n);
        return &a->ast;
    }
    default: return NULL;
    }
}
