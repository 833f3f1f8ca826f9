/* regex.c - compiling and matching; see regex.h. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "backend/type/regex.h"

#include <stdlib.h>
#include <string.h>

#include "backend/type/regex_int.h"
#include "backend/type/type_int.h"
#include "base/hash.h"

enum { CACHE_SIZE = 64, END_CALLOUT = 1, WORKSPACE_INTS = 4096, JIT_STACK_MOST = 1024 * 1024 };

struct Regex {
    pcre2_code *code; /* as written */
    pcre2_code *to_end; /* with a callout at the end, to hold a match to a given end; NULL if not needed */
    pcre2_match_data *match_data;
    pcre2_match_context *context;
    pcre2_jit_stack *jit_stack;
    RegexPreference preference;
    size_t wanted_end; /* for the callout */
    bool in_cache;
    /* what it was made of */
    uint64_t hash, used;
    unsigned flags;
    uint32_t pattern_bytes;
    char pattern[];
};

struct RegexCache {
    Regex *entries[CACHE_SIZE];
    uint64_t clock;
};

/* --- life ------------------------------------------------------------------------------------------------------------- */
static void
regex_free(Regex *r)
{
    if (r == NULL)
        return;
    pcre2_code_free(r->code);
    pcre2_code_free(r->to_end);
    pcre2_match_data_free(r->match_data);
    pcre2_match_context_free(r->context);
    pcre2_jit_stack_free(r->jit_stack);
    free(r);
}

RegexCache *
regex_cache_create(void)
{
    return calloc(1, sizeof(RegexCache));
}

void
regex_cache_free(RegexCache *cache)
{
    if (cache == NULL)
        return;
    for (int i = 0; i < CACHE_SIZE; i++)
        regex_free(cache->entries[i]);
    free(cache);
}

/* --- compiling ---------------------------------------------------------------------------------------------------------- */
static Status
fail_pattern(Ctx *cx, const char *problem)
{
    return fail(cx, ST_ERROR, "2201B", "invalid regular expression: %s", problem);
}

/* What the translator lets through is nearly always right; the rest in PostgreSQL's words if there are any. */
static Status
fail_pcre(Ctx *cx, int code)
{
    char text[160];

    switch (code) {
    case 106: /* missing ] */ return fail_pattern(cx, "brackets [] not balanced");
    case 108: /* range out of order */ return fail_pattern(cx, "invalid character range");
    case 109: /* nothing to repeat */ return fail_pattern(cx, "quantifier operand invalid");
    case 114:
    case 122: /* parentheses */ return fail_pattern(cx, "parentheses () not balanced");
    case 115: /* no such group */ return fail_pattern(cx, "invalid backreference number");
    case 120:
    case 186: /* too large */ return fail_pattern(cx, "regular expression is too complex");
    default: break;
    }
    if (pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof(text)) < 0)
        return fail_pattern(cx, "unknown error");
    return fail_pattern(cx, text);
}

static int
hold_to_end(pcre2_callout_block *block, void *data)
{
    const Regex *r = data;

    return block->callout_number == END_CALLOUT && block->current_position != r->wanted_end;
}

static Status
compile_code(Ctx *cx, const Buf *source, uint32_t options, bool jit, pcre2_code **out)
{
    int error;
    size_t at;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)(source->data != NULL ? source->data : ""), source->bytes,
                                     options, &error, &at, NULL);

    if (code == NULL)
        return fail_pcre(cx, error);
    if (jit)
        pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without it, matching is only slower */
    *out = code;
    return ST_OK;
}

static Status
compile(Ctx *cx, const RegexSource *source, Regex *r)
{
    uint32_t options =
        PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY;
    Buf held = BUF_OF(cx);
    Status rc;

    if (source->flags & REGEX_ANY_CASE)
        options |= PCRE2_CASELESS;
    r->preference = source->has_backreference ? REGEX_FIRST : source->preference;
    /* a quantifier made possessive because nothing follows it would not give back what it took */
    if (r->preference != REGEX_FIRST)
        options |= PCRE2_NO_AUTO_POSSESS;
    TRY(compile_code(cx, &source->pcre, options, true, &r->code));
    r->match_data = pcre2_match_data_create_from_pattern(r->code, NULL);
    r->context = pcre2_match_context_create(NULL);
    r->jit_stack = pcre2_jit_stack_create(32 * 1024, JIT_STACK_MOST, NULL);
    if (r->match_data == NULL || r->context == NULL || r->jit_stack == NULL)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    pcre2_jit_stack_assign(r->context, NULL, r->jit_stack);
    pcre2_set_callout(r->context, hold_to_end, r);
    if (r->preference == REGEX_FIRST)
        return ST_OK;
    buf_add_text(&held, "(?:");
    buf_add(&held, source->pcre.data, source->pcre.bytes);
    buf_printf(&held, ")(?C%d)", END_CALLOUT);
    rc = compile_code(cx, &held, options, true, &r->to_end);
    buf_free(&held);
    return rc;
}

static Status
make(Ctx *cx, VarRef pattern, unsigned flags, uint64_t hash, Regex **out)
{
    RegexSource source = {0};
    const char *problem = regex_translate(pattern, flags, &source);
    Regex *r;
    Status rc;

    if (problem != NULL) {
        buf_free(&source.pcre);
        return fail_pattern(cx, problem);
    }
    r = calloc(1, sizeof(*r) + pattern.bytes);
    if (r == NULL) {
        buf_free(&source.pcre);
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    }
    r->hash = hash;
    r->flags = flags;
    r->pattern_bytes = pattern.bytes;
    memcpy(r->pattern, pattern.data, pattern.bytes);
    rc = compile(cx, &source, r);
    buf_free(&source.pcre);
    if (rc != ST_OK) {
        regex_free(r);
        return rc;
    }
    *out = r;
    return ST_OK;
}

Status
regex_acquire(Ctx *cx, VarRef pattern, unsigned flags, Regex **out)
{
    RegexCache *cache = format_of(cx)->regex_cache;
    uint64_t hash;
    int oldest = 0;

    flags &= ~(unsigned)REGEX_GLOBAL;
    hash = hash_bytes_seeded(pattern.data, pattern.bytes, flags);
    if (cache == NULL)
        return make(cx, pattern, flags, hash, out);
    cache->clock++;
    for (int i = 0; i < CACHE_SIZE; i++) {
        Regex *r = cache->entries[i];

        if (r == NULL) {
            oldest = i;
            break;
        }
        if (r->hash == hash && r->flags == flags && r->pattern_bytes == pattern.bytes &&
            memcmp(r->pattern, pattern.data, pattern.bytes) == 0) {
            r->used = cache->clock;
            *out = r;
            return ST_OK;
        }
        if (r->used < cache->entries[oldest]->used)
            oldest = i;
    }
    TRY(make(cx, pattern, flags, hash, out));
    regex_free(cache->entries[oldest]);
    cache->entries[oldest] = *out;
    (*out)->in_cache = true;
    (*out)->used = cache->clock;
    return ST_OK;
}

void
regex_release(Ctx *cx, Regex *regex)
{
    (void)cx;
    if (regex != NULL && !regex->in_cache)
        regex_free(regex);
}

int
regex_group_count(const Regex *regex)
{
    uint32_t count = 0;

    pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &count);
    return (int)count;
}

/* --- matching ----------------------------------------------------------------------------------------------------------------- */
static Status
fail_match(Ctx *cx, int code)
{
    char text[160];

    if (pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof(text)) < 0)
        strcpy(text, "unknown error");
    return fail(cx, ST_ERROR, "2201B", "regular expression failed: %s", text);
}

/* Where the leftmost match starts and where the longest (shortest) one from there ends. */
static Status
find_span(Ctx *cx, Regex *r, VarRef text, size_t from, size_t *start, size_t *end, bool *found)
{
    uint32_t options = PCRE2_NO_UTF_CHECK | (r->preference == REGEX_SHORTEST ? PCRE2_DFA_SHORTEST : 0);
    size_t count = WORKSPACE_INTS;
    int rc;

    for (;;) {
        int *workspace = malloc(count * sizeof(int));
        const size_t *span;

        if (workspace == NULL)
            return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
        rc = pcre2_dfa_match(r->code, (PCRE2_SPTR)text.data, text.bytes, from, options, r->match_data,
                             r->context, workspace, count);
        free(workspace);
        if (rc == PCRE2_ERROR_DFA_WSSIZE && count < (1u << 24)) {
            count *= 8;
            continue;
        }
        *found = rc >= 0;
        if (rc == PCRE2_ERROR_NOMATCH)
            return ST_OK;
        if (rc < 0)
            return fail_match(cx, rc);
        span = pcre2_get_ovector_pointer(r->match_data); /* the longest comes first */
        *start = span[0];
        *end = span[1];
        return ST_OK;
    }
}

static void
take_groups(const Regex *r, int count, RegexMatch *match)
{
    const size_t *spans = pcre2_get_ovector_pointer(r->match_data);
    int groups = regex_group_count(r);

    for (int i = 0; i < REGEX_GROUPS_MOST && i <= groups; i++) {
        bool took_part = i < count && spans[2 * i] != PCRE2_UNSET;

        match->start[i] = took_part ? (int64_t)spans[2 * i] : -1;
        match->end[i] = took_part ? (int64_t)spans[2 * i + 1] : -1;
    }
}

Status
regex_match(Ctx *cx, Regex *r, VarRef text, size_t from, RegexMatch *match, bool *found)
{
    size_t start = 0, end = 0;
    int rc;

    if (match == NULL || r->preference == REGEX_FIRST) {
        rc = pcre2_match(r->code, (PCRE2_SPTR)text.data, text.bytes, from, PCRE2_NO_UTF_CHECK, r->match_data,
                         r->context);
        *found = rc >= 0;
        if (rc < 0)
            return rc == PCRE2_ERROR_NOMATCH ? ST_OK : fail_match(cx, rc);
        if (match != NULL)
            take_groups(r, rc, match);
        return ST_OK;
    }
    TRY(find_span(cx, r, text, from, &start, &end, found));
    if (!*found)
        return ST_OK;
    match->start[0] = (int64_t)start;
    match->end[0] = (int64_t)end;
    if (regex_group_count(r) == 0)
        return ST_OK;
    r->wanted_end = end;
    rc = pcre2_match(r->to_end, (PCRE2_SPTR)text.data, text.bytes, start, PCRE2_NO_UTF_CHECK | PCRE2_ANCHORED,
                     r->match_data, r->context);
    if (rc < 0)
        return fail_match(cx, rc);
    take_groups(r, rc, match);
    return ST_OK;
}

Status
regex_flags(Ctx *cx, VarRef letters, unsigned *flags)
{
    *flags = 0;
    for (uint32_t i = 0; i < letters.bytes; i++) {
        switch (letters.data[i]) {
        case 'g': *flags |= REGEX_GLOBAL; break;
        case 'i': *flags |= REGEX_ANY_CASE; break;
        case 'c': *flags &= ~(unsigned)REGEX_ANY_CASE; break;
        case 'm':
        case 'n': *flags |= REGEX_NEWLINE_DOT | REGEX_NEWLINE_ANCHOR; break;
        case 'p':
            *flags |= REGEX_NEWLINE_DOT;
            *flags &= ~(unsigned)REGEX_NEWLINE_ANCHOR;
            break;
        case 'w':
            *flags |= REGEX_NEWLINE_ANCHOR;
            *flags &= ~(unsigned)REGEX_NEWLINE_DOT;
            break;
        case 's': *flags &= ~(unsigned)(REGEX_NEWLINE_DOT | REGEX_NEWLINE_ANCHOR); break;
        case 'x': *flags |= REGEX_EXPANDED; break;
        case 't': *flags &= ~(unsigned)REGEX_EXPANDED; break;
        case 'q': *flags |= REGEX_LITERAL; break;
        case 'e': break;
        case 'b': return fail_unsupported(cx, -1, "basic regular expressions");
        default: {
            int n = MIN_OF((int)(letters.bytes - i), (letters.data[i] & 0x80) != 0 ? 4 : 1);

            return fail(cx, ST_ERROR, "22023", "invalid regular expression option: \"%.*s\"", n,
                        letters.data + i);
        }
        }
    }
    return ST_OK;
}
