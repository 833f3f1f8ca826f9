/* datetime_token.c - the words of dates, and cutting text into them. */
#include "backend/type/datetime_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* --- words --------------------------------------------------------------------------------------------------- */
typedef struct Word {
    char name[12];
    uint8_t kind;
    int8_t value;
} Word;

WordKind
date_word(const char *text, int *value)
{
    static const Word words[] = {
        {"-infinity", WORD_MINUS_INFINITY, 0},
        {"ad", WORD_ERA, 0},
        {"allballs", WORD_ALLBALLS, 0},
        {"am", WORD_AM_PM, 1},
        {"apr", WORD_MONTH, 4},
        {"april", WORD_MONTH, 4},
        {"at", WORD_IGNORED, 0},
        {"aug", WORD_MONTH, 8},
        {"august", WORD_MONTH, 8},
        {"bc", WORD_ERA, 1},
        {"d", WORD_UNIT, UNIT_DAY},
        {"dec", WORD_MONTH, 12},
        {"december", WORD_MONTH, 12},
        {"dow", WORD_UNIT, UNIT_DOW},
        {"doy", WORD_UNIT, UNIT_DOY},
        {"dst", WORD_DST, 0},
        {"epoch", WORD_EPOCH, 0},
        {"feb", WORD_MONTH, 2},
        {"february", WORD_MONTH, 2},
        {"fri", WORD_WEEKDAY, 5},
        {"friday", WORD_WEEKDAY, 5},
        {"h", WORD_UNIT, UNIT_HOUR},
        {"infinity", WORD_INFINITY, 0},
        {"isodow", WORD_UNIT, UNIT_ISODOW},
        {"isoyear", WORD_UNIT, UNIT_ISOYEAR},
        {"j", WORD_UNIT, UNIT_JULIAN},
        {"jan", WORD_MONTH, 1},
        {"january", WORD_MONTH, 1},
        {"jd", WORD_UNIT, UNIT_JULIAN},
        {"jul", WORD_MONTH, 7},
        {"julian", WORD_UNIT, UNIT_JULIAN},
        {"july", WORD_MONTH, 7},
        {"jun", WORD_MONTH, 6},
        {"june", WORD_MONTH, 6},
        {"m", WORD_UNIT, UNIT_MONTH},
        {"mar", WORD_MONTH, 3},
        {"march", WORD_MONTH, 3},
        {"may", WORD_MONTH, 5},
        {"mm", WORD_UNIT, UNIT_MINUTE},
        {"mon", WORD_WEEKDAY, 1},
        {"monday", WORD_WEEKDAY, 1},
        {"nov", WORD_MONTH, 11},
        {"november", WORD_MONTH, 11},
        {"now", WORD_NOW, 0},
        {"oct", WORD_MONTH, 10},
        {"october", WORD_MONTH, 10},
        {"on", WORD_IGNORED, 0},
        {"pm", WORD_AM_PM, 2},
        {"s", WORD_UNIT, UNIT_SECOND},
        {"sat", WORD_WEEKDAY, 6},
        {"saturday", WORD_WEEKDAY, 6},
        {"sep", WORD_MONTH, 9},
        {"sept", WORD_MONTH, 9},
        {"september", WORD_MONTH, 9},
        {"sun", WORD_WEEKDAY, 0},
        {"sunday", WORD_WEEKDAY, 0},
        {"t", WORD_ISO_TIME, UNIT_TIME},
        {"thu", WORD_WEEKDAY, 4},
        {"thur", WORD_WEEKDAY, 4},
        {"thurs", WORD_WEEKDAY, 4},
        {"thursday", WORD_WEEKDAY, 4},
        {"today", WORD_TODAY, 0},
        {"tomorrow", WORD_TOMORROW, 0},
        {"tue", WORD_WEEKDAY, 2},
        {"tues", WORD_WEEKDAY, 2},
        {"tuesday", WORD_WEEKDAY, 2},
        {"wed", WORD_WEEKDAY, 3},
        {"wednesday", WORD_WEEKDAY, 3},
        {"weds", WORD_WEEKDAY, 3},
        {"y", WORD_UNIT, UNIT_YEAR},
        {"yesterday", WORD_YESTERDAY, 0},
    };
    size_t low = 0, high = COUNT_OF(words);

    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = strcmp(words[mid].name, text);

        if (order == 0) {
            *value = words[mid].value;
            return (WordKind)words[mid].kind;
        }
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return WORD_NONE;
}

DateUnit
date_unit(const char *text)
{
    static const Word units[] = {
        {"c", 0, UNIT_CENTURY},
        {"cent", 0, UNIT_CENTURY},
        {"centuries", 0, UNIT_CENTURY},
        {"century", 0, UNIT_CENTURY},
        {"d", 0, UNIT_DAY},
        {"day", 0, UNIT_DAY},
        {"days", 0, UNIT_DAY},
        {"dec", 0, UNIT_DECADE},
        {"decade", 0, UNIT_DECADE},
        {"decades", 0, UNIT_DECADE},
        {"decs", 0, UNIT_DECADE},
        {"dow", 0, UNIT_DOW},
        {"doy", 0, UNIT_DOY},
        {"epoch", 0, UNIT_EPOCH},
        {"h", 0, UNIT_HOUR},
        {"hour", 0, UNIT_HOUR},
        {"hours", 0, UNIT_HOUR},
        {"hr", 0, UNIT_HOUR},
        {"hrs", 0, UNIT_HOUR},
        {"isodow", 0, UNIT_ISODOW},
        {"isoyear", 0, UNIT_ISOYEAR},
        {"j", 0, UNIT_JULIAN},
        {"jd", 0, UNIT_JULIAN},
        {"julian", 0, UNIT_JULIAN},
        {"m", 0, UNIT_MINUTE},
        {"microsecon", 0, UNIT_MICROSECOND},
        {"mil", 0, UNIT_MILLENNIUM},
        {"millennia", 0, UNIT_MILLENNIUM},
        {"millennium", 0, UNIT_MILLENNIUM},
        {"millisecon", 0, UNIT_MILLISECOND},
        {"mils", 0, UNIT_MILLENNIUM},
        {"min", 0, UNIT_MINUTE},
        {"mins", 0, UNIT_MINUTE},
        {"minute", 0, UNIT_MINUTE},
        {"minutes", 0, UNIT_MINUTE},
        {"mon", 0, UNIT_MONTH},
        {"mons", 0, UNIT_MONTH},
        {"month", 0, UNIT_MONTH},
        {"months", 0, UNIT_MONTH},
        {"ms", 0, UNIT_MILLISECOND},
        {"msec", 0, UNIT_MILLISECOND},
        {"msecond", 0, UNIT_MILLISECOND},
        {"mseconds", 0, UNIT_MILLISECOND},
        {"msecs", 0, UNIT_MILLISECOND},
        {"qtr", 0, UNIT_QUARTER},
        {"quarter", 0, UNIT_QUARTER},
        {"s", 0, UNIT_SECOND},
        {"sec", 0, UNIT_SECOND},
        {"second", 0, UNIT_SECOND},
        {"seconds", 0, UNIT_SECOND},
        {"secs", 0, UNIT_SECOND},
        {"timezone", 0, UNIT_TIMEZONE},
        {"timezone_h", 0, UNIT_TIMEZONE_HOUR},
        {"timezone_m", 0, UNIT_TIMEZONE_MINUTE},
        {"us", 0, UNIT_MICROSECOND},
        {"usec", 0, UNIT_MICROSECOND},
        {"usecond", 0, UNIT_MICROSECOND},
        {"useconds", 0, UNIT_MICROSECOND},
        {"usecs", 0, UNIT_MICROSECOND},
        {"w", 0, UNIT_WEEK},
        {"week", 0, UNIT_WEEK},
        {"weeks", 0, UNIT_WEEK},
        {"y", 0, UNIT_YEAR},
        {"year", 0, UNIT_YEAR},
        {"years", 0, UNIT_YEAR},
        {"yr", 0, UNIT_YEAR},
        {"yrs", 0, UNIT_YEAR},
    };
    /* only ten characters of a unit count, as in PostgreSQL: "microseconds" and "microsecond" are one */
    enum { SIGNIFICANT = 10 };
    size_t low = 0, high = COUNT_OF(units);

    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = strncmp(units[mid].name, text, SIGNIFICANT);

        if (order == 0)
            return (DateUnit)units[mid].value;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return UNIT_NONE;
}

/* --- tokens -------------------------------------------------------------------------------------------------- */
typedef struct Scanner {
    const char *p, *end;
    char *out; /* where the current token is written */
} Scanner;

static int
peek(const Scanner *s)
{
    return s->p < s->end ? (unsigned char)*s->p : 0;
}

static void
take(Scanner *s)
{
    *s->out++ = to_lower(*s->p++);
}

static bool
in_set(int c, const char *set)
{
    return c != 0 && strchr(set, c) != NULL;
}

/* While it is of one of the classes: 'd' digits, 'a' letters, or a character of `more`. */
static void
take_run(Scanner *s, bool digits, bool letters, const char *more)
{
    while (peek(s) != 0 &&
           ((digits && isdigit(peek(s))) || (letters && isalpha(peek(s))) || in_set(peek(s), more)))
        take(s);
}

static TokenKind
scan_number(Scanner *s)
{
    char delimiter[2] = {0};

    take_run(s, true, false, "");
    if (peek(s) == ':') {
        take_run(s, true, false, ":.");
        return TOKEN_TIME;
    }
    if (!in_set(peek(s), "-/."))
        return TOKEN_NUMBER;
    delimiter[0] = (char)peek(s);
    take(s);
    if (!isdigit(peek(s))) { /* 08-Jan-1999 */
        take_run(s, true, true, delimiter);
        return TOKEN_DATE;
    }
    take_run(s, true, false, "");
    if (peek(s) == delimiter[0]) {
        take_run(s, true, false, delimiter);
        return TOKEN_DATE;
    }
    return delimiter[0] == '.' ? TOKEN_NUMBER : TOKEN_DATE;
}

/* Letters, unless what follows makes them a date (Jan-08-1999) or the name of a zone (Etc/GMT+5). */
static TokenKind
scan_word(Scanner *s, char *start)
{
    int unused;
    bool more;

    take_run(s, false, true, "");
    more = in_set(peek(s), "-/.");
    if (!more && (peek(s) == '+' || isdigit(peek(s)))) {
        *s->out = '\0';
        more = date_word(start, &unused) == WORD_NONE;
    }
    if (!more)
        return TOKEN_STRING;
    take_run(s, true, true, "+-/_.:");
    return TOKEN_DATE;
}

static bool
scan_signed(Scanner *s, TokenKind *kind)
{
    take(s);
    while (isspace(peek(s)))
        s->p++;
    if (isdigit(peek(s))) {
        take_run(s, true, false, ":.-");
        *kind = TOKEN_ZONE;
        return true;
    }
    if (isalpha(peek(s))) {
        take_run(s, false, true, "");
        *kind = TOKEN_SPECIAL;
        return true;
    }
    return false;
}

bool
date_tokens(Ctx *cx, const char *text, size_t bytes, Token *tokens, int *count)
{
    Scanner s = {text, text + bytes, arena_alloc(cx->arena, 2 * bytes + TOKENS_MOST)};

    *count = 0;
    while (s.p < s.end) {
        char *start = s.out;
        int c = peek(&s);
        TokenKind kind;

        if (isspace(c)) {
            s.p++;
            continue;
        }
        if (isdigit(c)) {
            kind = scan_number(&s);
        } else if (c == '.') {
            take(&s);
            take_run(&s, true, false, "");
            kind = TOKEN_NUMBER;
        } else if (isalpha(c)) {
            kind = scan_word(&s, start);
        } else if (c == '+' || c == '-') {
            if (!scan_signed(&s, &kind))
                return false;
        } else if (ispunct(c)) { /* separates, and means nothing else */
            s.p++;
            continue;
        } else {
            return false;
        }
        *s.out++ = '\0';
        if (*count == TOKENS_MOST)
            return false;
        tokens[(*count)++] = (Token){kind, start};
    }
    return true;
}
