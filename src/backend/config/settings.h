/* src/backend/config/settings.h - the values of one server or one session.
 *
 * A server has one SettingSet: defaults, then the file, the environment, the flags. A session starts
 * as a copy of it, takes what its database, role and start-up packet ask for, and that is what RESET
 * goes back to. SET and SET LOCAL follow transactions: the session calls settings_push at the start
 * of each transaction and savepoint and settings_pop at its end, and gets PostgreSQL's behaviour.
 *
 * Texts handed out stay valid until the setting changes. Not thread-safe; one session. */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H
#include "backend/config/setting.h"

typedef enum SettingSource {
    SOURCE_DEFAULT,
    SOURCE_FILE,
    SOURCE_ENVIRONMENT,
    SOURCE_FLAG,
    SOURCE_DATABASE, /* ALTER DATABASE ... SET */
    SOURCE_ROLE,
    SOURCE_DATABASE_ROLE,
    SOURCE_CLIENT, /* start-up packet */
    SOURCE_SESSION, /* SET */
    SOURCE_OVERRIDE, /* set by us */
} SettingSource;

typedef struct SettingText SettingText;
typedef struct SettingValue {
    union {
        SettingNumber number;
        const char *text;
    };
    SettingText *owner; /* of a text that is not static */
} SettingValue;

/* What the session wants to know; every field may be NULL. */
typedef struct SettingHooks {
    /* Asked before a value is taken, in addition to the setting's own check: does TimeZone exist, may
     * transaction_isolation change now, is there such a role. `kept` (NULL: it is no text, or a value that
     * was kept before) holds what will be kept and may be put in its usual form. */
    Status (*check)(Ctx *cx, void *arg, SettingNo no, const char *text, Buf *kept);
    /* The value is another one now, be it by SET, RESET or rollback. Must not fail. */
    void (*changed)(void *arg, SettingNo no);
    void *arg;
} SettingHooks;

typedef struct SettingUndo SettingUndo;
typedef struct CustomSetting CustomSetting;

struct SettingSet {
    SettingValue values[SETTING_COUNT];
    SettingValue resets[SETTING_COUNT]; /* what RESET goes back to */
    uint8_t sources[SETTING_COUNT], reset_sources[SETTING_COUNT]; /* SettingSource */
    const char *file; /* SOURCE_FILE: which, and where in it; NULL = none was read */
    uint32_t lines[SETTING_COUNT];
    bool pending
        [SETTING_COUNT]; /* after a reload: the file has another value, and a restart would take it over */
    CustomSetting *customs;
    int custom_count, custom_capacity;
    SettingUndo *undos; /* levels ascending */
    int undo_count, undo_capacity;
    int level; /* of transactions and savepoints open */
    SettingHooks hooks;
    uint64_t plan_key; /* 0 = not computed */
    int64_t loaded_us; /* when file, environment and flags were read: wall clock */
};

/* ---- making --------------------------------------------------------------------------------------- */
void settings_init_defaults(SettingSet *set);
void settings_init_session(SettingSet *set, const SettingSet *server);
void settings_free(SettingSet *set);
/* After start-up: what is set now is what RESET goes back to, for all sources below SESSION. */
void settings_seal(SettingSet *set);
/* The server's set was replaced (reload): takes over what the session has not overridden, as far as
 * it may change while running. */
void settings_rebase(SettingSet *set, const SettingSet *server);

/* ---- reading -------------------------------------------------------------------------------------- */
static inline int64_t
settings_int(const SettingSet *set, SettingNo no)
{
    return set->values[no].number.i;
}
static inline bool
settings_bool(const SettingSet *set, SettingNo no)
{
    return set->values[no].number.b;
}
static inline double
settings_real(const SettingSet *set, SettingNo no)
{
    return set->values[no].number.r;
}
static inline const char *
settings_text(const SettingSet *set, SettingNo no)
{
    return set->values[no].text;
}
/* The number of a name, custom ones included; 42704 when there is no such setting. */
MUST_CHECK Status settings_find(Ctx *cx, const SettingSet *set, const char *name, SettingNo *out);
const char *settings_name(const SettingSet *set, SettingNo no);
/* All numbers below this are in use. */
int settings_count(const SettingSet *set);
/* Appends as SHOW shows it, or (plain) without units. */
void settings_show(const SettingSet *set, SettingNo no, bool plain, Buf *to);
void settings_show_reset(const SettingSet *set, SettingNo no, bool plain, Buf *to);
SettingSource settings_source(const SettingSet *set, SettingNo no);
/* "default", "configuration file", "session", ... (pg_settings.source). */
const char *settings_source_name(SettingSource source);
/* Changes whenever a value marked PLAN does, and comes back with it (X2). */
uint64_t settings_plan_key(SettingSet *set);

/* The parts of encryption.key_source: returns what stands behind the kind ("File:/path"), NULL if there is none. */
typedef enum KeySourceKind {
    KEY_FROM_ENVIRONMENT,
    KEY_FROM_FILE,
    KEY_FROM_COMMAND,
    KEY_FROM_CREDENTIAL
} KeySourceKind;
const char *setting_key_source(const char *text, KeySourceKind *kind);

/* ---- changing ------------------------------------------------------------------------------------- */
typedef enum SettingScope { SCOPE_SESSION, SCOPE_LOCAL } SettingScope;
/* SET name = text (text NULL: TO DEFAULT, the same as RESET). Errors as PostgreSQL: 42704, 22023,
 * 55P02, 42501. On failure nothing has changed. */
MUST_CHECK Status settings_set(Ctx *cx, SettingSet *set, const char *name, const char *text, SettingScope scope,
                               bool superuser);
/* RESET ALL. */
MUST_CHECK Status settings_reset_all(Ctx *cx, SettingSet *set);
/* Before the session runs: what database, role or start-up packet ask for. */
MUST_CHECK Status settings_set_initial(Ctx *cx, SettingSet *set, const char *name, const char *text,
                                       SettingSource source, bool superuser);
/* Of the server's set: by number, from file (line), environment or flag. `bare` = unit of a bare
 * number. A weaker source never replaces a stronger one. */
MUST_CHECK Status settings_set_server(Ctx *cx, SettingSet *set, SettingNo no, SettingUnit bare,
                                      const char *text, SettingSource source, uint32_t line);
/* By us, whatever the context says; checks and `check` hook are not asked. Part of no transaction. */
void settings_assign_number(SettingSet *set, SettingNo no, SettingNumber value);
void settings_assign_text(SettingSet *set, SettingNo no, const char *text);

void settings_push(SettingSet *set);
/* `commit`: SETs of this level stay, SET LOCALs go with the outermost. Else all go. */
void settings_pop(SettingSet *set, bool commit);

/* "a.b": two or more simple identifiers. */
bool settings_custom_name_is_valid(const char *name);

#endif
