/* setting_check.c - texts that are more than texts: DateStyle, encodings, time zones, names. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "backend/config/config_int.h"

/* Anything that is not printable ASCII becomes '?', as in PostgreSQL: the name goes into logs. */
Status
check_application_name(Ctx *cx, const SettingSet *set, const char *text, Buf *kept)
{
    (void)cx;
    (void)set;
    for (const char *p = text; *p != '\0' && kept->bytes < 63; p++)
        buf_add_char(kept, *p < 32 || *p > 126 ? '?' : *p);
    return ST_OK;
}

/* SQL_ASCII means "do not convert", which is what happens. */
Status
check_client_encoding(Ctx *cx, const SettingSet *set, const char *text, Buf *kept)
{
    static const char *const others[] = {
        "BIG5",    "EUC_CN",        "EUC_JP",   "EUC_JIS_2004",   "EUC_KR",  "EUC_TW",  "GB18030",
        "GBK",     "ISO_8859_5",    "JOHAB",    "KOI8R",          "KOI8U",   "LATIN1",  "LATIN2",
        "LATIN3",  "LATIN4",        "LATIN5",   "LATIN6",         "LATIN7",  "LATIN8",  "LATIN9",
        "LATIN10", "MULE_INTERNAL", "SJIS",     "SHIFT_JIS_2004", "UHC",     "WIN866",  "WIN874",
        "WIN1250", "WIN1251",       "WIN1252",  "WIN1253",        "WIN1254", "WIN1255", "WIN1256",
        "WIN1257", "WIN1258",       "ISO88591", "ISO885915"};
    char word[32];
    size_t n = 0;

    (void)set;
    for (const char *p = text; *p != '\0' && n < sizeof(word) - 1; p++) {
        if (isalnum((unsigned char)*p))
            word[n++] = *p;
    }
    word[n] = '\0';
    if (strcasecmp(word, "UTF8") == 0 || strcasecmp(word, "UNICODE") == 0) {
        buf_add_text(kept, "UTF8");
        return ST_OK;
    }
    if (strcasecmp(word, "SQLASCII") == 0) {
        buf_add_text(kept, "SQL_ASCII");
        return ST_OK;
    }
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        char plain[32];
        size_t m = 0;

        for (const char *p = others[i]; *p != '\0'; p++) {
            if (*p != '_')
                plain[m++] = *p;
        }
        plain[m] = '\0';
        if (strcasecmp(plain, word) == 0) {
            fail(cx, ST_ERROR, "0A000", "client encoding \"%s\" is not supported", others[i]);
            fail_hint(cx, "Use UTF8.");
            return ST_ERROR;
        }
    }
    return fail_value(cx, &setting_infos[SETTING_CLIENT_ENCODING], text);
}

/* ---- DateStyle ------------------------------------------------------------------------------------ */

static const char *const style_names[] = {"ISO", "SQL", "Postgres", "German"};
static const char *const order_names[] = {"MDY", "DMY", "YMD"};

/* *style and *order: -1 = not said. False: no such word. */
static bool
datestyle_word(const char *word, size_t bytes, int *style, int *order)
{
    static const struct {
        const char *word;
        size_t least; /* 0 = in full */
        int style, order;
    } words[] = {
        {"iso", 0, 0, -1},        {"sql", 0, 1, -1},      {"postgres", 8, 2, -1}, {"german", 0, 3, -1},
        {"ymd", 0, -1, 2},        {"dmy", 0, -1, 1},      {"mdy", 0, -1, 0},      {"us", 0, -1, 0},
        {"euro", 4, -1, 1},       {"european", 4, -1, 1}, {"noneuro", 7, -1, 0},  {"noneuropean", 7, -1, 0},
        {"postgresql", 8, 2, -1},
    };

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        size_t full = strlen(words[i].word), least = words[i].least > 0 ? words[i].least : full;

        if (bytes >= least && bytes <= full && strncasecmp(word, words[i].word, bytes) == 0) {
            *style = words[i].style;
            *order = words[i].order;
            return true;
        }
    }
    return false;
}

DateStyleParts
setting_datestyle_parts(const char *kept)
{
    DateStyleParts parts = {0};
    const char *comma = strchr(kept, ',');

    ASSERT(comma != NULL);
    for (int i = 0; i < (int)COUNT_OF(style_names); i++) {
        if (strncmp(kept, style_names[i], (size_t)(comma - kept)) == 0)
            parts.style = i;
    }
    for (int i = 0; i < (int)COUNT_OF(order_names); i++) {
        if (strcmp(comma + 2, order_names[i]) == 0)
            parts.order = i;
    }
    return parts;
}

Status
check_datestyle(Ctx *cx, const SettingSet *set, const char *text, Buf *kept)
{
    const SettingInfo *info = &setting_infos[SETTING_DATESTYLE];
    DateStyleParts parts = setting_datestyle_parts(set->values[SETTING_DATESTYLE].text);
    int style = -1, order = -1;

    for (const char *p = text;;) {
        const char *word;
        size_t bytes;
        int a, b;

        p += strspn(p, " \t\n,\"'");
        bytes = strcspn(p, " \t\n,\"'");
        if (bytes == 0)
            break;
        word = p;
        p += bytes;
        if (bytes == 7 && strncasecmp(word, "default", 7) == 0) {
            parts = setting_datestyle_parts(set->resets[SETTING_DATESTYLE].text);
            continue;
        }
        if (!datestyle_word(word, bytes, &a, &b)) {
            fail_value(cx, info, text);
            fail_detail(cx, "Unrecognized key word: \"%.*s\".", (int)bytes, word);
            return ST_ERROR;
        }
        if ((a >= 0 && style >= 0 && style != a) || (b >= 0 && order >= 0 && order != b)) {
            fail_value(cx, info, text);
            fail_detail(cx, "Conflicting \"datestyle\" specifications.");
            return ST_ERROR;
        }
        style = a >= 0 ? a : style;
        order = b >= 0 ? b : order;
        if (a == 3 && order < 0)
            parts.order = 1; /* German dates are day, month, year unless said otherwise */
    }
    buf_printf(kept, "%s, %s", style_names[style >= 0 ? style : parts.style],
               order_names[order >= 0 ? order : parts.order]);
    return ST_OK;
}

/* The form of the name only; whether the zone exists is the session's `check` hook to say. */
Status
check_timezone(Ctx *cx, const SettingSet *set, const char *text, Buf *kept)
{
    (void)set;
    if (text[0] == '\0' || strstr(text, "..") != NULL || text[0] == '/' || strlen(text) > 200)
        return fail_value(cx, &setting_infos[SETTING_TIMEZONE], text);
    buf_add_text(kept, text);
    return ST_OK;
}

/* ---- where a key comes from --------------------------------------------------------------------------------------- */

static const char *const key_sources[] = {"Environment", "File", "Command", "Credential"};

const char *
setting_key_source(const char *text, KeySourceKind *kind)
{
    for (size_t i = 0; i < COUNT_OF(key_sources); i++) {
        size_t bytes = strlen(key_sources[i]);

        if (strncasecmp(text, key_sources[i], bytes) != 0 || text[bytes] != ':' || text[bytes + 1] == '\0')
            continue;
        *kind = (KeySourceKind)i;
        return text + bytes + 1;
    }
    return NULL;
}

/* "File:/path", as config_file.c writes an inline table. */
Status
check_key_source(Ctx *cx, const SettingSet *set, const char *text, Buf *kept)
{
    KeySourceKind kind;
    const char *what = setting_key_source(text, &kind);

    (void)set;
    if (text[0] == '\0')
        return ST_OK;
    if (what != NULL) {
        buf_printf(kept, "%s:%s", key_sources[kind], what);
        return ST_OK;
    }
    (void)fail_value(cx, &setting_infos[SETTING_ENCRYPTION_KEY_SOURCE], text);
    fail_detail(cx, "expected { Environment = \"NAME\" }, { File = \"...\" }, { Command = \"...\" } or "
                    "{ Credential = \"NAME\" }");
    return ST_ERROR;
}
