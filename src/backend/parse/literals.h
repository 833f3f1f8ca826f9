/* src/backend/parse/literals.h - a query's text with its literals taken out (rule X2).
 *
 * Two texts that differ only in literals have the same shape: each plain literal is replaced by one byte
 * that names its class, comments by a blank. The scan knows just enough of PostgreSQL's lexical rules to
 * be sure of what it takes; what it is not sure of stays in the shape as it is written. */
#ifndef PARSE_LITERALS_H
#define PARSE_LITERALS_H
#include "backend/type/type.h"

enum { LITERALS_MOST = 4096 };

typedef struct Literal {
    int at; /* offset of its first byte in the text */
    int bytes; /* quotes included */
    int minus_at; /* offset of a '-' right before it, which the grammar makes part of it; -1: none */
    Oid type; /* int4, int8 or numeric; unknown for a string */
    bool doubled; /* a string in which quotes are doubled */
    bool negative; /* set by the binder: the '-' was part of it */
    bool taken; /* set by the binder: it has become the parameter of this number */
} Literal;

typedef struct LiteralText {
    const char *sql;
    const char *shape;
    size_t shape_bytes;
    Literal *items;
    int count;
} LiteralText;

/* False when the text had better be taken as it is: several statements, too many literals, or something
 * the scan does not understand. Everything lies in `arena`; *out points into `sql`. */
MUST_CHECK bool literals_take(Arena *arena, const char *sql, LiteralText *out);
/* The literal that the grammar reports at this place (of its '-' when it has one); NULL: none. */
Literal *literals_find(const LiteralText *text, int location);
/* Whether two texts of the same shape agree in literal `i`, minus signs included. */
bool literal_same(const LiteralText *a, const LiteralText *b, int i);
/* The value as one of type `type`; errors are those of the type's input function. Lies in cx->arena or the
 * text. */
MUST_CHECK Status literal_value(Ctx *cx, const LiteralText *text, int i, bool negative, const TypeInfo *type,
                                Value *out);

#endif
