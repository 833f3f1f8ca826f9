/* tree_define.c - statements that make, change and drop objects, copied from the raw tree into ours. */
#include "backend/parse/parse_int.h"

static Ast *
copy_constraint(TreeCopy *c, const Constraint *n)
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
    a->name = tree_copy_text(c, n->conname);
    a->expr = tree_copy_node(c, n->raw_expr);
    a->generated_when = n->generated_when;
    a->keys = tree_copy_list(c, n->keys);
    a->including = tree_copy_list(c, n->including);
    a->options = tree_copy_list(c, n->options);
    a->using_index = tree_copy_text(c, n->indexname);
    a->deferrable = n->deferrable || n->contype == CONSTR_ATTR_DEFERRABLE || n->contype == CONSTR_ATTR_DEFERRED;
    a->initially_deferred = n->initdeferred || n->contype == CONSTR_ATTR_DEFERRED;
    a->not_valid = n->skip_validation;
    a->no_inherit = n->is_no_inherit;
    a->nulls_not_distinct = n->nulls_not_distinct;
    return &a->ast;
}

static Ast *
copy_column_def(TreeCopy *c, const ColumnDef *n)
{
    AstColumnDef *a = MAKE(AstColumnDef, AST_COLUMN_DEF, n->location);
    const char *schema;

    a->name = tree_copy_text(c, n->colname);
    a->type = tree_copy_type_name(c, n->typeName);
    a->constraints = tree_copy_list(c, n->constraints);
    if (n->collClause != NULL)
        a->collation = tree_copy_name(c, n->collClause->collname, &schema);
    if (n->compression != NULL)
        return tree_refuse(c, n->location, "a compression method for a column");
    return &a->ast;
}

static Ast *
copy_def_elem(TreeCopy *c, const DefElem *n)
{
    AstDefElem *a = MAKE(AstDefElem, AST_DEF_ELEM, n->location);

    a->name = tree_copy_text(c, n->defname);
    a->name_space = tree_copy_text(c, n->defnamespace);
    if (n->arg != NULL && IsA(n->arg, RoleSpec))
        a->value = tree_copy_string(c, ((const RoleSpec *)n->arg)->rolename);
    else
        a->value = tree_copy_node(c, n->arg);
    return &a->ast;
}

static Ast *
copy_index_elem(TreeCopy *c, const IndexElem *n)
{
    AstIndexElem *a = MAKE(AstIndexElem, AST_INDEX_ELEM, -1);
    const char *schema;

    a->column = tree_copy_text(c, n->name);
    a->expr = tree_copy_node(c, n->expr);
    a->collation = tree_copy_name(c, n->collation, &schema);
    a->opclass = tree_copy_name(c, n->opclass, &schema);
    a->descending = n->ordering == SORTBY_DESC;
    a->nulls_given = n->nulls_ordering != SORTBY_NULLS_DEFAULT;
    a->nulls_first = n->nulls_ordering == SORTBY_NULLS_FIRST;
    return &a->ast;
}

static Ast *
copy_create_table(TreeCopy *c, const CreateStmt *s)
{
    AstCreateTable *a = MAKE(AstCreateTable, AST_CREATE_TABLE, -1);
    const ListCell *cell;
    int columns = 0, constraints = 0;

    a->relation = tree_copy_range_var(c, s->relation);
    a->unlogged = s->relation->relpersistence == 'u';
    a->if_not_exists = s->if_not_exists;
    a->options = tree_copy_list(c, s->options);
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
            a->columns.items[columns++] = tree_copy_node(c, lfirst(cell));
        else if (IsA(lfirst(cell), Constraint))
            a->constraints.items[constraints++] = tree_copy_node(c, lfirst(cell));
        else
            a->unsupported = "CREATE TABLE ... LIKE";
    }
    foreach (cell, s->constraints)
        a->constraints.items[constraints++] = tree_copy_node(c, lfirst(cell));
    a->columns.count = columns;
    a->constraints.count = constraints;
    return &a->ast;
}

static Ast *
copy_create_table_as(TreeCopy *c, const CreateTableAsStmt *s)
{
    AstCreateTableAs *a = tree_copy_into(c, s->into);

    a->query = tree_copy_node(c, s->query);
    a->if_not_exists = s->if_not_exists;
    a->materialized = s->objtype == OBJECT_MATVIEW;
    return &a->ast;
}

#define REFUSED_ALTER(subtype, name) [AT_##subtype] = (name),
static const char *const refused_alters[] = {
#include "backend/parse/refused.def"
};

static const char *
alter_other(AlterTableType type)
{
    if (type < sizeof refused_alters / sizeof refused_alters[0] && refused_alters[type] != NULL)
        return refused_alters[type];
    return "this form of ALTER TABLE";
}

static Ast *
copy_alter_cmd(TreeCopy *c, const AlterTableCmd *n)
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
    case AT_ChangeOwner:
        a->alter_kind = ALTER_OWNER;
        a->name = tree_role_name(c, n->newowner);
        return &a->ast;
    case AT_SetRelOptions:
    case AT_ResetRelOptions:
        a->alter_kind = n->subtype == AT_SetRelOptions ? ALTER_SET_OPTIONS : ALTER_RESET_OPTIONS;
        a->options = tree_copy_list(c, (const List *)n->def);
        return &a->ast;
    default:
        a->alter_kind = ALTER_OTHER;
        a->what = alter_other(n->subtype);
        return &a->ast;
    }
    a->name = tree_copy_text(c, n->name);
    a->def = tree_copy_node(c, n->def);
    a->cascade = n->behavior == DROP_CASCADE;
    a->missing_ok = n->missing_ok;
    return &a->ast;
}

static Ast *
copy_create_index(TreeCopy *c, const IndexStmt *s)
{
    AstCreateIndex *a = MAKE(AstCreateIndex, AST_CREATE_INDEX, -1);

    a->name = tree_copy_text(c, s->idxname);
    a->relation = tree_copy_range_var(c, s->relation);
    a->method = tree_copy_text(c, s->accessMethod);
    a->columns = tree_copy_list(c, s->indexParams);
    a->including = tree_copy_list(c, s->indexIncludingParams);
    a->where = tree_copy_node(c, s->whereClause);
    a->options = tree_copy_list(c, s->options);
    a->unique = s->unique;
    a->concurrent = s->concurrent;
    a->if_not_exists = s->if_not_exists;
    a->nulls_not_distinct = s->nulls_not_distinct;
    if (s->tableSpace != NULL)
        return tree_refuse(c, -1, "TABLESPACE");
    return &a->ast;
}

static Ast *
copy_drop(TreeCopy *c, const DropStmt *s)
{
    AstDrop *a = MAKE(AstDrop, AST_DROP, -1);
    const ListCell *cell;

    a->object = tree_object_letter(s->removeType);
    a->what = "DROP of this kind of object";
    if (strchr("riSnv", a->object) == NULL || a->object == 0)
        return tree_refuse(c, -1, a->what);
    a->names.items = arena_array(c->arena, Ast *, list_length(s->objects));
    foreach (cell, s->objects) {
        AstListNode *name = MAKE(AstListNode, AST_LIST, -1);

        if (IsA(lfirst(cell), List)) {
            name->items = tree_copy_list(c, lfirst(cell));
        } else {
            name->items.items = arena_array(c->arena, Ast *, 1);
            name->items.items[name->items.count++] = tree_copy_node(c, lfirst(cell));
        }
        a->names.items[a->names.count++] = &name->ast;
    }
    a->cascade = s->behavior == DROP_CASCADE;
    a->missing_ok = s->missing_ok;
    a->concurrent = s->concurrent;
    return &a->ast;
}

static Ast *
copy_sequence(TreeCopy *c, AstKind kind, const RangeVar *name, const List *options, bool if_not_exists,
              bool missing_ok)
{
    AstSequence *a = MAKE(AstSequence, kind, -1);

    a->sequence = tree_copy_range_var(c, name);
    a->options = tree_copy_list(c, options);
    a->if_not_exists = if_not_exists;
    a->missing_ok = missing_ok;
    return &a->ast;
}

static Ast *
copy_database(TreeCopy *c, AstKind kind, const char *name, const List *options, bool missing_ok)
{
    AstDatabase *a = MAKE(AstDatabase, kind, -1);

    a->name = tree_copy_text(c, name);
    a->options = tree_copy_list(c, options);
    a->missing_ok = missing_ok;
    return &a->ast;
}

static Ast *
copy_rename(TreeCopy *c, const RenameStmt *s)
{
    AstRename *a = MAKE(AstRename, AST_RENAME, -1);

    a->object = tree_object_letter(s->renameType);
    if (a->object == 0)
        return tree_refuse(c, -1, "RENAME of this kind of object");
    a->relation = tree_copy_range_var(c, s->relation);
    a->old_name = tree_copy_text(c, s->subname);
    a->new_name = tree_copy_text(c, s->newname);
    a->missing_ok = s->missing_ok;
    return &a->ast;
}

static Ast *
copy_comment(TreeCopy *c, const CommentStmt *s)
{
    AstComment *a = MAKE(AstComment, AST_COMMENT, -1);

    a->object = tree_object_letter(s->objtype);
    if (a->object == 0)
        return tree_refuse(c, -1, "COMMENT on this kind of object");
    if (IsA(s->object, List)) {
        a->names = tree_copy_list(c, (const List *)s->object);
    } else {
        a->names.items = arena_array(c->arena, Ast *, 1);
        a->names.items[a->names.count++] = tree_copy_node(c, s->object);
    }
    a->text = tree_copy_text(c, s->comment);
    return &a->ast;
}

static Ast *
copy_alter_table(TreeCopy *c, const AlterTableStmt *s)
{
    AstAlterTable *a = MAKE(AstAlterTable, AST_ALTER_TABLE, -1);

    a->relation = tree_copy_range_var(c, s->relation);
    a->commands = tree_copy_list(c, s->cmds);
    a->missing_ok = s->missing_ok;
    a->object = tree_object_letter(s->objtype);
    return &a->ast;
}

static Ast *
copy_truncate(TreeCopy *c, const TruncateStmt *s)
{
    AstTruncate *a = MAKE(AstTruncate, AST_TRUNCATE, -1);

    a->relations = tree_copy_list(c, s->relations);
    a->restart_sequences = s->restart_seqs;
    a->cascade = s->behavior == DROP_CASCADE;
    return &a->ast;
}

static Ast *
copy_create_schema(TreeCopy *c, const CreateSchemaStmt *s)
{
    AstCreateSchema *a = MAKE(AstCreateSchema, AST_CREATE_SCHEMA, -1);

    a->name = tree_copy_text(c, s->schemaname);
    a->owner = tree_role_name(c, s->authrole);
    a->elements = tree_copy_list(c, s->schemaElts);
    a->if_not_exists = s->if_not_exists;
    return &a->ast;
}

Ast *
tree_copy_definition(TreeCopy *c, const Node *n)
{
    switch (nodeTag(n)) {
    case T_ColumnDef: return copy_column_def(c, (const ColumnDef *)n);
    case T_Constraint: return copy_constraint(c, (const Constraint *)n);
    case T_DefElem: return copy_def_elem(c, (const DefElem *)n);
    case T_IndexElem: return copy_index_elem(c, (const IndexElem *)n);
    case T_AlterTableCmd: return copy_alter_cmd(c, (const AlterTableCmd *)n);
    case T_AlterTableStmt: return copy_alter_table(c, (const AlterTableStmt *)n);
    case T_TruncateStmt: return copy_truncate(c, (const TruncateStmt *)n);
    case T_CreateSchemaStmt: return copy_create_schema(c, (const CreateSchemaStmt *)n);
    case T_CreateStmt: return copy_create_table(c, (const CreateStmt *)n);
    case T_CreateTableAsStmt: return copy_create_table_as(c, (const CreateTableAsStmt *)n);
    case T_IndexStmt: return copy_create_index(c, (const IndexStmt *)n);
    case T_DropStmt: return copy_drop(c, (const DropStmt *)n);
    case T_RenameStmt: return copy_rename(c, (const RenameStmt *)n);
    case T_CommentStmt: return copy_comment(c, (const CommentStmt *)n);
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
    default: return NULL;
    }
}
