/* src/backend/parse/parse_int.h - copying PostgreSQL's raw tree into ours, shared by the sources of parse/.
 *
 * Every copying function takes NULL for NULL. The first failure is kept in TreeCopy.rc; the functions go on
 * with NULL so that they can be written without a branch at every node. */
#ifndef PARSE_PARSE_INT_H
#define PARSE_PARSE_INT_H
#include "backend/parse/pg_nodes.h"

#include "backend/parse/ast.h"
#include "base/ctx.h"

typedef struct TreeCopy {
    Ctx *cx;
    Arena *arena;
    Status rc;
} TreeCopy;

/* Keeps 0A000 with this name as the failure, unless there was one before; NULL. */
void *tree_refuse(TreeCopy *c, int location, const char *what);

/* A node of ours, zeroed. */
void *tree_make(TreeCopy *c, size_t bytes, AstKind kind, int location);
#define MAKE(Type, KIND, location) ((Type *)tree_make(c, sizeof(Type), (KIND), (location)))

/* Any node. What no file knows is refused with its name. */
Ast *tree_copy_node(TreeCopy *c, const void *node);
AstList tree_copy_list(TreeCopy *c, const List *l);

const char *tree_copy_text(TreeCopy *c, const char *s);
Ast *tree_copy_string(TreeCopy *c, const char *s);
/* The last part of a possibly qualified name; the part before it in *schema. pg_catalog counts as a
 * schema like any other. */
const char *tree_copy_name(TreeCopy *c, const List *names, const char **schema);
AstTypeName *tree_copy_type_name(TreeCopy *c, const TypeName *t);
/* Leaves both untouched where there is no alias. */
void tree_copy_alias(TreeCopy *c, const Alias *from, const char **alias, AstList *columns);
AstRangeVar *tree_copy_range_var(TreeCopy *c, const RangeVar *r);
/* The target of SELECT INTO or CREATE TABLE AS: all but the query. */
AstCreateTableAs *tree_copy_into(TreeCopy *c, const IntoClause *into);
const char *tree_role_name(TreeCopy *c, const RoleSpec *r);
/* The letter ast.h has for a kind of object; 0 for one we do not know. */
char tree_object_letter(ObjectType t);

/* SELECT ... INTO t is CREATE TABLE t AS SELECT ...; of a UNION it stands in the first SELECT. */
Ast *tree_select_into(AstSelect *s);

/* One family of nodes each. NULL with c->rc still ST_OK: a node of another family. */
Ast *tree_copy_expression(TreeCopy *c, const Node *n);
Ast *tree_copy_query(TreeCopy *c, const Node *n);
Ast *tree_copy_definition(TreeCopy *c, const Node *n);
Ast *tree_copy_role(TreeCopy *c, const Node *n);
Ast *tree_copy_utility(TreeCopy *c, const Node *n);

#endif
