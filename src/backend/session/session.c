/* session.c - opening and closing a session, settings taking effect, interrupts and time-outs. */
#include "backend/session/session.h"

#include "backend/session/session_int.h"

#include "backend/catalog/acl.h"
#include "backend/command/command.h"
#include "backend/session/cursor.h"
#include "backend/session/statement_cache.h"
#include "backend/type/regex.h"
#include "backend/type/timezone.h"
#include "base/env.h"
#include "base/log.h"
#include "shmem/proc/follow.h"
#include "storage/engine/engine.h"

#include <stdio.h>
#include <strings.h>

enum { EPOCH_2000_SECONDS = 946684800 };

int64_t
session_now(Session *s)
{
    return engine_wall_us(s->cx->engine) - (int64_t)EPOCH_2000_SECONDS * 1000000;
}

/* ---- interrupts ---------------------------------------------------------------------------------------------- */

const char *
session_end_reason(uint32_t bits)
{
    return bits & INTERRUPT_ORPHANED ? "terminating connection due to unexpected postmaster exit"
                                     : "terminating connection due to administrator command";
}

static Status
poll_session(Ctx *cx)
{
    uint32_t bits = atomic_load(cx->interrupt);

    if (bits & INTERRUPT_TERMINATE)
        return fail(cx, ST_CLOSED, "57P01", "%s", session_end_reason(bits));
    if (bits & INTERRUPT_CANCEL) {
        atomic_fetch_and(cx->interrupt, ~(uint32_t)INTERRUPT_CANCEL);
        return fail(cx, ST_CANCELED, "57014", "canceling statement due to user request");
    }
    if (bits & INTERRUPT_WAKE) {
        atomic_fetch_and(cx->interrupt, ~(uint32_t)INTERRUPT_WAKE);
        engine_rest(cx);
    }
    if (cx->deadline_us != 0 && env_mono_us(cx->env) >= cx->deadline_us) {
        cx->deadline_us = 0;
        return fail(cx, ST_CANCELED, "57014", "canceling statement due to statement timeout");
    }
    return ST_OK;
}

static void
notice_session(Ctx *cx, const ErrorInfo *info)
{
    Session *s = cx->session;

    if (s == NULL || s->notice == NULL)
        return;
    s->notice(s->notice_arg, cx, info);
}

static const CtxHooks session_hooks = {.poll = poll_session, .notice = notice_session};

/* ---- settings -------------------------------------------------------------------------------------------------- */

static void
apply_time_zone(Session *s)
{
    const TimeZone *zone = timezone_of_setting(settings_text(s->settings, SETTING_TIMEZONE));

    if (zone != NULL)
        s->format.time_zone = zone;
}

/* ---- roles ----------------------------------------------------------------------------------------------------- */

typedef struct KnownRole {
    struct KnownRole *next;
    Oid oid;
    bool superuser;
    char name[NAME_MOST_BYTES + 1];
} KnownRole;

/* Looks a role up and remembers it, for setting_changed, which cannot fail. *out NULL: no such role. */
static Status
find_role(Session *s, const char *name, KnownRole **out)
{
    Ctx *cx = s->cx;
    CatalogRow *rows;
    int count;
    bool own = cx->txn == NULL;
    Status rc = ST_OK;

    *out = NULL;
    if (strlen(name) > NAME_MOST_BYTES)
        return ST_OK;
    if (own)
        TRY(txn_begin(cx, ISOLATION_READ_COMMITTED));
    rc = catalog_find(cx, CAT_PG_AUTHID, COL_PG_AUTHID_rolname, value_name(cx, name), 0, value_null(), &rows,
                      &count);
    if (rc == ST_OK && count > 0) {
        KnownRole *r = s->known_roles;

        while (r != NULL && strcmp(r->name, name) != 0)
            r = r->next;
        if (r == NULL) {
            r = arena_new(s->arena, KnownRole);
            snprintf(r->name, sizeof(r->name), "%s", name);
            r->next = s->known_roles;
            s->known_roles = r;
        }
        r->oid = rows[0].values[COL_PG_AUTHID_oid].u32;
        r->superuser = rows[0].values[COL_PG_AUTHID_rolsuper].b;
        *out = r;
    }
    if (own)
        txn_abort(cx);
    return rc;
}

static const KnownRole *
known_role(const Session *s, const char *name)
{
    for (const KnownRole *r = s->known_roles; r != NULL; r = r->next) {
        if (strcmp(r->name, name) == 0)
            return r;
    }
    return NULL;
}

static Status
check_role(Session *s, SettingNo no, const char *text)
{
    KnownRole *r;
    bool member = true;

    if (no == SETTING_ROLE && strcmp(text, "none") == 0)
        return ST_OK;
    TRY(find_role(s, text, &r));
    if (r == NULL)
        return fail(s->cx, ST_ERROR, "22023", "role \"%s\" does not exist", text);
    if (no == SETTING_ROLE && !s->session_superuser)
        TRY(acl_is_member(s->cx, s->session_user, r->oid, false, &member));
    if (!member)
        return fail(s->cx, ST_ERROR, "42501", "permission denied to set role \"%s\"", text);
    if (no == SETTING_SESSION_AUTHORIZATION && !s->login_superuser && r->oid != s->login_user)
        return fail(s->cx, ST_ERROR, "42501", "permission denied to set session authorization");
    return ST_OK;
}

/* Everything asks the catalog who it works for. */
static void
apply_role(Session *s, SettingNo no)
{
    const char *text = settings_text(s->settings, no);
    const KnownRole *r = known_role(s, text);

    if (s->login_user == OID_NONE)
        return;
    if (no == SETTING_SESSION_AUTHORIZATION) {
        bool other = r != NULL && r->oid != s->login_user;

        s->session_user = other ? r->oid : s->login_user;
        s->session_user_name = other ? r->name : s->login_user_name;
        s->session_superuser = other ? r->superuser : s->login_superuser;
        r = NULL;
    }
    if (r != NULL)
        catalog_set_role(s->cx, r->oid, r->name, r->superuser);
    else
        catalog_set_role(s->cx, s->session_user, s->session_user_name, s->session_superuser);
    settings_assign_number(s->settings, SETTING_IS_SUPERUSER,
                           (SettingNumber){.b = catalog_is_superuser(s->cx)});
}

/* ---- settings that have an effect -------------------------------------------------------------------------------- */

static void
apply_memory(Session *s)
{
    uint64_t work = (uint64_t)settings_int(s->settings, SETTING_WORK_MEM) * 1024;
    int64_t limit_kb = settings_int(s->settings, SETTING_TEMP_FILE_LIMIT);

    s->work_memory = (WorkMemory){
        .sort_bytes = work,
        .hash_bytes = (uint64_t)((double)work * settings_real(s->settings, SETTING_HASH_MEM_MULTIPLIER)),
        .build_bytes = (uint64_t)settings_int(s->settings, SETTING_MAINTENANCE_WORK_MEM) * 1024,
    };
    s->temp.limited = limit_kb >= 0;
    s->temp.limit_bytes = limit_kb >= 0 ? (uint64_t)limit_kb * 1024 : 0;
}

/* log_temp_files */
static void
temp_file_ended(Ctx *cx, uint64_t bytes)
{
    const Session *s = cx->session;
    int64_t least_kb = settings_int(s->settings, SETTING_LOG_TEMP_FILES);

    if (least_kb >= 0 && bytes >= (uint64_t)least_kb * 1024)
        log_line(LOG_INFO, "temporary file: size %llu", (unsigned long long)bytes);
}

static void
setting_changed(void *arg, SettingNo no)
{
    Session *s = arg;

    s->settings_changed = true;
    switch (no) {
    case SETTING_ROLE:
    case SETTING_SESSION_AUTHORIZATION: apply_role(s, no); break;
    case SETTING_DATESTYLE: {
        DateStyleParts p = setting_datestyle_parts(settings_text(s->settings, SETTING_DATESTYLE));

        s->format.date_style = (DateStyle)p.style;
        s->format.date_order = (DateOrder)p.order;
        break;
    }
    case SETTING_INTERVALSTYLE:
        s->format.interval_style = (IntervalStyle)settings_int(s->settings, SETTING_INTERVALSTYLE);
        break;
    case SETTING_TIMEZONE: apply_time_zone(s); break;
    case SETTING_EXTRA_FLOAT_DIGITS:
        s->format.extra_float_digits = (int)settings_int(s->settings, SETTING_EXTRA_FLOAT_DIGITS);
        break;
    case SETTING_BYTEA_OUTPUT:
        s->format.bytea_hex = strcmp(session_setting_text(s, SETTING_BYTEA_OUTPUT), "hex") == 0;
        break;
    case SETTING_WORK_MEM:
    case SETTING_HASH_MEM_MULTIPLIER:
    case SETTING_MAINTENANCE_WORK_MEM:
    case SETTING_TEMP_FILE_LIMIT: apply_memory(s); break;
    case SETTING_SEARCH_PATH:
        catalog_set_search_path(s->cx, settings_text(s->settings, SETTING_SEARCH_PATH));
        break;
    case SETTING_LOCK_TIMEOUT:
        lock_set_timeout(s->cx, (uint64_t)settings_int(s->settings, SETTING_LOCK_TIMEOUT) * 1000);
        break;
    case SETTING_SYNCHRONOUS_COMMIT:
        txn_set_asynchronous(s->cx, strcmp(session_setting_text(s, SETTING_SYNCHRONOUS_COMMIT), "off") == 0);
        break;
    case SETTING_FOLLOW_CLIENT:
        proc_set_may_follow(s->cx->proc, settings_bool(s->settings, SETTING_FOLLOW_CLIENT));
        break;
    case SETTING_DEADLOCK_TIMEOUT:
        lock_set_deadlock_timeout(s->cx, (uint64_t)settings_int(s->settings, SETTING_DEADLOCK_TIMEOUT) * 1000);
        break;
    case SETTING_APPLICATION_NAME: {
        Activity *a = proc_activity_begin(s->cx->proc);

        snprintf(a->application, sizeof(a->application), "%s",
                 settings_text(s->settings, SETTING_APPLICATION_NAME));
        proc_activity_end(s->cx->proc);
        break;
    }
    default: break;
    }
}

static Status
setting_check(Ctx *cx, void *arg, SettingNo no, const char *text, Buf *kept)
{
    Session *s = arg;
    const TimeZone *zone;

    switch (no) {
    case SETTING_ROLE:
    case SETTING_SESSION_AUTHORIZATION: return check_role(s, no, text);
    case SETTING_TIMEZONE:
        zone = timezone_of_setting(text);
        if (zone == NULL)
            return fail(cx, ST_ERROR, "22023", "invalid value for parameter \"TimeZone\": \"%s\"", text);
        if (kept != NULL) { /* `text` lies in it */
            buf_clear(kept);
            buf_add_text(kept, timezone_name(zone));
        }
        return ST_OK;
    case SETTING_TRANSACTION_ISOLATION:
    case SETTING_DEFAULT_TRANSACTION_ISOLATION:
        if (strcasecmp(text, "serializable") == 0)
            return fail_unsupported(cx, -1, "isolation level SERIALIZABLE");
        if (no == SETTING_TRANSACTION_ISOLATION && s->cx->txn != NULL && s->snapshot_taken)
            return fail(cx, ST_ERROR, "25001",
                        "SET TRANSACTION ISOLATION LEVEL must be called before any query");
        return ST_OK;
    default: return ST_OK;
    }
}

SettingHooks
session_setting_hooks(Session *s)
{
    return (SettingHooks){.check = setting_check, .changed = setting_changed, .arg = s};
}

/* The words of an enum, and what SHOW shows of the others; lies in the message arena. */
const char *
session_setting_text(Session *s, SettingNo no)
{
    Buf b = {0};
    const char *out;

    settings_show(s->settings, no, false, &b);
    out = arena_strdup(&s->message, buf_cstr(&b));
    buf_free(&b);
    return out;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

Status
session_open(Ctx *cx, Arena *arena, SettingSet *settings, Session **out)
{
    Session *s = arena_new(arena, Session);
    static const SettingNo effective[] = {SETTING_DATESTYLE,    SETTING_INTERVALSTYLE,
                                          SETTING_TIMEZONE,     SETTING_EXTRA_FLOAT_DIGITS,
                                          SETTING_BYTEA_OUTPUT, SETTING_SEARCH_PATH,
                                          SETTING_LOCK_TIMEOUT, SETTING_DEADLOCK_TIMEOUT,
                                          SETTING_WORK_MEM,     SETTING_FOLLOW_CLIENT};

    s->cx = cx;
    s->arena = arena;
    s->settings = settings;
    engine_budget_init(cx, &s->budget);
    arena_init(&s->message, "message", &s->budget);
    arena_init(&s->spare_portal, "portal", &s->budget);
    s->format.random_state = &s->random_state;
    s->format.reg_names = session_reg_names();
    s->format.regex_cache = regex_cache_create();
    s->cache = statement_cache_new(arena);
    cx->session = s;
    cx->format = &s->format;
    s->temp.ended = temp_file_ended;
    cx->temp = &s->temp;
    cx->work_memory = &s->work_memory;
    cx->hooks = &session_hooks;
    for (size_t i = 0; i < COUNT_OF(effective); i++)
        setting_changed(s, effective[i]);
    settings->hooks = session_setting_hooks(s);
    *out = s;
    return ST_OK;
}

void
session_login(Session *s, Oid role, const char *name, bool superuser, Oid database, BranchId branch,
              const char *database_name)
{
    Ctx *cx = s->cx;
    Activity *a;

    s->session_user = role;
    s->session_user_name = arena_strdup(s->arena, name);
    s->session_superuser = superuser;
    s->login_user = role;
    s->login_user_name = s->session_user_name;
    s->login_superuser = superuser;
    catalog_set_database(cx, database, branch, database_name);
    catalog_set_role(cx, role, name, superuser);
    a = proc_activity_begin(cx->proc);
    a->database_oid = database;
    a->role_oid = role;
    a->branch = branch;
    snprintf(a->database, sizeof(a->database), "%s", database_name);
    snprintf(a->role, sizeof(a->role), "%s", name);
    a->state = ACTIVITY_IDLE;
    proc_activity_end(cx->proc);
}

void
session_close(Session *s)
{
    Ctx *cx = s->cx;

    cx->deadline_us = 0;
    session_close_portals(s);
    cursors_close_all(s);
    if (cx->txn != NULL)
        txn_abort(cx);
    temp_close(s);
    while (s->prepared != NULL)
        session_drop_prepared(s, s->prepared);
    statement_cache_clear(s);
    arena_free(&s->spare_portal);
    lock_release_all(cx, LOCK_SPAN_SESSION);
    regex_cache_free(s->format.regex_cache);
    s->format.regex_cache = NULL;
    arena_free(&s->message);
    cx->session = NULL;
    cx->temp = NULL;
    cx->work_memory = NULL;
    cx->hooks = NULL;
}

/* The state that ends has lasted so long. */
static void
count_time(Proc *proc, const Activity *a, int64_t now)
{
    uint64_t us = (uint64_t)MAX_OF(now - a->state_change_us, 0);

    if (a->state == ACTIVITY_ACTIVE)
        proc_count_more(proc, COUNT_ACTIVE_US, us);
    else if (a->state == ACTIVITY_IDLE_IN_TRANSACTION || a->state == ACTIVITY_IDLE_IN_ABORTED)
        proc_count_more(proc, COUNT_IDLE_IN_TRANSACTION_US, us);
}

static void
show_activity(Session *s, ActivityState state, bool starts, const char *query)
{
    Activity *a;
    int64_t now = engine_wall_us(s->cx->engine);

    a = proc_activity_begin(s->cx->proc);
    count_time(s->cx->proc, a, now);
    a->state = state;
    a->state_change_us = now;
    if (starts)
        a->query_start_us = now;
    if (query != NULL) {
        size_t bytes = strnlen(query, sizeof(a->query) - 1);

        memcpy(a->query, query, bytes);
        a->query[bytes] = '\0';
    }
    proc_activity_end(s->cx->proc);
}

void
session_activity(Session *s, ActivityState state, const char *query)
{
    if (query != NULL)
        s->shown_serial = 0;
    show_activity(s, state, query != NULL, query);
}

void
session_activity_prepared(Session *s, const Prepared *p)
{
    show_activity(s, ACTIVITY_ACTIVE, true, s->shown_serial == p->serial ? NULL : p->sql);
    s->shown_serial = p->serial;
}
