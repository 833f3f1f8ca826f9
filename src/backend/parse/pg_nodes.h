/* src/backend/parse/pg_nodes.h - PostgreSQL's node declarations, made to live beside ours.
 *
 * The only file that includes them, and only the sources of parse/ include it. Names that both trees have
 * get a prefix; libpg_query's thread-local variables, which the server headers take for plain globals, are
 * hidden (grammar.c declares them as what they are). */
#ifndef PARSE_PG_NODES_H
#define PARSE_PG_NODES_H
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

#endif
