/* tree.c - PostgreSQL's raw tree copied into ours: what all kinds of node share, and which file knows which kind.
 *
 * Copying recurses; ctx_check_stack bounds it. The copy says 0A000 for what the grammar knows and we do
 * not; statements that only have a name here stand in refused.def. */
#include "backend/parse/parse_int.h"

void *
tree_refuse(TreeCopy *c, int location, const char *what)
{
    if (c->rc == ST_OK)
        c->rc = fail_unsupported(c->cx, location, what);
    return NULL;
}

void *
tree_make(TreeCopy *c, size_t bytes, AstKind kind, int location)
{
    Ast *a = arena_zalloc(c->arena, bytes);

    a->kind = kind;
    a->location = location;
    return a;
}

const char *
tree_copy_text(TreeCopy *c, const char *s)
{
    return s != NULL ? arena_strdup(c->arena, s) : NULL;
}

AstList
tree_copy_list(TreeCopy *c, const List *l)
{
    AstList out = {0};
    const ListCell *cell;

    if (l == NIL)
        return out;
    out.items = arena_array(c->arena, Ast *, list_length(l));
    foreach (cell, l)
        out.items[out.count++] = tree_copy_node(c, lfirst(cell));
    return out;
}

Ast *
tree_copy_string(TreeCopy *c, const char *s)
{
    AstString *a = MAKE(AstString, AST_STRING, -1);

    a->text = tree_copy_text(c, s);
    return &a->ast;
}

/* The last part of a possibly qualified name; the part before it in *schema. pg_catalog counts as a
 * schema like any other. */
const char *
tree_copy_name(TreeCopy *c, const List *names, const char **schema)
{
    int n = list_length(names);

    *schema = NULL;
    if (n == 0)
        return NULL;
    if (n > 1)
        *schema = tree_copy_text(c, strVal(list_nth(names, n - 2)));
    return tree_copy_text(c, strVal(list_nth(names, n - 1)));
}

AstTypeName *
tree_copy_type_name(TreeCopy *c, const TypeName *t)
{
    AstTypeName *a;

    if (t == NULL)
        return NULL;
    a = MAKE(AstTypeName, AST_TYPE_NAME, t->location);
    a->name = tree_copy_name(c, t->names, &a->schema);
    a->typmods = tree_copy_list(c, t->typmods);
    a->array_dims = list_length(t->arrayBounds);
    a->setof = t->setof;
    a->is_percent_type = t->pct_type;
    return a;
}

void
tree_copy_alias(TreeCopy *c, const Alias *from, const char **alias, AstList *columns)
{
    if (from == NULL)
        return;
    *alias = tree_copy_text(c, from->aliasname);
    *columns = tree_copy_list(c, from->colnames);
}

AstRangeVar *
tree_copy_range_var(TreeCopy *c, const RangeVar *r)
{
    AstRangeVar *a;

    if (r == NULL)
        return NULL;
    a = MAKE(AstRangeVar, AST_RANGE_VAR, r->location);
    a->catalog = tree_copy_text(c, r->catalogname);
    a->schema = tree_copy_text(c, r->schemaname);
    a->name = tree_copy_text(c, r->relname);
    a->only = !r->inh;
    a->temporary = r->relpersistence == 't';
    tree_copy_alias(c, r->alias, &a->alias, &a->column_aliases);
    return a;
}

char
tree_object_letter(ObjectType t)
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

#define REFUSED_STATEMENT(node, name) [T_##node] = (name),
static const char *const refused_statements[] = {
#include "backend/parse/refused.def"
};

/* The name by which an unsupported statement is refused. */
static const char *
statement_name(NodeTag tag)
{
    if (tag < sizeof refused_statements / sizeof refused_statements[0] && refused_statements[tag] != NULL)
        return refused_statements[tag];
    return "this statement";
}

static Ast *
copy_by_kind(TreeCopy *c, const Node *n)
{
    static Ast *(*const families[])(TreeCopy * c, const Node *n) = {
        tree_copy_expression, tree_copy_query, tree_copy_definition, tree_copy_role, tree_copy_utility,
    };
    Ast *a = NULL;

    for (size_t i = 0; i < sizeof families / sizeof families[0] && a == NULL && c->rc == ST_OK; i++)
        a = families[i](c, n);
    return a;
}

Ast *
tree_copy_node(TreeCopy *c, const void *node)
{
    const Node *n = node;
    Ast *a;

    if (n == NULL || c->rc != ST_OK)
        return NULL;
    c->rc = ctx_check_stack(c->cx);
    if (c->rc != ST_OK)
        return NULL;
    a = copy_by_kind(c, n);
    if (a == NULL && c->rc == ST_OK)
        tree_refuse(c, -1, statement_name(nodeTag(n)));
    return a;
}
