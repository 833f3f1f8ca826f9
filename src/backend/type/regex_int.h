/* regex_int.h - between the translator and the matcher. */
#ifndef TYPE_REGEX_INT_H
#define TYPE_REGEX_INT_H
#include "backend/type/regex.h"
#include "base/buf.h"

typedef enum RegexPreference { REGEX_FIRST, REGEX_LONGEST, REGEX_SHORTEST } RegexPreference;

typedef struct RegexSource {
    Buf pcre; /* the pattern in PCRE2's language */
    unsigned flags; /* with what the pattern's own options said */
    RegexPreference preference; /* FIRST: PCRE2's choice is the right one anyway */
    bool has_backreference;
} RegexSource;

/* NULL, or what is wrong with the pattern, in PostgreSQL's words. */
const char *regex_translate(VarRef pattern, unsigned flags, RegexSource *out);

#endif
