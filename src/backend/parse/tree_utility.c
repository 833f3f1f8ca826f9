/* tree_utility.c - statements about the session and the server, copied from the raw tree into ours. */
#include "backend/parse/parse_int.h"

static Ast *
copy_transaction(TreeCopy *c, const TransactionStmt *s)
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
    a->options = tree_copy_list(c, s->options);
    a->name = tree_copy_text(c, s->savepoint_name != NULL ? s->savepoint_name : s->gid);
    a->chain = s->chain;
    return &a->ast;
}

static Ast *
copy_set(TreeCopy *c, const VariableSetStmt *s)
{
    static const SetKind kinds[] = {
        [VAR_SET_VALUE] = SET_VALUE, [VAR_SET_DEFAULT] = SET_DEFAULT, [VAR_SET_CURRENT] = SET_CURRENT,
        [VAR_SET_MULTI] = SET_MULTI, [VAR_RESET] = SET_RESET,         [VAR_RESET_ALL] = SET_RESET_ALL,
    };
    AstSet *a = MAKE(AstSet, AST_SET, -1);

    a->set_kind = kinds[s->kind];
    a->name = tree_copy_text(c, s->name);
    a->args = tree_copy_list(c, s->args);
    a->is_local = s->is_local;
    return &a->ast;
}

static Ast *
copy_copy(TreeCopy *c, const CopyStmt *s)
{
    AstCopy *a = MAKE(AstCopy, AST_COPY, -1);

    a->relation = tree_copy_range_var(c, s->relation);
    a->query = tree_copy_node(c, s->query);
    a->columns = tree_copy_list(c, s->attlist);
    a->is_from = s->is_from;
    a->is_program = s->is_program;
    a->file = tree_copy_text(c, s->filename);
    a->options = tree_copy_list(c, s->options);
    a->where = tree_copy_node(c, s->whereClause);
    return &a->ast;
}

static Ast *
copy_vacuum(TreeCopy *c, const VacuumStmt *s)
{
    AstVacuum *a = MAKE(AstVacuum, AST_VACUUM, -1);
    const ListCell *cell;

    a->is_vacuum = s->is_vacuumcmd;
    a->options = tree_copy_list(c, s->options);
    a->relations.items = arena_array(c->arena, Ast *, list_length(s->rels));
    foreach (cell, s->rels) {
        const VacuumRelation *r = lfirst_node(VacuumRelation, cell);
        AstRangeVar *v = tree_copy_range_var(c, r->relation);

        v->column_aliases = tree_copy_list(c, r->va_cols);
        a->relations.items[a->relations.count++] = &v->ast;
    }
    return &a->ast;
}

static Ast *
copy_reindex(TreeCopy *c, const ReindexStmt *s)
{
    static const ReindexObject objects[] = {[REINDEX_OBJECT_INDEX] = REINDEX_INDEX,
                                            [REINDEX_OBJECT_TABLE] = REINDEX_TABLE,
                                            [REINDEX_OBJECT_SCHEMA] = REINDEX_SCHEMA,
                                            [REINDEX_OBJECT_SYSTEM] = REINDEX_SYSTEM,
                                            [REINDEX_OBJECT_DATABASE] = REINDEX_DATABASE};
    AstReindex *a = MAKE(AstReindex, AST_REINDEX, -1);

    a->object = objects[s->kind];
    a->relation = s->relation != NULL ? tree_copy_range_var(c, s->relation) : NULL;
    a->name = tree_copy_text(c, s->name);
    a->options = tree_copy_list(c, s->params);
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
copy_cursor(TreeCopy *c, const Node *n)
{
    AstCursor *a;

    if (IsA(n, DeclareCursorStmt)) {
        const DeclareCursorStmt *s = (const DeclareCursorStmt *)n;

        a = MAKE(AstCursor, AST_DECLARE_CURSOR, -1);
        a->name = tree_copy_text(c, s->portalname);
        a->query = tree_copy_node(c, s->query);
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
        a->name = tree_copy_text(c, s->portalname);
        a->direction = fetch_way(s->direction);
        a->how_many = s->howMany == FETCH_ALL ? INT64_MAX : s->howMany;
        a->is_move = s->ismove;
        return &a->ast;
    }
    a = MAKE(AstCursor, AST_CLOSE, -1);
    a->name = tree_copy_text(c, ((const ClosePortalStmt *)n)->portalname);
    return &a->ast;
}

static Ast *
copy_show(TreeCopy *c, const VariableShowStmt *s)
{
    AstShow *a = MAKE(AstShow, AST_SHOW, -1);

    a->name = tree_copy_text(c, s->name);
    return &a->ast;
}

static Ast *
copy_prepare(TreeCopy *c, const PrepareStmt *s)
{
    AstPrepare *a = MAKE(AstPrepare, AST_PREPARE, -1);

    a->name = tree_copy_text(c, s->name);
    a->types = tree_copy_list(c, s->argtypes);
    a->query = tree_copy_node(c, s->query);
    return &a->ast;
}

static Ast *
copy_execute(TreeCopy *c, const ExecuteStmt *s)
{
    AstExecute *a = MAKE(AstExecute, AST_EXECUTE, -1);

    a->name = tree_copy_text(c, s->name);
    a->args = tree_copy_list(c, s->params);
    return &a->ast;
}

static Ast *
copy_deallocate(TreeCopy *c, const DeallocateStmt *s)
{
    AstExecute *a = MAKE(AstExecute, AST_DEALLOCATE, -1);

    a->name = tree_copy_text(c, s->name);
    return &a->ast;
}

static Ast *
copy_lock(TreeCopy *c, const LockStmt *s)
{
    AstLock *a = MAKE(AstLock, AST_LOCK, -1);

    a->relations = tree_copy_list(c, s->relations);
    a->mode = s->mode;
    a->nowait = s->nowait;
    return &a->ast;
}

static Ast *
copy_discard(TreeCopy *c, const DiscardStmt *s)
{
    AstDiscard *a = MAKE(AstDiscard, AST_DISCARD, -1);

    a->what = (int)s->target;
    return &a->ast;
}

static Ast *
copy_explain(TreeCopy *c, const ExplainStmt *s)
{
    AstExplain *a = MAKE(AstExplain, AST_EXPLAIN, -1);

    a->query = tree_copy_node(c, s->query);
    if (c->rc == ST_OK && a->query->kind == AST_SELECT)
        a->query = tree_select_into((AstSelect *)a->query);
    a->options = tree_copy_list(c, s->options);
    return &a->ast;
}

Ast *
tree_copy_utility(TreeCopy *c, const Node *n)
{
    switch (nodeTag(n)) {
    case T_TransactionStmt: return copy_transaction(c, (const TransactionStmt *)n);
    case T_VariableSetStmt: return copy_set(c, (const VariableSetStmt *)n);
    case T_VariableShowStmt: return copy_show(c, (const VariableShowStmt *)n);
    case T_PrepareStmt: return copy_prepare(c, (const PrepareStmt *)n);
    case T_ExecuteStmt: return copy_execute(c, (const ExecuteStmt *)n);
    case T_DeallocateStmt: return copy_deallocate(c, (const DeallocateStmt *)n);
    case T_LockStmt: return copy_lock(c, (const LockStmt *)n);
    case T_DiscardStmt: return copy_discard(c, (const DiscardStmt *)n);
    case T_ExplainStmt: return copy_explain(c, (const ExplainStmt *)n);
    case T_CopyStmt: return copy_copy(c, (const CopyStmt *)n);
    case T_ReindexStmt: return copy_reindex(c, (const ReindexStmt *)n);
    case T_VacuumStmt: return copy_vacuum(c, (const VacuumStmt *)n);
    case T_DeclareCursorStmt:
    case T_FetchStmt:
    case T_ClosePortalStmt: return copy_cursor(c, n);
    case T_CheckPointStmt: return tree_make(c, sizeof(Ast), AST_CHECKPOINT, -1);
    case T_ConstraintsSetStmt: return tree_make(c, sizeof(Ast), AST_CONSTRAINTS_SET, -1);
    default: return NULL;
    }
}
