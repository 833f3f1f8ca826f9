/* regex_fn.c - the operators ~ and the functions regexp_*. Offsets inside are bytes, outside characters. */
#include "backend/type/regex.h"
#include "backend/type/type_int.h"

#include <string.h>

#include "backend/type/array.h"
#include "backend/type/text_int.h"
#include "base/utf8.h"

/* --- ~ !~ ~* !~* --------------------------------------------------------------------------------------------------- */
static Status
matches(FnCall *call, Vector *const *args, unsigned flags, bool negate, Vector *out)
{
    const VarRef *texts = args[0]->data, *patterns = args[1]->data;
    uint32_t text_step = !args[0]->is_const, pattern_step = !args[1]->is_const;
    uint8_t *result = out->data;
    Regex *regex = NULL;
    Status rc = ST_OK;

    for (uint32_t k = 0; k < call->rows.count; k++) {
        uint32_t row = rows_at(call->rows, k);
        bool found;

        if (regex == NULL || pattern_step != 0) {
            regex_release(call->cx, regex);
            regex = NULL;
            TRY_TO(out, rc, regex_acquire(call->cx, patterns[row * pattern_step], flags, &regex));
        }
        TRY_TO(out, rc, regex_match(call->cx, regex, texts[row * text_step], 0, NULL, &found));
        result[row] = found != negate;
    }
out:
    regex_release(call->cx, regex);
    return rc;
}

KERNEL_FN(textregexeq)
{
    return matches(call, args, 0, false, out);
}

KERNEL_FN(textregexne)
{
    return matches(call, args, 0, true, out);
}

KERNEL_FN(texticregexeq)
{
    return matches(call, args, REGEX_ANY_CASE, false, out);
}

KERNEL_FN(texticregexne)
{
    return matches(call, args, REGEX_ANY_CASE, true, out);
}

/* --- walking through all matches ---------------------------------------------------------------------------------------- */
typedef struct Walk {
    Ctx *cx;
    Regex *regex;
    VarRef text;
    size_t from; /* next search starts here */
    int64_t previous_end;
    bool skip_empty; /* for splitting: nothing between two pieces is no match */
    bool ended;
    RegexMatch match;
} Walk;

static Status
walk_next(Walk *w, bool *found)
{
    for (;;) {
        const RegexMatch *m = &w->match;
        bool counts;

        *found = false;
        if (w->ended || w->from > w->text.bytes)
            return ST_OK;
        TRY(regex_match(w->cx, w->regex, w->text, w->from, &w->match, found));
        if (!*found) {
            w->ended = true;
            return ST_OK;
        }
        counts = !w->skip_empty || (m->start[0] < (int64_t)w->text.bytes && m->end[0] > w->previous_end);
        w->previous_end = m->end[0];
        w->from = (size_t)m->end[0];
        if (m->start[0] == m->end[0]) {
            if (w->from >= w->text.bytes)
                w->ended = true;
            else
                w->from += (size_t)utf8_char_bytes(w->text.data[w->from]);
        }
        if (counts)
            return ST_OK;
    }
}

static Value
span_value(VarRef text, int64_t start, int64_t end)
{
    return start < 0 ? value_null() : value_var(text.data + start, (size_t)(end - start));
}

/* The groups of a match as a text array; the whole match if there are none. */
static Status
groups_array(Ctx *cx, const Regex *regex, VarRef text, const RegexMatch *m, Value *out)
{
    Value values[REGEX_GROUPS_MOST];
    int count = MIN_OF(regex_group_count(regex), REGEX_GROUPS_MOST - 1);

    if (count == 0) {
        values[0] = span_value(text, m->start[0], m->end[0]);
        return array_from_values(cx, TYPE_TEXT, values, 1, out);
    }
    for (int i = 0; i < count; i++)
        values[i] = span_value(text, m->start[i + 1], m->end[i + 1]);
    return array_from_values(cx, TYPE_TEXT, values, (uint32_t)count, out);
}

static Status
fail_global(Ctx *cx, const char *function)
{
    return fail(cx, ST_ERROR, "22023", "%s does not support the \"global\" option", function);
}

static Status
flags_of(FnCall *call, const Value *args, int arg_no, unsigned *flags)
{
    *flags = 0;
    return call->arg_count > arg_no ? regex_flags(call->cx, args[arg_no].var, flags) : ST_OK;
}

/* --- substring, regexp_match(es) ------------------------------------------------------------------------------------------- */
/* substring(text from pattern): the first group, or all if there is none */
SCALAR_FN(textregexsubstr)
{
    Regex *regex;
    RegexMatch m;
    bool found;
    int group;
    Status rc;

    TRY(regex_acquire(call->cx, args[1].var, 0, &regex));
    rc = regex_match(call->cx, regex, args[0].var, 0, &m, &found);
    group = regex_group_count(regex) > 0;
    regex_release(call->cx, regex);
    if (rc == ST_OK)
        *out = found ? span_value(args[0].var, m.start[group], m.end[group]) : value_null();
    return rc;
}

/* substring(text from pattern for escape): SQL's language */
SCALAR_FN(text_similar_substr)
{
    const Value escape[] = {args[1], args[2]};
    Value translated[2] = {args[0], value_null()};

    TRY(fn_similar_to_escape_2(call, escape, &translated[1]));
    return fn_textregexsubstr(call, translated, out);
}

SCALAR_FN(regexp_match)
{
    Regex *regex;
    RegexMatch m;
    unsigned flags;
    bool found = false;
    Status rc;

    TRY(flags_of(call, args, 2, &flags));
    if (flags & REGEX_GLOBAL) {
        fail_global(call->cx, "regexp_match()");
        fail_hint(call->cx, "Use the regexp_matches function instead.");
        return ST_ERROR;
    }
    TRY(regex_acquire(call->cx, args[1].var, flags, &regex));
    rc = regex_match(call->cx, regex, args[0].var, 0, &m, &found);
    if (rc == ST_OK) {
        if (found)
            rc = groups_array(call->cx, regex, args[0].var, &m, out);
        else
            *out = value_null();
    }
    regex_release(call->cx, regex);
    return rc;
}

/* A set from matches: the number of those already answered is kept in the state pointer, and the walk
 * starts over, since what it would have to remember does not outlive the batch. The first call notes in
 * the session's cache what it compiled, so starting over costs matching only. */
static Status
nth_match(FnCall *call, const Value *args, bool skip_empty, unsigned flags, uintptr_t n, Walk *w, bool *found)
{
    *w = (Walk){.cx = call->cx, .text = args[0].var, .skip_empty = skip_empty};
    TRY(regex_acquire(call->cx, args[1].var, flags, &w->regex));
    *found = true;
    for (uintptr_t i = 0; i <= n && *found; i++) {
        Status rc = walk_next(w, found);

        if (rc != ST_OK) {
            regex_release(call->cx, w->regex);
            return rc;
        }
    }
    return ST_OK;
}

SERIES_FN(regexp_matches)
{
    uintptr_t n = (uintptr_t)*call->state;
    unsigned flags;
    Walk w;
    bool found;
    Status rc = ST_OK;

    *done = true;
    for (int i = 0; i < call->arg_count; i++)
        if (args[i].is_null)
            return ST_OK;
    TRY(flags_of(call, args, 2, &flags));
    if (n > 0 && (flags & REGEX_GLOBAL) == 0)
        return ST_OK;
    TRY(nth_match(call, args, false, flags, n, &w, &found));
    if (found) {
        rc = groups_array(call->cx, w.regex, args[0].var, &w.match, out);
        *call->state = (void *)(n + 1);
        *done = false;
    }
    regex_release(call->cx, w.regex);
    return rc;
}

/* --- splitting ----------------------------------------------------------------------------------------------------------------- */
/* All pieces, in cx->arena. */
static Status
split(FnCall *call, const Value *args, const char *function, Value **pieces, uint32_t *count)
{
    Walk w = {.cx = call->cx, .text = args[0].var, .skip_empty = true};
    unsigned flags;
    uint32_t capacity = 16;
    int64_t start = 0;
    bool found = true;
    Status rc;

    TRY(flags_of(call, args, 2, &flags));
    if (flags & REGEX_GLOBAL)
        return fail_global(call->cx, function);
    TRY(regex_acquire(call->cx, args[1].var, flags, &w.regex));
    *count = 0;
    *pieces = arena_alloc(call->cx->arena, sizeof(Value) * capacity);
    while ((rc = walk_next(&w, &found)) == ST_OK && found) {
        if (*count + 2 > capacity) {
            Value *bigger = arena_alloc(call->cx->arena, sizeof(Value) * 2 * capacity);

            memcpy(bigger, *pieces, sizeof(Value) * *count);
            *pieces = bigger;
            capacity *= 2;
        }
        (*pieces)[(*count)++] = span_value(w.text, start, w.match.start[0]);
        start = w.match.end[0];
    }
    (*pieces)[(*count)++] = span_value(w.text, start, w.text.bytes);
    regex_release(call->cx, w.regex);
    return rc;
}

SCALAR_FN(regexp_split_to_array)
{
    Value *pieces = NULL;
    uint32_t count = 0;

    TRY(split(call, args, "regexp_split_to_array()", &pieces, &count));
    return array_from_values(call->cx, TYPE_TEXT, pieces, count, out);
}

SERIES_FN(regexp_split_to_table)
{
    uintptr_t n = (uintptr_t)*call->state;
    Value *pieces = NULL;
    uint32_t count = 0;

    *done = true;
    for (int i = 0; i < call->arg_count; i++)
        if (args[i].is_null)
            return ST_OK;
    TRY(split(call, args, "regexp_split_to_table()", &pieces, &count));
    if (n >= count)
        return ST_OK;
    *call->state = (void *)(n + 1);
    *out = pieces[n];
    *done = false;
    return ST_OK;
}

/* --- regexp_replace ------------------------------------------------------------------------------------------------------------- */
/* \1 to \9 groups, \& the match, \\ a backslash; another backslash stands for itself. */
static void
put_replacement(VarRef with, VarRef text, const RegexMatch *m, int groups, Buf *to)
{
    for (uint32_t i = 0; i < with.bytes; i++) {
        char c = with.data[i], next = i + 1 < with.bytes ? with.data[i + 1] : '\0';
        int group;

        if (c != '\\' || i + 1 == with.bytes) {
            buf_add_char(to, c);
            continue;
        }
        i++;
        if (next == '\\') {
            buf_add_char(to, '\\');
        } else if ((next >= '1' && next <= '9') || next == '&') {
            group = next == '&' ? 0 : next - '0';
            if (group <= groups && m->start[group] >= 0)
                buf_add(to, text.data + m->start[group], (size_t)(m->end[group] - m->start[group]));
        } else {
            buf_add_char(to, '\\');
            buf_add_char(to, next);
        }
    }
}

/* Replaces the n-th match from the byte `from` on, or all of them if n is 0. */
static Status
replace(FnCall *call, VarRef text, VarRef pattern, VarRef with, size_t from, int64_t n, unsigned flags,
        Value *out)
{
    Regex *regex;
    RegexMatch m;
    Buf b = BUF_OF(call->cx);
    size_t copied = 0;
    int64_t count = 0;
    bool found = true;
    Status rc = ST_OK;
    int groups;

    TRY(regex_acquire(call->cx, pattern, flags, &regex));
    groups = regex_group_count(regex);
    while (from <= text.bytes) {
        rc = regex_match(call->cx, regex, text, from, &m, &found);
        if (rc != ST_OK || !found)
            break;
        count++;
        if (n == 0 || count == n) {
            buf_add(&b, text.data + copied, (size_t)m.start[0] - copied);
            put_replacement(with, text, &m, groups, &b);
            copied = (size_t)m.end[0];
            if (n > 0)
                break;
        }
        from = (size_t)m.end[0];
        if (m.start[0] == m.end[0])
            from += from < text.bytes ? (size_t)utf8_char_bytes(text.data[from]) : 1;
    }
    regex_release(call->cx, regex);
    if (rc != ST_OK) {
        buf_free(&b);
        return rc;
    }
    buf_add(&b, text.data + copied, text.bytes - copied);
    return value_from_buf(call->cx, &b, out);
}

SCALAR_FN(textregexreplace_noopt)
{
    return replace(call, args[0].var, args[1].var, args[2].var, 0, 1, 0, out);
}

SCALAR_FN(textregexreplace)
{
    VarRef letters = args[3].var;
    unsigned flags;

    if (letters.bytes > 0 && is_digit(letters.data[0])) {
        fail(call->cx, ST_ERROR, "22023", "invalid regular expression option: \"%.*s\"", 1, letters.data);
        fail_hint(call->cx,
                  "If you meant to use regexp_replace() with a start parameter, cast the fourth argument "
                  "to integer explicitly.");
        return ST_ERROR;
    }
    TRY(regex_flags(call->cx, letters, &flags));
    return replace(call, args[0].var, args[1].var, args[2].var, 0, flags & REGEX_GLOBAL ? 0 : 1, flags, out);
}

static Status
fail_parameter(Ctx *cx, const char *name, int32_t value)
{
    return fail(cx, ST_ERROR, "22023", "invalid value for parameter \"%s\": %d", name, value);
}

/* regexp_replace(text, pattern, replacement, start [, n [, flags]]) */
SCALAR_FN(textregexreplace_extended)
{
    unsigned flags;
    int32_t start = args[3].i32, n = call->arg_count > 4 ? args[4].i32 : 1;

    if (start <= 0)
        return fail_parameter(call->cx, "start", start);
    if (n < 0)
        return fail_parameter(call->cx, "n", n);
    TRY(flags_of(call, args, 5, &flags));
    if (call->arg_count <= 4)
        n = flags & REGEX_GLOBAL ? 0 : 1;
    if (start - 1 > text_length(args[0].var)) { /* beyond the end there is nothing to find */
        *out = args[0];
        return ST_OK;
    }
    return replace(call, args[0].var, args[1].var, args[2].var, text_offset(args[0].var, start - 1), n, flags,
                   out);
}

/* --- regexp_count, _like, _instr, _substr ------------------------------------------------------------------------------------------- */
static Status
start_walk(FnCall *call, const Value *args, int start_no, int flags_no, const char *function, Walk *w)
{
    int32_t start = start_no > 0 && call->arg_count > start_no ? args[start_no].i32 : 1;
    unsigned flags;

    if (start <= 0)
        return fail_parameter(call->cx, "start", start);
    TRY(flags_of(call, args, flags_no, &flags));
    if (flags & REGEX_GLOBAL)
        return fail_global(call->cx, function);
    *w = (Walk){.cx = call->cx, .text = args[0].var};
    w->from = text_offset(w->text, start - 1);
    w->ended = start - 1 > text_length(w->text);
    return regex_acquire(call->cx, args[1].var, flags, &w->regex);
}

SCALAR_FN(regexp_count)
{
    Walk w = {0};
    bool found;
    Status rc;

    TRY(start_walk(call, args, 2, 3, "regexp_count()", &w));
    out->i32 = 0;
    while ((rc = walk_next(&w, &found)) == ST_OK && found)
        out->i32++;
    regex_release(call->cx, w.regex);
    return rc;
}

SCALAR_FN(regexp_like)
{
    Regex *regex;
    unsigned flags;
    Status rc;

    TRY(flags_of(call, args, 2, &flags));
    if (flags & REGEX_GLOBAL)
        return fail_global(call->cx, "regexp_like()");
    TRY(regex_acquire(call->cx, args[1].var, flags, &regex));
    rc = regex_match(call->cx, regex, args[0].var, 0, NULL, &out->b);
    regex_release(call->cx, regex);
    return rc;
}

static Status
walk_to(Walk *w, int32_t n, bool *found)
{
    Status rc = ST_OK;

    *found = true;
    for (int32_t i = 0; i < n && rc == ST_OK && *found; i++)
        rc = walk_next(w, found);
    regex_release(w->cx, w->regex);
    return rc;
}

/* regexp_instr(text, pattern [, start [, n [, end option [, flags [, group]]]]]) */
SCALAR_FN(regexp_instr)
{
    Walk w = {0};
    int32_t n = call->arg_count > 3 ? args[3].i32 : 1, at_end = call->arg_count > 4 ? args[4].i32 : 0;
    int32_t group = call->arg_count > 6 ? args[6].i32 : 0;
    bool found;
    int64_t at;
    int groups;

    if (call->arg_count > 2 && args[2].i32 <= 0)
        return fail_parameter(call->cx, "start", args[2].i32);
    if (n <= 0)
        return fail_parameter(call->cx, "n", n);
    if (at_end != 0 && at_end != 1)
        return fail_parameter(call->cx, "endoption", at_end);
    if (group < 0)
        return fail_parameter(call->cx, "subexpr", group);
    TRY(start_walk(call, args, 2, 5, "regexp_instr()", &w));
    groups = regex_group_count(w.regex);
    TRY(walk_to(&w, n, &found));
    out->i32 = 0;
    if (!found || group > groups || group >= REGEX_GROUPS_MOST)
        return ST_OK;
    at = at_end ? w.match.end[group] : w.match.start[group];
    if (at >= 0)
        out->i32 = (int32_t)utf8_length(w.text.data, (size_t)at) + 1;
    return ST_OK;
}

/* regexp_substr(text, pattern [, start [, n [, flags [, group]]]]) */
SCALAR_FN(regexp_substr)
{
    Walk w = {0};
    int32_t n = call->arg_count > 3 ? args[3].i32 : 1, group = call->arg_count > 5 ? args[5].i32 : 0;
    bool found;
    int groups;

    if (call->arg_count > 2 && args[2].i32 <= 0)
        return fail_parameter(call->cx, "start", args[2].i32);
    if (n <= 0)
        return fail_parameter(call->cx, "n", n);
    if (group < 0)
        return fail_parameter(call->cx, "subexpr", group);
    TRY(start_walk(call, args, 2, 4, "regexp_substr()", &w));
    groups = regex_group_count(w.regex);
    TRY(walk_to(&w, n, &found));
    *out = found && group <= groups && group < REGEX_GROUPS_MOST
               ? span_value(w.text, w.match.start[group], w.match.end[group])
               : value_null();
    return ST_OK;
}
