/* number_template.c - to_char() and to_number() by templates of digits.
 *
 * A template is taken apart into nodes and a description: how many digits before and behind the point,
 * where zeros are forced, which sign is wanted where. For output, the number is rounded to the digits
 * there are, and the nodes are walked with the digits; a number too large for its digits becomes #. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/type/numeric.h"
#include "backend/type/type_int.h"
#include "base/utf8.h"

typedef enum NumberField {
    N_COMMA,
    N_POINT,
    N_ZERO,
    N_NINE,
    N_BLANK,
    N_D,
    N_EEEE,
    N_FM,
    N_G,
    N_L,
    N_MI,
    N_PL,
    N_PR,
    N_RN,
    N_rn,
    N_SG,
    N_S,
    N_TH,
    N_th,
    N_V,
    N_TEXT /* one character */
} NumberField;

typedef struct NumberNode {
    NumberField field;
    char text[5];
} NumberNode;

typedef enum SignPlace { SIGN_NONE, SIGN_BEFORE, SIGN_BEHIND } SignPlace;

typedef struct NumberTemplate {
    NumberNode *nodes;
    int count;
    int pre, post; /* digits before and behind the point */
    int shift; /* digits behind V */
    int zero_start, zero_end; /* forced zeros: from this digit on (1-based, 0 = none), up to that */
    int sign_pre; /* digits before an S */
    SignPlace sign_place; /* of S */
    bool decimal, zero, blank, fill, locale_sign, bracket, minus, plus, roman, scaled, scientific;
} NumberTemplate;

/* --- taking apart ------------------------------------------------------------------------------------------------------ */
static const struct NumberWord {
    const char *word;
    uint8_t field;
} number_words[] = {{",", N_COMMA}, {".", N_POINT}, {"0", N_ZERO},  {"9", N_NINE},    {"B", N_BLANK},
                    {"b", N_BLANK}, {"D", N_D},     {"d", N_D},     {"EEEE", N_EEEE}, {"eeee", N_EEEE},
                    {"FM", N_FM},   {"fm", N_FM},   {"G", N_G},     {"g", N_G},       {"L", N_L},
                    {"l", N_L},     {"MI", N_MI},   {"mi", N_MI},   {"PL", N_PL},     {"pl", N_PL},
                    {"PR", N_PR},   {"pr", N_PR},   {"RN", N_RN},   {"rn", N_rn},     {"SG", N_SG},
                    {"sg", N_SG},   {"SP", N_TEXT}, {"sp", N_TEXT}, {"S", N_S},       {"s", N_S},
                    {"TH", N_TH},   {"th", N_th},   {"V", N_V},     {"v", N_V}};

static Status
fail_template(Ctx *cx, const char *message)
{
    return fail(cx, ST_ERROR, "42601", "%s", message);
}

static Status
describe_digit(Ctx *cx, NumberTemplate *t, NumberField field)
{
    if (t->bracket)
        return fail_template(cx, field == N_NINE ? "\"9\" must be ahead of \"PR\""
                                                 : "\"0\" must be ahead of \"PR\"");
    if (field == N_NINE && t->scaled) {
        t->shift++;
        return ST_OK;
    }
    if (field == N_ZERO && !t->zero && !t->decimal) {
        t->zero = true;
        t->zero_start = t->pre + 1;
    }
    if (t->decimal)
        t->post++;
    else
        t->pre++;
    if (field == N_ZERO)
        t->zero_end = t->pre + t->post;
    return ST_OK;
}

static Status
describe_sign(Ctx *cx, NumberTemplate *t, NumberField field)
{
    switch (field) {
    case N_S:
        if (t->locale_sign)
            return fail_template(cx, "cannot use \"S\" twice");
        if (t->plus || t->minus || t->bracket)
            return fail_template(cx, "cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together");
        if (!t->decimal) {
            t->sign_place = SIGN_BEFORE;
            t->sign_pre = t->pre;
        } else {
            t->sign_place = SIGN_BEHIND;
        }
        t->locale_sign = true;
        break;
    case N_MI:
        if (t->locale_sign)
            return fail_template(cx, "cannot use \"S\" and \"MI\" together");
        t->minus = true;
        break;
    case N_PL:
        if (t->locale_sign)
            return fail_template(cx, "cannot use \"S\" and \"PL\" together");
        t->plus = true;
        break;
    case N_SG:
        if (t->locale_sign)
            return fail_template(cx, "cannot use \"S\" and \"SG\" together");
        t->minus = t->plus = true;
        break;
    default:
        if (t->locale_sign || t->plus || t->minus)
            return fail_template(cx, "cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together");
        t->bracket = true;
        break;
    }
    return ST_OK;
}

static Status
describe(Ctx *cx, NumberTemplate *t, NumberField field)
{
    if (t->scientific && field != N_EEEE)
        return fail_template(cx, "\"EEEE\" must be the last pattern used");
    switch (field) {
    case N_NINE:
    case N_ZERO: return describe_digit(cx, t, field);
    case N_BLANK: t->blank |= t->pre == 0 && t->post == 0 && !t->zero; break;
    case N_D:
    case N_POINT:
        if (t->decimal)
            return fail_template(cx, "multiple decimal points");
        if (t->scaled)
            return fail_template(cx, "cannot use \"V\" and decimal point together");
        t->decimal = true;
        break;
    case N_FM: t->fill = true; break;
    case N_S:
    case N_MI:
    case N_PL:
    case N_SG:
    case N_PR: return describe_sign(cx, t, field);
    case N_RN:
    case N_rn: t->roman = true; break;
    case N_V:
        if (t->decimal)
            return fail_template(cx, "cannot use \"V\" and decimal point together");
        t->scaled = true;
        break;
    case N_EEEE:
        if (t->scientific)
            return fail_template(cx, "cannot use \"EEEE\" twice");
        if (t->blank || t->fill || t->locale_sign || t->bracket || t->minus || t->plus || t->roman ||
            t->scaled) {
            fail_template(cx, "\"EEEE\" is incompatible with other formats");
            fail_detail(cx, "\"EEEE\" may only be used together with digit and decimal point patterns.");
            return ST_ERROR;
        }
        t->scientific = true;
        break;
    default: break;
    }
    return ST_OK;
}

static void
add_text(NumberTemplate *t, const char *p, int bytes)
{
    NumberNode *n = &t->nodes[t->count++];

    *n = (NumberNode){.field = N_TEXT};
    memcpy(n->text, p, (size_t)bytes);
}

static Status
parse_template(Ctx *cx, VarRef text, NumberTemplate *t)
{
    const char *p = text.data, *end = p + text.bytes;

    *t = (NumberTemplate){.nodes = arena_array(cx->arena, NumberNode, text.bytes + 1)};
    while (p < end) {
        const struct NumberWord *found = NULL;
        int bytes;

        for (size_t i = 0; i < COUNT_OF(number_words) && found == NULL; i++) {
            size_t n = strlen(number_words[i].word);

            if (n <= (size_t)(end - p) && memcmp(number_words[i].word, p, n) == 0)
                found = &number_words[i];
        }
        if (found != NULL) {
            p += strlen(found->word);
            t->nodes[t->count++] = (NumberNode){.field = (NumberField)found->field};
            TRY(describe(cx, t, (NumberField)found->field));
            continue;
        }
        if (*p == '"') {
            for (p++; p < end && *p != '"'; p += bytes) {
                if (*p == '\\' && p + 1 < end)
                    p++;
                bytes = utf8_char_bytes(*p);
                add_text(t, p, bytes);
            }
            p += p < end;
            continue;
        }
        if (*p == '\\' && p + 1 < end && p[1] == '"')
            p++;
        bytes = utf8_char_bytes(*p);
        add_text(t, p, bytes);
        p += bytes;
    }
    return ST_OK;
}

/* --- output -------------------------------------------------------------------------------------------------------------- */
typedef struct Printer {
    const NumberTemplate *t;
    Buf out;
    const char *digits, *p; /* the number without sign; the next character of it */
    const char *last; /* with FM: the last digit behind the point that counts */
    char sign; /* + or - */
    SignPlace sign_place;
    bool sign_written, bracket, in_number; /* in_number: the last position wrote a digit */
    size_t ends_at; /* what is written behind this is cut off; 0 = nothing */
    int spaces; /* positions before the number */
    int position; /* of the digit position being written */
    int positions;
    int zero_start;
} Printer;

/* "9.9" of 0.1 shows no zero before the point. */
static bool
hides_zero(const Printer *p)
{
    return !p->t->zero && p->p == p->digits && *p->digits == '0' && p->t->post != 0;
}

static void
write_sign_before(Printer *p)
{
    if (p->t->locale_sign) {
        if (p->sign_place == SIGN_BEFORE) {
            buf_add_char(&p->out, p->sign);
            p->sign_written = true;
        }
    } else if (p->bracket) {
        buf_add_char(&p->out, p->sign == '+' ? ' ' : '<');
        p->sign_written = true;
    } else {
        if (p->sign == '-')
            buf_add_char(&p->out, '-');
        else if (!p->t->fill)
            buf_add_char(&p->out, ' ');
        p->sign_written = true;
    }
}

static void
write_point_or_digit(Printer *p, NumberField field)
{
    bool ends_in_point = p->last != NULL && *p->last == '.';

    if (*p->p == '.') {
        buf_add_char(&p->out, '.');
    } else if (p->last != NULL && p->p > p->last && field != N_ZERO) {
        /* a trailing zero that FM leaves out */
    } else if (hides_zero(p)) {
        if (!p->t->fill)
            buf_add_char(&p->out, ' ');
        else if (ends_in_point)
            buf_add_char(&p->out, '0');
    } else {
        /* PostgreSQL ends its text where the digits of "NaN" do */
        if (*p->p == '\0' && p->ends_at == 0)
            p->ends_at = p->out.bytes;
        buf_add_char(&p->out, *p->p);
        p->in_number = true;
    }
    if (*p->p != '\0')
        p->p++;
}

/* A position of the template that a digit or the point belongs to. */
static void
write_position(Printer *p, NumberField field)
{
    const NumberTemplate *t = p->t;
    int end;

    if (t->roman)
        return;
    p->in_number = false;
    if (!p->sign_written && (p->position >= p->spaces || (t->zero && p->zero_start == p->position)) &&
        (!hides_zero(p) || (p->last != NULL && *p->last == '.')))
        write_sign_before(p);
    if (p->position < p->spaces && (p->zero_start > p->position || !t->zero)) {
        if (!t->fill)
            buf_add_char(&p->out, ' ');
    } else if (t->zero && p->position < p->spaces && p->zero_start <= p->position) {
        buf_add_char(&p->out, '0');
        p->in_number = true;
    } else {
        write_point_or_digit(p, field);
    }
    end = p->positions + (p->spaces > 0) + t->decimal;
    if (p->last != NULL && p->last == p->p)
        end = p->position;
    if (p->position + 1 == end) {
        if (p->sign_written && p->bracket)
            buf_add_char(&p->out, p->sign == '+' ? ' ' : '>');
        else if (t->locale_sign && p->sign_place == SIGN_BEHIND)
            buf_add_char(&p->out, p->sign);
    }
    p->position++;
}

static const char *
ordinal_ending(const char *digits, bool upper)
{
    size_t n = strlen(digits);
    char last = n > 0 ? digits[n - 1] : '0', before = n > 1 ? digits[n - 2] : '0';

    if (before == '1' || last == '0' || last > '3' || !is_digit(last))
        return upper ? "TH" : "th";
    if (last == '1')
        return upper ? "ST" : "st";
    if (last == '2')
        return upper ? "ND" : "nd";
    return upper ? "RD" : "rd";
}

static void
write_node(Printer *p, const NumberNode *n)
{
    const NumberTemplate *t = p->t;
    bool fill = t->fill;

    switch (n->field) {
    case N_NINE:
    case N_ZERO:
    case N_POINT:
    case N_D: write_position(p, n->field); break;
    case N_COMMA:
    case N_G:
        if (p->in_number)
            buf_add_char(&p->out, ',');
        else if (!fill)
            buf_add_char(&p->out, ' ');
        break;
    case N_L: buf_add_char(&p->out, ' '); break; /* the C locale has no currency */
    case N_RN:
    case N_rn: {
        char shown[32];

        snprintf(shown, sizeof(shown), fill ? "%s" : "%15s", p->digits);
        for (char *c = shown; *c != '\0'; c++)
            buf_add_char(&p->out, n->field == N_rn ? to_lower(*c) : *c);
        break;
    }
    case N_TH:
    case N_th:
        if (!t->roman && *p->digits != '#' && p->sign != '-' && !t->decimal)
            buf_add_text(&p->out, ordinal_ending(p->digits, n->field == N_TH));
        break;
    case N_MI:
        if (p->sign == '-')
            buf_add_char(&p->out, '-');
        else if (!fill)
            buf_add_char(&p->out, ' ');
        break;
    case N_PL:
        if (p->sign == '+')
            buf_add_char(&p->out, '+');
        else if (!fill)
            buf_add_char(&p->out, ' ');
        break;
    case N_SG: buf_add_char(&p->out, p->sign); break;
    case N_TEXT: buf_add_text(&p->out, n->text); break;
    default: break;
    }
}

/* Behind the point, zeros at the end do not count with FM, unless the template asks for them with 0. */
static const char *
last_relevant(const NumberTemplate *t, const char *digits, int spaces)
{
    const char *point = strchr(digits, '.'), *last = point;

    if (point == NULL)
        return NULL;
    for (const char *c = point + 1; *c != '\0'; c++)
        if (*c != '0')
            last = c;
    if (t->zero_end > spaces) {
        int forced = MIN_OF((int)strlen(digits) - 1, t->zero_end - spaces);

        if (last < digits + forced)
            last = digits + forced;
    }
    return last;
}

/* `digits` is the rounded number without sign. */
static Status
print(Ctx *cx, const NumberTemplate *t, const char *digits, int spaces, char sign, Value *out)
{
    Printer p = {.t = t,
                 .digits = digits,
                 .p = digits,
                 .sign = sign,
                 .spaces = spaces,
                 .sign_place = t->sign_place,
                 .bracket = t->bracket,
                 .zero_start = t->zero_start > 0 ? t->zero_start - 1 : 0,
                 .positions = t->pre + t->post - 1};

    if (t->roman) {
        p.spaces = 0;
        p.sign = '\0';
        p.sign_written = true;
    } else if (t->plus || t->minus) {
        p.sign_written = !(t->plus && !t->minus);
    } else {
        if (sign != '-' && t->fill)
            p.bracket = false;
        p.sign_written = sign == '+' && t->fill && !t->locale_sign;
        if (p.sign_place == SIGN_BEFORE && t->pre == t->sign_pre)
            p.sign_place = SIGN_BEHIND;
    }
    if (t->fill && t->decimal && !t->roman)
        p.last = last_relevant(t, digits, spaces);
    if (!p.sign_written && p.spaces == 0)
        p.positions++;
    for (int i = 0; i < t->count; i++) {
        if ((t->nodes[i].field == N_TH || t->nodes[i].field == N_th) && !t->roman && *digits != '#' &&
            !is_digit(digits[strlen(digits) - 1]) && sign != '-' && !t->decimal) {
            buf_free(&p.out);
            return fail(cx, ST_ERROR, "22P02", "\"%s\" is not a number", digits);
        }
        write_node(&p, &t->nodes[i]);
    }
    if (p.ends_at > 0)
        p.out.bytes = p.ends_at;
    return value_from_buf(cx, &p.out, out);
}

/* Text of a number, rounded to the template's digits, sign included. */
static Status
print_rounded(Ctx *cx, const NumberTemplate *t, const char *text, Value *out)
{
    char sign = '+', *hashes;
    const char *point;
    int pre, spaces = 0;

    if (*text == '-') {
        sign = '-';
        text++;
    }
    point = strchr(text, '.');
    pre = point != NULL ? (int)(point - text) : (int)strlen(text);
    if (pre < t->pre) {
        spaces = t->pre - pre;
    } else if (pre > t->pre) {
        hashes = arena_alloc(cx->arena, (size_t)(t->pre + t->post) + 2);
        memset(hashes, '#', (size_t)(t->pre + t->post) + 1);
        hashes[t->pre] = '.';
        hashes[t->pre + t->post + 1] = '\0';
        text = hashes;
    }
    return print(cx, t, text, spaces, sign, out);
}

static Status
print_roman(Ctx *cx, const NumberTemplate *t, int64_t v, bool in_range, Value *out)
{
    static const struct {
        int value;
        const char *letters;
    } steps[] = {{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"},
                 {40, "XL"},  {10, "X"},   {9, "IX"},  {5, "V"},    {4, "IV"},  {1, "I"}};
    char roman[32] = "";

    if (!in_range || v < 1 || v > 3999) {
        memset(roman, '#', 15);
        roman[15] = '\0';
    } else {
        for (size_t i = 0; i < COUNT_OF(steps); i++)
            for (; v >= steps[i].value; v -= steps[i].value)
                strcat(roman, steps[i].letters);
    }
    return print(cx, t, roman, 0, '+', out);
}

/* EEEE of what has no digits. */
static Status
print_scientific_special(Ctx *cx, const NumberTemplate *t, Value *out)
{
    size_t bytes = (size_t)(t->pre + t->post) + 6;
    char *text = arena_alloc(cx->arena, bytes + 1);

    memset(text, '#', bytes);
    text[bytes] = '\0';
    text[0] = ' ';
    text[t->pre + 1] = '.';
    *out = value_from_cstr(cx, text);
    return ST_OK;
}

/* d.ddde+nn, with a blank for a plus sign. The exponent is that of the number before it is rounded. */
static Status
print_scientific(Ctx *cx, const NumberTemplate *t, const Value *v, Value *out)
{
    const char *text = numeric_text(cx->arena, v), *digits = text + (*text == '-'), *first = digits;
    int whole = (int)strcspn(digits, "."), exponent = 0;
    char power[32];
    Value factor, significand;

    while (*first == '0' || *first == '.')
        first++;
    if (*first != '\0')
        exponent = first < digits + whole ? whole - 1 - (int)(first - digits) : whole - (int)(first - digits);
    snprintf(power, sizeof(power), "1e%d", -exponent);
    TRY(numeric_parse(cx, power, strlen(power), &factor));
    TRY(numeric_mul_values(cx, v, &factor, &significand));
    TRY(numeric_round_to(cx, &significand, t->post, &significand));
    text = numeric_text(cx->arena, &significand);
    *out = value_from_cstr(cx, arena_printf(cx->arena, "%s%se%c%02d", *text == '-' ? "" : " ", text,
                                            exponent < 0 ? '-' : '+', abs(exponent)));
    return ST_OK;
}

/* --- to_char ------------------------------------------------------------------------------------------------------------------ */
static Status
start_template(FnCall *call, VarRef text, NumberTemplate *t, Value *out, bool *empty)
{
    *empty = text.bytes == 0;
    if (*empty) {
        *out = value_var("", 0);
        return ST_OK;
    }
    return parse_template(call->cx, text, t);
}

static Status
numeric_by_template(Ctx *cx, NumberTemplate *t, const Value *v, Value *out)
{
    Value rounded, factor;
    char power[32];

    if (t->roman) {
        int64_t n = 0;

        TRY(numeric_to_i64(cx, v, "integer", INT32_MIN, INT32_MAX, &n));
        return print_roman(cx, t, n, true, out);
    }
    if (t->scientific)
        return numeric_is_special(v) ? print_scientific_special(cx, t, out) : print_scientific(cx, t, v, out);
    rounded = *v;
    if (t->scaled) {
        snprintf(power, sizeof(power), "1e%d", t->shift);
        TRY(numeric_parse(cx, power, strlen(power), &factor));
        TRY(numeric_mul_values(cx, v, &factor, &rounded));
        t->pre += t->shift;
    }
    TRY(numeric_round_to(cx, &rounded, t->post, &rounded));
    return print_rounded(cx, t, numeric_text(cx->arena, &rounded), out);
}

SCALAR_FN(numeric_to_char)
{
    NumberTemplate t;
    bool empty;

    TRY(start_template(call, args[1].var, &t, out, &empty));
    return empty ? ST_OK : numeric_by_template(call->cx, &t, &args[0], out);
}

static Status
int_by_template(FnCall *call, int64_t v, bool narrow, VarRef text, Value *out)
{
    Ctx *cx = call->cx;
    NumberTemplate t;
    bool empty;
    Value n = numeric_from_i64(cx->arena, v, 0), factor = n;

    TRY(start_template(call, text, &t, out, &empty));
    if (empty)
        return ST_OK;
    if (t.roman && (v < INT32_MIN || v > INT32_MAX))
        return fail_int_range(cx, "integer");
    if (t.roman)
        return print_roman(cx, &t, v, true, out);
    if (t.scaled && !t.scientific) { /* in the integer type, which may overflow */
        int64_t scaled = v, limit = narrow ? INT32_MAX : INT64_MAX;

        for (int i = 0; i < t.shift; i++)
            if (__builtin_mul_overflow(scaled, 10, &scaled) || scaled > limit || scaled < -limit - 1)
                return fail_int_range(cx, narrow ? "integer" : "bigint");
        factor = numeric_from_i64(cx->arena, scaled, 0);
        t.pre += t.shift;
        t.scaled = false;
    }
    return numeric_by_template(cx, &t, &factor, out);
}

SCALAR_FN(int4_to_char)
{
    return int_by_template(call, args[0].i32, true, args[1].var, out);
}

SCALAR_FN(int8_to_char)
{
    return int_by_template(call, args[0].i64, false, args[1].var, out);
}

/* `digits` is what the type can be trusted with: 15 for float8, 6 for float4. */
static Status
float_by_template(FnCall *call, double v, int digits, VarRef text, Value *out)
{
    Ctx *cx = call->cx;
    NumberTemplate t;
    bool empty;
    char *shown;
    int pre;

    TRY(start_template(call, text, &t, out, &empty));
    if (empty)
        return ST_OK;
    if (t.roman) {
        double whole = rint(v);
        bool fits = whole >= INT32_MIN && whole <= INT32_MAX;

        return print_roman(cx, &t, fits ? (int64_t)whole : 0, fits, out);
    }
    if (t.scientific) {
        if (isnan(v) || isinf(v))
            return print_scientific_special(cx, &t, out);
        shown = arena_printf(cx->arena, "%+.*e", t.post, v);
        if (*shown == '+')
            *shown = ' ';
        *out = value_from_cstr(cx, shown);
        return ST_OK;
    }
    if (t.scaled) {
        v *= pow(10, t.shift);
        t.pre += t.shift;
    }
    if (isnan(v) || isinf(v)) {
        shown = isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity";
        return print_rounded(cx, &t, shown, out);
    }
    pre = (int)strlen(arena_printf(cx->arena, "%.0f", fabs(v)));
    if (pre >= digits)
        t.post = 0;
    else if (pre + t.post > digits)
        t.post = digits - pre;
    return print_rounded(cx, &t, arena_printf(cx->arena, "%.*f", t.post, v), out);
}

SCALAR_FN(float4_to_char)
{
    return float_by_template(call, args[0].f32, 6, args[1].var, out);
}

SCALAR_FN(float8_to_char)
{
    return float_by_template(call, args[0].f64, 15, args[1].var, out);
}

/* --- to_number ------------------------------------------------------------------------------------------------------------------ */
typedef struct Scanner {
    const NumberTemplate *t;
    const char *p, *end;
    char *digits; /* [0] is the sign */
    size_t count;
    int pre, post;
    bool point;
} Scanner;

static void
scan_sign_behind(Scanner *s, bool was_read)
{
    const NumberTemplate *t = s->t;

    if (t->locale_sign && was_read && s->p + 1 < s->end && !is_digit(s->p[1])) {
        if (s->p[1] == '-' || s->p[1] == '+') {
            s->digits[0] = s->p[1];
            s->p++;
        }
    } else if (!was_read && (t->plus || t->minus) && (*s->p == '-' || *s->p == '+')) {
        /* the sign may come before its place, if there are fewer digits than the template has */
        s->digits[0] = *s->p;
    }
}

static void
scan_position(Scanner *s, NumberField field)
{
    const NumberTemplate *t = s->t;
    bool was_read = false;

    if (s->p < s->end && *s->p == ' ')
        s->p++;
    if (s->p >= s->end)
        return;
    if (s->digits[0] == ' ' && (field == N_ZERO || field == N_NINE) && s->pre + s->post == 0) {
        if (*s->p == '-' || (t->bracket && *s->p == '<')) {
            s->digits[0] = '-';
            s->p++;
        } else if (*s->p == '+') {
            s->digits[0] = '+';
            s->p++;
        }
    }
    if (s->p >= s->end)
        return;
    if (is_digit(*s->p)) {
        if (s->point && s->post == t->post)
            return;
        s->digits[s->count++] = *s->p;
        s->post += s->point;
        s->pre += !s->point;
        was_read = true;
    } else if (t->decimal && !s->point && *s->p == '.') {
        s->digits[s->count++] = '.';
        s->point = true;
        was_read = true;
    }
    if (s->digits[0] == ' ' && s->pre + s->post > 0)
        scan_sign_behind(s, was_read);
}

/* Skips up to n characters that cannot belong to a number. */
static void
skip_other(Scanner *s, int n)
{
    while (n-- > 0 && s->p < s->end && strchr("0123456789.,+-", *s->p) == NULL)
        s->p += utf8_char_bytes(*s->p);
}

/* True when the node took the character at p. */
static bool
scan_node(Scanner *s, const NumberNode *n)
{
    switch (n->field) {
    case N_NINE:
    case N_ZERO:
    case N_POINT:
    case N_D: scan_position(s, n->field); return true;
    case N_COMMA: return *s->p == ',';
    case N_G: return *s->p == ',';
    case N_L: skip_other(s, 1); return false;
    case N_TH:
    case N_th: skip_other(s, 2); return false;
    case N_MI:
        if (*s->p == '-') {
            s->digits[0] = '-';
            return true;
        }
        skip_other(s, 1);
        return false;
    case N_PL:
        if (*s->p == '+') {
            s->digits[0] = '+';
            return true;
        }
        skip_other(s, 1);
        return false;
    case N_SG:
        if (*s->p == '-' || *s->p == '+') {
            s->digits[0] = *s->p;
            return true;
        }
        skip_other(s, 1);
        return false;
    case N_TEXT:
        if (n->text[0] != '\0')
            s->p += utf8_char_bytes(*s->p);
        return false;
    default: return false;
    }
}

SCALAR_FN(numeric_to_number)
{
    Ctx *cx = call->cx;
    NumberTemplate t;
    Scanner s = {.t = &t, .p = args[0].var.data, .end = args[0].var.data + args[0].var.bytes, .count = 1};
    Value v, factor;
    int precision, scale;
    char power[32];
    const char *digits;

    if (args[1].var.bytes == 0) {
        *out = value_null();
        return ST_OK;
    }
    TRY(parse_template(cx, args[1].var, &t));
    if (t.scientific)
        return fail(cx, ST_ERROR, "0A000", "\"EEEE\" not supported for input");
    if (t.roman)
        return fail(cx, ST_ERROR, "0A000", "\"RN\" not supported for input");
    if (t.sign_place == SIGN_BEFORE && t.pre == t.sign_pre)
        t.sign_place = SIGN_BEHIND;
    s.digits = arena_zalloc(cx->arena, args[0].var.bytes + 3);
    s.digits[0] = ' ';
    for (int i = 0; i < t.count && s.p < s.end; i++)
        if (scan_node(&s, &t.nodes[i]))
            s.p++;
    if (s.count > 0 && s.digits[s.count - 1] == '.')
        s.count--;
    s.digits[s.count] = '\0';
    scale = s.post;
    precision = t.pre + t.shift + scale;
    digits = s.digits;
    TRY(numeric_parse(cx, digits, strlen(digits), &v));
    TRY(numeric_coerce(cx, &v, (int32_t)((uint32_t)precision << 16 | (uint32_t)scale) + NUMERIC_TYPMOD_BASE,
                       &v));
    if (t.scaled) { /* 10^-shift, with the 16 digits a power has */
        snprintf(power, sizeof(power), "1e-%d", t.shift);
        TRY(numeric_parse(cx, power, strlen(power), &factor));
        TRY(numeric_round_to(cx, &factor, 16, &factor));
        TRY(numeric_mul_values(cx, &v, &factor, &v));
    }
    *out = v;
    return ST_OK;
}
