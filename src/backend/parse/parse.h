/* src/backend/parse/parse.h - query text to tree, with PostgreSQL 15's own grammar. */
#ifndef PARSE_PARSE_H
#define PARSE_PARSE_H
#include "backend/parse/ast.h"
#include "base/ctx.h"

/* Parses a query string of any number of statements. `sql` is valid UTF-8 and NUL-terminated. Syntax
 * errors carry the grammar's SQLSTATE and position; what the grammar knows and we do not is 0A000;
 * 54001 for trees too deep to walk. Nodes lie in `arena`. */
MUST_CHECK Status parse_sql(Ctx *cx, Arena *arena, const char *sql, AstStatement **out, int *count);
/* A single expression, as stored for defaults and checks. */
MUST_CHECK Status parse_expression(Ctx *cx, Arena *arena, const char *sql, Ast **out);
/* A single type name: "numeric(10,2)[]", for regtype input. */
MUST_CHECK Status parse_type_name(Ctx *cx, Arena *arena, const char *text, AstTypeName **out);

/* A word that cannot stand as a name without quotes (reserved, or a type or column name keyword). */
bool keyword_needs_quotes(const char *word);

#endif
