/* regex_translate.c - from PostgreSQL's advanced regular expressions to PCRE2's.
 *
 * The two languages are close. What differs: escapes (\y \m \M \A \Z, \b is a backspace), what ^ $ . match,
 * what is an error, and which of several matches is taken. Everything PCRE2 has and PostgreSQL does not
 * (possessive quantifiers, verbs, named groups, \p, \K, ...) is refused or taken literally, as PostgreSQL
 * does. */
#include "backend/type/regex_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

static const char unbalanced_parentheses[] = "parentheses () not balanced";
static const char unbalanced_brackets[] = "brackets [] not balanced";
static const char unbalanced_braces[] = "braces {} not balanced";
static const char bad_quantifier[] = "quantifier operand invalid";
static const char bad_escape[] = "invalid escape \\ sequence";
static const char bad_repetition[] = "invalid repetition count(s)";
static const char bad_range[] = "invalid character range";
static const char bad_class[] = "invalid character class";
static const char bad_reference[] = "invalid backreference number";

enum { NESTING_MOST = 250, REPETITION_MOST = 255 };

typedef struct Translator {
    const char *p, *end;
    Buf *out;
    RegexSource *source;
    unsigned flags;
    int groups, open_count;
    bool open_lazy[NESTING_MOST]; /* groups whose quantifiers are to be lazy (SQL's substring) */
    bool open_undecided[NESTING_MOST]; /* nothing was quantified before the group */
    bool open_branches[NESTING_MOST]; /* the group has alternatives, which makes it a greedy one */
    bool closed_undecided; /* likewise of the group that was closed last */
    bool can_quantify; /* an atom has just been written */
    bool has_branches, top_branches, quantified_group, saw_lazy, saw_greedy, first_is_lazy;
} Translator;

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
expanded(const Translator *t)
{
    return (t->flags & REGEX_EXPANDED) != 0;
}

/* One character that means itself. */
static void
put_literal(Translator *t, uint32_t c)
{
    char utf8[4];
    int n;

    if (c < 0x80) {
        if (!is_word((char)c) && c > 0x20)
            buf_add_char(t->out, '\\');
        else if (c <= 0x20) {
            buf_printf(t->out, "\\x{%x}", c);
            return;
        }
        buf_add_char(t->out, (char)c);
        return;
    }
    n = utf8_encode(c, utf8);
    buf_add(t->out, utf8, (size_t)n);
}

/* --- escapes --------------------------------------------------------------------------------------------------------- */
static int
hex_value(char c)
{
    return is_digit(c)            ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool
read_hex(Translator *t, int least, int most, uint32_t *out)
{
    int n = 0;

    *out = 0;
    while (n < most && t->p < t->end && hex_value(*t->p) >= 0) {
        if (*out > 0x10ffff)
            return false;
        *out = *out * 16 + (uint32_t)hex_value(*t->p++);
        n++;
    }
    return n >= least && *out <= 0x10ffff;
}

/* Escapes that stand for one character, in brackets and outside. False: it is none of them. */
static bool
character_escape(Translator *t, char c, uint32_t *out, const char **problem)
{
    *problem = NULL;
    switch (c) {
    case 'a': *out = 7; return true;
    case 'b': *out = 8; return true;
    case 'B': *out = '\\'; return true;
    case 'e': *out = 27; return true;
    case 'f': *out = 12; return true;
    case 'n': *out = 10; return true;
    case 'r': *out = 13; return true;
    case 't': *out = 9; return true;
    case 'v': *out = 11; return true;
    case 'c':
        if (t->p == t->end) {
            *problem = bad_escape;
            return true;
        }
        *out = (uint32_t)*t->p++ & 31;
        return true;
    case 'u':
    case 'U':
    case 'x':
        if (!read_hex(t, c == 'u' ? 4 : c == 'U' ? 8 : 1, c == 'u' ? 4 : c == 'U' ? 8 : 255, out))
            *problem = bad_escape;
        return true;
    case '0':
        *out = 0;
        for (int n = 0; n < 2 && t->p < t->end && *t->p >= '0' && *t->p <= '7'; n++)
            *out = *out * 8 + (uint32_t)(*t->p++ - '0');
        return true;
    default: return false;
    }
}

static const char *
back_reference(Translator *t, char first)
{
    const char *start = t->p;
    int n = first - '0';

    while (t->p < t->end && is_digit(*t->p) && n < 1000)
        n = n * 10 + (*t->p++ - '0');
    if (n > t->groups && t->p > start) { /* more digits than groups: perhaps octal */
        uint32_t c = (uint32_t)(first - '0');

        t->p = start;
        for (int i = 0; i < 2 && t->p < t->end && *t->p >= '0' && *t->p <= '7'; i++)
            c = c * 8 + (uint32_t)(*t->p++ - '0');
        put_literal(t, c);
        return NULL;
    }
    if (n > t->groups)
        return bad_reference;
    t->source->has_backreference = true;
    buf_printf(t->out, "\\g{%d}", n);
    return NULL;
}

static const char *
translate_escape(Translator *t)
{
    const char *problem;
    uint32_t c;
    char e;

    if (t->p == t->end)
        return bad_escape;
    e = *t->p++;
    t->can_quantify = true;
    if (!is_word(e)) {
        int n;

        t->p--;
        c = utf8_decode(t->p, &n);
        t->p += n;
        put_literal(t, c);
        return NULL;
    }
    if (character_escape(t, e, &c, &problem)) {
        if (problem == NULL)
            put_literal(t, c);
        return problem;
    }
    if (is_digit(e))
        return back_reference(t, e);
    switch (e) {
    case 'd': buf_add_text(t->out, "[[:digit:]]"); return NULL;
    case 's': buf_add_text(t->out, "[[:space:]]"); return NULL;
    case 'w': buf_add_text(t->out, "\\w"); return NULL;
    case 'D':
        buf_add_text(t->out, t->flags & REGEX_NEWLINE_DOT ? "[^[:digit:]\\n]" : "[^[:digit:]]");
        return NULL;
    case 'S': buf_add_text(t->out, "[^[:space:]]"); return NULL;
    case 'W': buf_add_text(t->out, t->flags & REGEX_NEWLINE_DOT ? "[^\\w\\n]" : "\\W"); return NULL;
    default: break;
    }
    t->can_quantify = false; /* the rest are places, not characters */
    switch (e) {
    case 'A': buf_add_text(t->out, "\\A"); return NULL;
    case 'Z': buf_add_text(t->out, "\\z"); return NULL;
    case 'y': buf_add_text(t->out, "\\b"); return NULL;
    case 'Y': buf_add_text(t->out, "\\B"); return NULL;
    case 'm': buf_add_text(t->out, "\\b(?=\\w)"); return NULL;
    case 'M': buf_add_text(t->out, "\\b(?<=\\w)"); return NULL;
    default: return bad_escape;
    }
}

/* --- brackets ----------------------------------------------------------------------------------------------------------- */
/* [:name:], [.c.], [=c=]; the opening pair has been seen. */
static const char *
bracket_special(Translator *t, char kind, bool *was_class, uint32_t *c)
{
    static const char *const names[] = {"alnum", "alpha", "blank", "cntrl", "digit",  "graph", "lower",
                                        "print", "punct", "space", "upper", "xdigit", "word"};
    const char *start = t->p;
    size_t bytes;
    int n;

    while (t->p + 1 < t->end && !(t->p[0] == kind && t->p[1] == ']'))
        t->p++;
    if (t->p + 1 >= t->end)
        return unbalanced_brackets;
    bytes = (size_t)(t->p - start);
    t->p += 2;
    *was_class = kind == ':';
    if (kind == ':') {
        for (size_t i = 0; i < COUNT_OF(names); i++) {
            if (strlen(names[i]) == bytes && memcmp(names[i], start, bytes) == 0) {
                buf_printf(t->out, "[:%s:]", names[i]);
                return NULL;
            }
        }
        return bad_class;
    }
    if (bytes == 0 || (size_t)utf8_char_bytes(*start) != bytes)
        return "invalid collating element";
    *c = utf8_decode(start, &n);
    return NULL;
}

/* One character or class inside brackets. */
static const char *
bracket_item(Translator *t, bool *was_class, uint32_t *c)
{
    const char *problem;
    int n;

    *was_class = false;
    if (*t->p == '[' && t->p + 1 < t->end && strchr(":.=", t->p[1]) != NULL) {
        char kind = t->p[1];

        t->p += 2;
        return bracket_special(t, kind, was_class, c);
    }
    if (*t->p == '\\') {
        char e;

        if (t->p + 1 >= t->end)
            return bad_escape;
        e = t->p[1];
        t->p += 2;
        if (!is_word(e)) {
            t->p--;
            *c = utf8_decode(t->p, &n);
            t->p += n;
            return NULL;
        }
        if (character_escape(t, e, c, &problem))
            return problem;
        *was_class = true;
        switch (e) {
        case 'd': buf_add_text(t->out, "[:digit:]"); return NULL;
        case 's': buf_add_text(t->out, "[:space:]"); return NULL;
        case 'w': buf_add_text(t->out, "\\w"); return NULL;
        case 'D': buf_add_text(t->out, "\\D"); return NULL;
        case 'S': buf_add_text(t->out, "\\S"); return NULL;
        case 'W': buf_add_text(t->out, "\\W"); return NULL;
        default: return bad_escape;
        }
    }
    *c = utf8_decode(t->p, &n);
    t->p += n;
    return NULL;
}

static const char *
translate_bracket(Translator *t)
{
    bool first = true;

    if (t->end - t->p >= 6 && (memcmp(t->p, "[:<:]]", 6) == 0 || memcmp(t->p, "[:>:]]", 6) == 0)) {
        buf_add_text(t->out, t->p[2] == '<' ? "\\b(?=\\w)" : "\\b(?<=\\w)");
        t->p += 6;
        t->can_quantify = false;
        return NULL;
    }
    buf_add_char(t->out, '[');
    if (t->p < t->end && *t->p == '^') {
        t->p++;
        buf_add_char(t->out, '^');
        if (t->flags & REGEX_NEWLINE_DOT)
            buf_add_text(t->out, "\\n");
    }
    for (;; first = false) {
        uint32_t low = 0, high = 0;
        bool was_class;
        const char *problem;

        if (t->p >= t->end)
            return unbalanced_brackets;
        if (*t->p == ']' && !first) {
            t->p++;
            break;
        }
        problem = bracket_item(t, &was_class, &low);
        if (problem != NULL)
            return problem;
        if (t->p + 1 < t->end && t->p[0] == '-' && t->p[1] != ']') {
            if (was_class)
                return bad_range;
            t->p++;
            problem = bracket_item(t, &was_class, &high);
            if (problem != NULL)
                return problem;
            if (was_class || high < low)
                return bad_range;
            put_literal(t, low);
            buf_add_char(t->out, '-');
            put_literal(t, high);
        } else if (!was_class) {
            put_literal(t, low);
        }
    }
    buf_add_char(t->out, ']');
    t->can_quantify = true;
    return NULL;
}

/* --- quantifiers --------------------------------------------------------------------------------------------------------- */
static const char *
read_bound(Translator *t, int *low, int *high, bool *is_range)
{
    char *end;
    long n;

    n = strtol(t->p, &end, 10); /* the text is ended by NUL */
    if (n > REPETITION_MOST)
        return bad_repetition;
    *low = *high = (int)n;
    *is_range = false;
    t->p = end;
    if (t->p < t->end && *t->p == ',') {
        t->p++;
        *high = -1;
        *is_range = true;
        if (t->p < t->end && is_digit(*t->p)) {
            n = strtol(t->p, &end, 10);
            if (n > REPETITION_MOST || n < *low)
                return bad_repetition;
            *high = (int)n;
            t->p = end;
        }
    }
    if (t->p >= t->end)
        return unbalanced_braces;
    if (*t->p != '}')
        return bad_repetition;
    t->p++;
    return NULL;
}

static bool
starts_quantifier(const Translator *t)
{
    return t->p < t->end && (*t->p == '*' || *t->p == '+' || *t->p == '?' ||
                             (*t->p == '{' && t->p + 1 < t->end && is_digit(t->p[1])));
}

static const char *
translate_quantifier(Translator *t, bool after_group)
{
    int low, high;
    char c = *t->p++;
    bool lazy = false, is_choice = true;
    const char *problem;

    if (!t->can_quantify)
        return bad_quantifier;
    t->can_quantify = false;
    if (c == '{') {
        problem = read_bound(t, &low, &high, &is_choice);
        if (problem != NULL)
            return problem;
        if (high < 0)
            buf_printf(t->out, "{%d,}", low);
        else
            buf_printf(t->out, "{%d,%d}", low, high);
    } else {
        buf_add_char(t->out, c);
    }
    if (t->p < t->end && *t->p == '?') {
        t->p++;
        lazy = true;
    }
    if (starts_quantifier(t))
        return bad_quantifier;
    if (t->open_count > 0 && t->open_lazy[t->open_count - 1])
        lazy = true;
    if (is_choice) {
        /* the first quantified thing decides for all: a group that is quantified itself, before what is in it */
        if ((!t->saw_lazy && !t->saw_greedy) || (after_group && t->closed_undecided))
            t->first_is_lazy = lazy;
        t->saw_lazy |= lazy;
        t->saw_greedy |= !lazy;
        t->quantified_group |= after_group;
    }
    if (lazy)
        buf_add_char(t->out, '?');
    return NULL;
}

/* --- groups ---------------------------------------------------------------------------------------------------------------- */
/* Is the group that starts here (its parenthesis already passed) followed by {1,1}? */
static bool
group_is_lazy(const Translator *t)
{
    int depth = 1;

    for (const char *p = t->p; p < t->end; p++) {
        if (*p == '\\')
            p++;
        else if (*p == '(')
            depth++;
        else if (*p == ')' && --depth == 0)
            return t->end - p > 6 && memcmp(p + 1, "{1,1}?", 6) == 0;
    }
    return false;
}

static const char *
translate_open(Translator *t)
{
    static const char *const prefixes[] = {"?:", "?=", "?!", "?<=", "?<!"};
    bool lazy;

    if (t->open_count >= NESTING_MOST)
        return "regular expression is too complex";
    if (t->p < t->end && *t->p == '?') {
        if (t->end - t->p >= 2 && t->p[1] == '#') { /* a comment */
            const char *close = memchr(t->p, ')', (size_t)(t->end - t->p));

            if (close == NULL)
                return unbalanced_parentheses;
            t->p = close + 1;
            return NULL;
        }
        for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
            size_t n = strlen(prefixes[i]);

            if ((size_t)(t->end - t->p) >= n && memcmp(t->p, prefixes[i], n) == 0) {
                t->p += n;
                lazy = group_is_lazy(t) || (t->open_count > 0 && t->open_lazy[t->open_count - 1]);
                t->open_undecided[t->open_count] = !t->saw_lazy && !t->saw_greedy;
                t->open_branches[t->open_count] = false;
                t->open_lazy[t->open_count++] = lazy;
                buf_add_char(t->out, '(');
                buf_add_text(t->out, prefixes[i]);
                t->can_quantify = false;
                return NULL;
            }
        }
        return bad_quantifier;
    }
    if (t->p < t->end && *t->p == '*')
        return bad_quantifier;
    lazy = group_is_lazy(t) || (t->open_count > 0 && t->open_lazy[t->open_count - 1]);
    t->open_undecided[t->open_count] = !t->saw_lazy && !t->saw_greedy;
    t->open_branches[t->open_count] = false;
    t->open_lazy[t->open_count++] = lazy;
    t->groups++;
    buf_add_char(t->out, '(');
    t->can_quantify = false;
    return NULL;
}

/* --- the whole ----------------------------------------------------------------------------------------------------------------- */
static const char *
translate_anchor(Translator *t, char c)
{
    bool lines = (t->flags & REGEX_NEWLINE_ANCHOR) != 0;

    buf_add_text(t->out, c == '^' ? (lines ? "(?m:^)" : "\\A") : (lines ? "(?m:$)" : "\\z"));
    t->can_quantify = false;
    return starts_quantifier(t) ? bad_quantifier : NULL;
}

static const char *
translate_one(Translator *t)
{
    bool after_group = t->p[-1] == ')' && t->out->bytes > 0 && t->out->data[t->out->bytes - 1] == ')';
    char c = *t->p;
    uint32_t literal;
    int n;

    if (starts_quantifier(t))
        return translate_quantifier(t, after_group);
    if (expanded(t)) {
        if (c == '#') {
            while (t->p < t->end && *t->p != '\n')
                t->p++;
            return NULL;
        }
        if (c == ' ' || (c >= '\t' && c <= '\r')) {
            t->p++;
            return NULL;
        }
    }
    t->p++;
    switch (c) {
    case '\\': return translate_escape(t);
    case '[': return translate_bracket(t);
    case '(': return translate_open(t);
    case ')':
        if (t->open_count == 0)
            return unbalanced_parentheses;
        t->open_count--;
        t->closed_undecided = t->open_undecided[t->open_count];
        if (t->open_branches[t->open_count] && t->closed_undecided) {
            t->first_is_lazy = false;
            t->saw_greedy = true;
        }
        buf_add_char(t->out, ')');
        t->can_quantify = true;
        return NULL;
    case '|':
        t->has_branches = true;
        if (t->open_count == 0)
            t->top_branches = true;
        else
            t->open_branches[t->open_count - 1] = true;
        buf_add_char(t->out, '|');
        t->can_quantify = false;
        return NULL;
    case '.':
        buf_add_text(t->out, t->flags & REGEX_NEWLINE_DOT ? "[^\\n]" : "(?s:.)");
        t->can_quantify = true;
        return NULL;
    case '^':
    case '$': return translate_anchor(t, c);
    default: break;
    }
    t->p--;
    literal = utf8_decode(t->p, &n);
    t->p += n;
    put_literal(t, literal);
    t->can_quantify = true;
    return NULL;
}

/* ***:, ***=, (?flags) at the very beginning. */
static const char *
read_directors(Translator *t)
{
    if (t->end - t->p >= 4 && memcmp(t->p, "***", 3) == 0) {
        if (t->p[3] == '=')
            t->flags |= REGEX_LITERAL;
        else if (t->p[3] != ':')
            return bad_quantifier;
        t->p += 4;
    }
    if ((t->flags & REGEX_LITERAL) == 0 && t->end - t->p >= 3 && t->p[0] == '(' && t->p[1] == '?' &&
        t->p[2] >= 'a' && t->p[2] <= 'z') {
        for (t->p += 2; t->p < t->end && *t->p != ')'; t->p++) {
            switch (*t->p) {
            case 'i': t->flags |= REGEX_ANY_CASE; break;
            case 'c': t->flags &= ~(unsigned)REGEX_ANY_CASE; break;
            case 'm':
            case 'n': t->flags |= REGEX_NEWLINE_DOT | REGEX_NEWLINE_ANCHOR; break;
            case 'p':
                t->flags |= REGEX_NEWLINE_DOT;
                t->flags &= ~(unsigned)REGEX_NEWLINE_ANCHOR;
                break;
            case 'w':
                t->flags |= REGEX_NEWLINE_ANCHOR;
                t->flags &= ~(unsigned)REGEX_NEWLINE_DOT;
                break;
            case 's': t->flags &= ~(unsigned)(REGEX_NEWLINE_DOT | REGEX_NEWLINE_ANCHOR); break;
            case 'x': t->flags |= REGEX_EXPANDED; break;
            case 't': t->flags &= ~(unsigned)REGEX_EXPANDED; break;
            case 'q': t->flags |= REGEX_LITERAL; break;
            case 'e': break;
            default: return "invalid embedded option";
            }
        }
        if (t->p == t->end)
            return "invalid embedded option";
        t->p++;
    }
    return NULL;
}

static const char *
translate_all(Translator *t)
{
    const char *problem = read_directors(t);

    if (problem != NULL)
        return problem;
    if (t->flags & REGEX_LITERAL) {
        while (t->p < t->end) {
            int n;
            uint32_t c = utf8_decode(t->p, &n);

            t->p += n;
            put_literal(t, c);
        }
        return NULL;
    }
    while (t->p < t->end)
        if ((problem = translate_one(t)) != NULL)
            return problem;
    return t->open_count > 0 ? unbalanced_parentheses : NULL;
}

const char *
regex_translate(VarRef pattern, unsigned flags, RegexSource *out)
{
    /* one byte before the text, so that looking back is safe, and a NUL behind it */
    char *copy = malloc((size_t)pattern.bytes + 2);
    Translator t = {.out = &out->pcre, .source = out, .flags = flags};
    const char *problem;

    if (copy == NULL)
        return "out of memory";
    copy[0] = ' ';
    memcpy(copy + 1, pattern.data, pattern.bytes);
    copy[pattern.bytes + 1] = '\0';
    t.p = copy + 1;
    t.end = t.p + pattern.bytes;
    out->has_backreference = false;
    problem = translate_all(&t);
    out->flags = t.flags;
    out->preference = REGEX_FIRST;
    if (t.has_branches || t.quantified_group)
        out->preference = REGEX_LONGEST;
    if (t.saw_lazy)
        out->preference = t.first_is_lazy && !t.top_branches ? REGEX_SHORTEST : REGEX_LONGEST;
    free(copy);
    return problem;
}
