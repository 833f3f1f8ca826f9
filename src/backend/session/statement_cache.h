/* src/backend/session/statement_cache.h - plans of statements that nobody prepared (rule X2).
 *
 * A statement is found again by its text with the literals taken out, by the declared types of its
 * parameters, and by who asks under which settings. Literals that binding or planning had to know are
 * part of the key too. The first time a text is seen only its hash is noted; the second time its plan
 * is kept, so statements that come once cost nothing.
 *
 * One cache belongs to one session; it holds a bounded number of statements, the least recently used
 * makes room. Entries made for older catalogs are thrown away when they are met. */
#ifndef SESSION_STATEMENT_CACHE_H
#define SESSION_STATEMENT_CACHE_H
#include "backend/session/session.h"

typedef struct StatementCache StatementCache;

typedef struct StatementKey {
    const LiteralText *text; /* its literals are parameters, or (count 0) it is exact */
    const Oid *types; /* declared parameter types: extended protocol */
    int type_count;
    uint64_t environment; /* settings, role, branch */
    uint64_t hash; /* of all of the above but the literals' values */
} StatementKey;

StatementCache *statement_cache_new(Arena *session);
/* Of every text; `text` and `types` must live as long as the key. */
StatementKey statement_key(Session *s, const LiteralText *text, const Oid *types, int type_count);
/* NULL: it is not there. What is returned is up to date as far as the session knows (K1). */
Prepared *statement_cache_find(Session *s, const StatementKey *key);
/* Whether the text has been seen before and was not refused: then it is worth keeping. Notes it. */
bool statement_cache_wants(Session *s, const StatementKey *key);
/* Texts of this shape have to be bound with their literals. */
void statement_cache_refuse(Session *s, const StatementKey *key);
/* Takes a planned statement (or a transaction command) over. p->literals says which literals it depends
 * on: those not taken as parameters. */
void statement_cache_put(Session *s, const StatementKey *key, Prepared *p);
void statement_cache_clear(Session *s);

#endif
