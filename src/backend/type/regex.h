/* src/backend/type/regex.h - regular expressions: PostgreSQL's language on PCRE2 with its JIT.
 *
 * The pattern is translated (regex_translate.c). PostgreSQL's rule is leftmost-longest (or -shortest, if
 * the first quantifier is a lazy one); PCRE2's is the first alternative that fits. Where the two can
 * differ, PCRE2's second matcher, which follows all alternatives at once, first finds where the match
 * ends, and the ordinary one is then held to that end to find the groups. */
#ifndef TYPE_REGEX_H
#define TYPE_REGEX_H
#include "backend/type/value.h"
#include "base/ctx.h"

/* Compiled patterns of one session, the most recently used. Belongs to one thread at a time. NULL in
 * FormatSettings means that every call compiles anew. */
typedef struct RegexCache RegexCache;
RegexCache *regex_cache_create(void);
void regex_cache_free(RegexCache *cache);

typedef struct Regex Regex;

typedef enum RegexFlags {
    REGEX_ANY_CASE = 1,
    REGEX_NEWLINE_DOT = 2, /* . and [^ do not match a newline */
    REGEX_NEWLINE_ANCHOR = 4, /* ^ and $ match at newlines */
    REGEX_EXPANDED = 8,
    REGEX_LITERAL = 16,
    REGEX_GLOBAL = 32 /* not of the pattern: all matches */
} RegexFlags;

enum { REGEX_GROUPS_MOST = 64 };
typedef struct RegexMatch {
    /* Byte offsets; [0] is the whole match. -1 when the group took no part. */
    int64_t start[REGEX_GROUPS_MOST], end[REGEX_GROUPS_MOST];
} RegexMatch;

/* 2201B 'invalid regular expression: ...'. Give it back with regex_release. */
MUST_CHECK Status regex_acquire(Ctx *cx, VarRef pattern, unsigned flags, Regex **out);
void regex_release(Ctx *cx, Regex *regex);
int regex_group_count(const Regex *regex);
/* The first match at or after the byte `from`. `match` may be NULL when only *found matters. */
MUST_CHECK Status regex_match(Ctx *cx, Regex *regex, VarRef text, size_t from, RegexMatch *match, bool *found);
/* The letters of a flags argument; 22023 for one that is none. */
MUST_CHECK Status regex_flags(Ctx *cx, VarRef letters, unsigned *flags);

#endif
