/* like.c - LIKE and ILIKE, and the pattern languages that are translated to others.
 *
 * Most patterns are a word with % at one end or both. Those are recognized once per batch and matched by
 * memcmp or memmem; the others by walking the pattern, going back to the last % when it does not fit. */
#include "backend/type/type_int.h"

#include <string.h>

#include "backend/type/text_int.h"
#include "base/utf8.h"

typedef enum LikeShape { LIKE_EXACT, LIKE_PREFIX, LIKE_SUFFIX, LIKE_INSIDE, LIKE_GENERAL } LikeShape;

typedef struct LikePattern {
    LikeShape shape;
    VarRef word; /* between the percent signs; the whole pattern if general */
    bool by_character; /* _ is a character of UTF-8, else a byte */
} LikePattern;

static LikePattern
analyze(VarRef pattern, bool by_character)
{
    VarRef word = pattern;
    bool front = false, back = false;

    if (memchr(pattern.data, '_', pattern.bytes) != NULL || memchr(pattern.data, '\\', pattern.bytes) != NULL)
        return (LikePattern){LIKE_GENERAL, pattern, by_character};
    while (word.bytes > 0 && word.data[0] == '%') {
        front = true;
        word.data++;
        word.bytes--;
    }
    while (word.bytes > 0 && word.data[word.bytes - 1] == '%') {
        back = true;
        word.bytes--;
    }
    if (memchr(word.data, '%', word.bytes) != NULL)
        return (LikePattern){LIKE_GENERAL, pattern, by_character};
    return (LikePattern){front && back ? LIKE_INSIDE
                         : front       ? (word.bytes == 0 ? LIKE_INSIDE : LIKE_SUFFIX)
                         : back        ? LIKE_PREFIX
                                       : LIKE_EXACT,
                         word, by_character};
}

/* 1 it matches, 0 it does not, -1 the pattern ends with the escape character */
static int
match_general(VarRef text, VarRef pattern, bool by_character)
{
    const char *t = text.data, *t_end = t + text.bytes, *p = pattern.data, *p_end = p + pattern.bytes;
    const char *retry_p = NULL, *retry_t = NULL;

    for (;;) {
        if (p < p_end && *p == '%') {
            if (t == t_end) { /* only more of them can still match */
                while (p < p_end && *p == '%')
                    p++;
                return p == p_end;
            }
            for (; p < p_end && (*p == '%' || *p == '_'); p++) {
                if (*p == '_' && t == t_end)
                    return 0;
                if (*p == '_')
                    t += by_character ? utf8_char_bytes(*t) : 1;
            }
            if (p == p_end)
                return 1;
            if (*p == '\\' && p + 1 == p_end)
                return -1;
            retry_p = p;
            retry_t = t;
            continue;
        }
        if (p == p_end && t == t_end)
            return 1;
        if (p < p_end && t < t_end) {
            if (*p == '_') {
                p++;
                t += by_character ? utf8_char_bytes(*t) : 1;
                continue;
            }
            if (*p == '\\') {
                if (p + 1 == p_end)
                    return -1;
                if (p[1] == *t) {
                    p += 2;
                    t++;
                    continue;
                }
            } else if (*p == *t) {
                p++;
                t++;
                continue;
            }
        }
        if (retry_p == NULL || retry_t >= t_end)
            break;
        retry_t += by_character ? utf8_char_bytes(*retry_t) : 1;
        t = retry_t;
        p = retry_p;
    }
    return 0;
}

static int
match(VarRef text, const LikePattern *pattern)
{
    VarRef w = pattern->word;

    switch (pattern->shape) {
    case LIKE_EXACT: return text.bytes == w.bytes && memcmp(text.data, w.data, w.bytes) == 0;
    case LIKE_PREFIX: return text.bytes >= w.bytes && memcmp(text.data, w.data, w.bytes) == 0;
    case LIKE_SUFFIX:
        return text.bytes >= w.bytes && memcmp(text.data + text.bytes - w.bytes, w.data, w.bytes) == 0;
    case LIKE_INSIDE: return w.bytes == 0 || memmem(text.data, text.bytes, w.data, w.bytes) != NULL;
    case LIKE_GENERAL: break;
    }
    return match_general(text, w, pattern->by_character);
}

/* For the error to come even where nothing is compared: an escape character at the very end. */
static Status
fail_escape(Ctx *cx)
{
    return fail(cx, ST_ERROR, "22025", "LIKE pattern must not end with escape character");
}

static Status
like(FnCall *call, Vector *const *args, bool any_case, bool by_character, bool negate, Vector *out)
{
    const VarRef *texts = args[0]->data, *patterns = args[1]->data;
    uint32_t text_step = !args[0]->is_const, pattern_step = !args[1]->is_const;
    uint8_t *result = out->data;
    LikePattern pattern = {0};
    const char *analyzed = NULL;

    for (uint32_t k = 0; k < call->rows.count; k++) {
        uint32_t row = rows_at(call->rows, k);
        VarRef text = texts[row * text_step], p = patterns[row * pattern_step];
        int found;

        if (analyzed == NULL || pattern_step != 0) {
            analyzed = p.data;
            if (any_case)
                TRY(text_lower(call->cx, p, &p));
            pattern = analyze(p, by_character);
        }
        if (any_case) {
            ArenaMark mark = arena_mark(call->cx->arena);

            TRY(text_lower(call->cx, text, &text));
            found = match(text, &pattern);
            if (pattern_step == 0)
                arena_rewind(call->cx->arena, mark);
        } else {
            found = match(text, &pattern);
        }
        if (found < 0)
            return fail_escape(call->cx);
        result[row] = (uint8_t)((found != 0) != negate);
    }
    return ST_OK;
}

KERNEL_FN(textlike)
{
    return like(call, args, false, true, false, out);
}

KERNEL_FN(textnlike)
{
    return like(call, args, false, true, true, out);
}

KERNEL_FN(texticlike)
{
    return like(call, args, true, true, false, out);
}

KERNEL_FN(texticnlike)
{
    return like(call, args, true, true, true, out);
}

KERNEL_FN(bytealike)
{
    return like(call, args, false, false, false, out);
}

KERNEL_FN(byteanlike)
{
    return like(call, args, false, false, true, out);
}

/* --- ESCAPE ------------------------------------------------------------------------------------------------------- */
static Status
check_escape(Ctx *cx, VarRef escape)
{
    if (escape.bytes > 0 && (uint32_t)utf8_char_bytes(escape.data[0]) != escape.bytes) {
        fail(cx, ST_ERROR, "22025", "invalid escape string");
        fail_hint(cx, "Escape string must be empty or one character.");
        return ST_ERROR;
    }
    return ST_OK;
}

/* A pattern whose escape character is another one (or none) into one with the backslash. */
SCALAR_FN(like_escape)
{
    VarRef p = args[0].var, e = args[1].var;
    Buf b = BUF_OF(call->cx);
    bool after_escape = false;

    TRY(check_escape(call->cx, e));
    if (e.bytes == 1 && e.data[0] == '\\') {
        *out = args[0];
        return ST_OK;
    }
    for (uint32_t i = 0; i < p.bytes;) {
        uint32_t n = (uint32_t)utf8_char_bytes(p.data[i]);

        if (!after_escape && e.bytes == n && memcmp(p.data + i, e.data, n) == 0) {
            buf_add_char(&b, '\\');
            after_escape = true;
        } else {
            if (p.data[i] == '\\' && !after_escape)
                buf_add_char(&b, '\\');
            buf_add(&b, p.data + i, n);
            after_escape = false;
        }
        i += n;
    }
    return value_from_buf(call->cx, &b, out);
}

SCALAR_FN(like_escape_bytea)
{
    VarRef p = args[0].var, e = args[1].var;
    Buf b = BUF_OF(call->cx);
    bool after_escape = false;

    if (e.bytes > 1) {
        fail(call->cx, ST_ERROR, "22025", "invalid escape string");
        fail_hint(call->cx, "Escape string must be empty or one character.");
        return ST_ERROR;
    }
    if (e.bytes == 1 && e.data[0] == '\\') {
        *out = args[0];
        return ST_OK;
    }
    for (uint32_t i = 0; i < p.bytes; i++) {
        if (!after_escape && e.bytes == 1 && p.data[i] == e.data[0]) {
            buf_add_char(&b, '\\');
            after_escape = true;
        } else {
            if (p.data[i] == '\\' && !after_escape)
                buf_add_char(&b, '\\');
            buf_add_char(&b, p.data[i]);
            after_escape = false;
        }
    }
    return value_from_buf(call->cx, &b, out);
}

/* --- SIMILAR TO ------------------------------------------------------------------------------------------------------ */
/* SQL's regular expressions as ours. With two separators (escape and ") the middle part is what
 * substring() answers; the part before it is to be as short as possible. */
static Status
similar_pattern(Ctx *cx, VarRef p, VarRef e, Buf *b)
{
    bool after_escape = false;
    int bracket = 0, separators = 0; /* bracket: 1 inside, 2 right at its start */

    buf_add_text(b, "^(?:");
    for (uint32_t i = 0; i < p.bytes;) {
        uint32_t n = (uint32_t)utf8_char_bytes(p.data[i]);
        char c = p.data[i];
        bool is_escape = e.bytes == n && memcmp(p.data + i, e.data, n) == 0;

        if (n > 1 && !is_escape) {
            if (after_escape)
                buf_add_char(b, '\\');
            buf_add(b, p.data + i, n);
            after_escape = false;
            bracket = bracket != 0;
        } else if (after_escape) {
            if (c == '"' && bracket == 0) {
                if (separators == 0)
                    buf_add_text(b, "){1,1}?(");
                else if (separators == 1)
                    buf_add_text(b, "){1,1}(?:");
                else
                    return fail(
                        cx, ST_ERROR, "2200C",
                        "SQL regular expression may not contain more than two escape-double-quote separators");
                separators++;
            } else {
                /* the escape character is quoting something */
                buf_add_char(b, '\\');
                buf_add(b, p.data + i, n);
            }
            after_escape = false;
        } else if (is_escape) {
            after_escape = true;
        } else if (bracket != 0) {
            if (c == '\\')
                buf_add_char(b, '\\');
            buf_add_char(b, c);
            if (c == ']' && bracket == 1)
                bracket = 0;
            else
                bracket = c == '^' && bracket == 2 ? 2 : 1;
        } else if (c == '[') {
            buf_add_char(b, c);
            bracket = 2;
        } else if (c == '%') {
            buf_add_text(b, ".*");
        } else if (c == '_') {
            buf_add_char(b, '.');
        } else if (c == '(') {
            buf_add_text(b, "(?:");
        } else if (c == '\\' || c == '.' || c == '^' || c == '$') {
            buf_add_char(b, '\\');
            buf_add_char(b, c);
        } else {
            buf_add_char(b, c);
        }
        i += n;
    }
    buf_add_text(b, ")$");
    return ST_OK;
}

static Status
similar(Ctx *cx, VarRef pattern, VarRef escape, Value *out)
{
    Buf b = BUF_OF(cx);
    Status rc = check_escape(cx, escape);

    if (rc == ST_OK)
        rc = similar_pattern(cx, pattern, escape, &b);
    if (rc != ST_OK) {
        buf_free(&b);
        return rc;
    }
    return value_from_buf(cx, &b, out);
}

SCALAR_FN(similar_to_escape_1)
{
    return similar(call->cx, args[0].var, (VarRef){"\\", 1}, out);
}

SCALAR_FN(similar_to_escape_2)
{
    return similar(call->cx, args[0].var, args[1].var, out);
}

/* The old form: not strict, a null escape is the backslash. */
SCALAR_FN(similar_escape)
{
    if (args[0].is_null) {
        *out = value_null();
        return ST_OK;
    }
    return similar(call->cx, args[0].var, args[1].is_null ? (VarRef){"\\", 1} : args[1].var, out);
}
