/* src/backend/config/setting.h - what settings there are: one SettingInfo per row of settings.def.
 *
 * Everything here is read-only and known at compile time. Values of a server or session are in
 * settings.h. */
#ifndef CONFIG_SETTING_H
#define CONFIG_SETTING_H
#include "base/buf.h"
#include "base/ctx.h"

typedef enum SettingNo {
#define SETTING_BOOL(symbol, ...) SETTING_##symbol,
#define SETTING_INT(symbol, ...)  SETTING_##symbol,
#define SETTING_REAL(symbol, ...) SETTING_##symbol,
#define SETTING_ENUM(symbol, ...) SETTING_##symbol,
#define SETTING_TEXT(symbol, ...) SETTING_##symbol,
#define KEY(...)
#include "backend/config/settings.def"
#undef SETTING_BOOL
#undef SETTING_INT
#undef SETTING_REAL
#undef SETTING_ENUM
#undef SETTING_TEXT
#undef KEY
    SETTING_COUNT /* numbers from here on are custom settings ("a.b") of one SettingSet */
} SettingNo;

typedef enum SettingKind { KIND_BOOL, KIND_INT, KIND_REAL, KIND_ENUM, KIND_TEXT } SettingKind;
typedef enum SettingUnit {
    UNIT_NONE,
    UNIT_BYTES,
    UNIT_KBYTES,
    UNIT_MBYTES,
    UNIT_BLOCKS, /* of 8 kB */
    UNIT_MSECS,
    UNIT_SECS,
} SettingUnit;
/* Who may change it, and when. */
typedef enum SettingContext {
    CONTEXT_INTERNAL, /* nobody: it is a fact */
    CONTEXT_POSTMASTER, /* start of the server only */
    CONTEXT_SIGHUP, /* also by a changed file and `reload` */
    CONTEXT_SUPERUSER, /* also by a superuser's SET */
    CONTEXT_USER, /* also by anyone's SET */
} SettingContext;
enum {
    SETTING_IS_PLAN = 1,
    SETTING_IS_REPORT = 2,
    SETTING_IS_LATER = 4,
    SETTING_IS_NO_RESET = 8,
    SETTING_IS_LIST = 16,
    SETTING_IS_HIDDEN = 32,
};

typedef struct SettingWord {
    const char *name; /* NULL ends the list */
    int value;
    bool hidden; /* taken, but not offered */
} SettingWord;

typedef struct SettingSet SettingSet;
/* Refuses a text (22023) or appends the form it is kept in. `set` holds the values so far. */
typedef Status (*SettingCheck)(Ctx *cx, const SettingSet *set, const char *text, Buf *kept);

typedef struct SettingInfo {
    const char *name;
    uint8_t name_bytes;
    SettingKind kind;
    SettingContext context;
    SettingUnit unit; /* KIND_INT */
    uint32_t flags;
    int64_t min, max; /* KIND_INT */
    double real_min, real_max; /* KIND_REAL */
    int64_t initial; /* BOOL, INT, ENUM */
    double real_initial;
    const char *text_initial;
    const SettingWord *words; /* KIND_ENUM */
    SettingCheck check; /* KIND_TEXT; may be NULL */
    const char *doc;
} SettingInfo;

extern const SettingInfo setting_infos[SETTING_COUNT];

/* Names are case-insensitive. False when there is none. */
MUST_CHECK bool setting_find(const char *name, SettingNo *out);
/* "ms", "8kB", ...; NULL without unit (pg_settings.unit). */
const char *setting_unit_name(SettingUnit unit);

/* A parsed value of any kind but text. */
typedef union SettingNumber {
    bool b;
    int64_t i; /* also enum */
    double r;
} SettingNumber;
/* Text to value as PostgreSQL reads it: units, 22023 with its hints. A bare number counts in `bare`
 * (normally info->unit). Not for KIND_TEXT. */
MUST_CHECK Status setting_parse(Ctx *cx, const SettingInfo *info, SettingUnit bare, const char *text,
                                SettingNumber *out);
/* As SHOW does ("64MB"), or with `plain` as pg_settings.setting does ("65536"). Not for KIND_TEXT. */
void setting_format(const SettingInfo *info, SettingNumber value, bool plain, Buf *to);
/* "an integer between 1 and 65535", "one of lz4, zstd, none", ... for messages and the manual. */
void setting_expectation(const SettingInfo *info, Buf *to);
/* SETTING_IS_LATER: 0A000 unless the value is the default or means off. */
MUST_CHECK Status setting_check_later(Ctx *cx, const SettingInfo *info, SettingNumber value, const char *text);
/* PostgreSQL's words for true and false, abbreviated or not; false when it is none. */
MUST_CHECK bool setting_parse_bool(const char *text, bool *out);

/* ---- keys of the configuration file --------------------------------------------------------------- */
typedef enum KeyForm { KEY_PLAIN, KEY_BYTES, KEY_MSECS, KEY_SECS, KEY_SYNC } KeyForm;
typedef struct SettingKey {
    const char *section, *key;
    SettingNo setting;
    KeyForm form;
} SettingKey;
const SettingKey *setting_keys(int *count);

/* DateStyle in parts, for whoever formats dates. */
typedef struct DateStyleParts {
    int style; /* 0 ISO, 1 SQL, 2 Postgres, 3 German: as DateStyle in backend/type */
    int order; /* 0 MDY, 1 DMY, 2 YMD: as DateOrder */
} DateStyleParts;
/* Of a kept value, which is always well-formed. */
DateStyleParts setting_datestyle_parts(const char *kept);

#endif
