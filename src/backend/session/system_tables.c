/* system_tables.c - the tables that functions make, and pg_settings, pg_stat_activity, pg_locks, pg_prepared_statements, system_config. */
#include "backend/catalog/system_tables.h"

#include "backend/catalog/acl.h"
#include "backend/session/cursor.h"
#include "backend/session/session_int.h"
#include "backend/session/stat_tables.h"
#include "shmem/proc/wait_event.h"
#include "storage/engine/engine.h"

enum { UNIX_TO_2000_SECONDS = 946684800 };

static Value
text_or_null(const char *s)
{
    return s == NULL ? value_null() : value_var(s, strlen(s));
}

/* Wall microseconds since 1970; 0 = null. */
static Value
time_or_null(int64_t us)
{
    return us == 0 ? value_null() : value_i64(us - (int64_t)UNIX_TO_2000_SECONDS * 1000000);
}

static const char *
show_setting(Session *s, SettingNo no, bool reset)
{
    Buf b = {0};
    const char *out;

    if (reset)
        settings_show_reset(s->settings, no, true, &b);
    else
        settings_show(s->settings, no, true, &b);
    out = arena_strdup(s->cx->arena, buf_cstr(&b));
    buf_free(&b);
    return out;
}

/* As it is when nobody sets anything. */
static const char *
boot_value(Ctx *cx, const SettingInfo *info)
{
    SettingNumber initial = {.i = info->initial};
    Buf b = {0};
    const char *out;

    if (info->kind == KIND_TEXT)
        return info->text_initial;
    if (info->kind == KIND_BOOL)
        initial = (SettingNumber){.b = info->initial != 0};
    if (info->kind == KIND_REAL)
        initial = (SettingNumber){.r = info->real_initial};
    setting_format(info, initial, true, &b);
    out = arena_strdup(cx->arena, buf_cstr(&b));
    buf_free(&b);
    return out;
}

static const char *
unit_name(SettingUnit unit)
{
    static const char *const names[] = {
        [UNIT_NONE] = NULL,    [UNIT_BYTES] = "B",  [UNIT_KBYTES] = "kB", [UNIT_MBYTES] = "MB",
        [UNIT_BLOCKS] = "8kB", [UNIT_MSECS] = "ms", [UNIT_SECS] = "s"};

    return names[unit];
}

static Status
rows_settings(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    static const char *const contexts[] = {"internal", "postmaster", "sighup", "superuser", "user"};
    static const char *const kinds[] = {"bool", "integer", "real", "enum", "string"};
    Session *s = cx->session;
    bool may_see_files = catalog_is_superuser(cx);

    if (!may_see_files)
        TRY(acl_is_member(cx, catalog_role(cx), ROLE_READ_ALL_SETTINGS, true, &may_see_files));
    for (int i = 0; i < SETTING_COUNT; i++) {
        const SettingInfo *info = &setting_infos[i];
        Value v[17];

        if (info->flags & SETTING_IS_HIDDEN)
            continue;
        for (int c = 0; c < table->column_count; c++)
            v[c] = value_null();
        v[0] = text_or_null(info->name);
        v[1] = text_or_null(show_setting(s, (SettingNo)i, false));
        v[2] = text_or_null(info->kind == KIND_INT ? unit_name(info->unit) : NULL);
        v[3] = text_or_null("");
        v[4] = text_or_null(info->doc);
        v[6] = text_or_null(contexts[info->context]);
        v[7] = text_or_null(kinds[info->kind]);
        v[8] = text_or_null(settings_source_name(settings_source(s->settings, (SettingNo)i)));
        if (info->kind == KIND_INT) {
            v[9] = text_or_null(arena_printf(cx->arena, "%lld", (long long)info->min));
            v[10] = text_or_null(arena_printf(cx->arena, "%lld", (long long)info->max));
        }
        v[12] = text_or_null(boot_value(cx, info));
        v[13] = text_or_null(show_setting(s, (SettingNo)i, true));
        if (may_see_files && settings_source(s->settings, (SettingNo)i) == SOURCE_FILE) {
            v[14] = text_or_null(settings_text(s->settings, SETTING_CONFIG_FILE));
            v[15] = value_i32((int32_t)s->settings->lines[i]);
        }
        v[16] = value_bool(s->settings->pending[i]);
        TRY(to->row(cx, to, v));
    }
    return ST_OK;
}

static Status
rows_config(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    Session *s = cx->session;

    (void)table;
    for (int i = 0; i < SETTING_COUNT; i++) {
        Value v[4];

        if (setting_infos[i].flags & SETTING_IS_HIDDEN)
            continue;
        v[0] = text_or_null(setting_infos[i].name);
        v[1] = text_or_null(session_setting_text(s, (SettingNo)i));
        v[2] = text_or_null(settings_source_name(settings_source(s->settings, (SettingNo)i)));
        v[3] = text_or_null(setting_infos[i].doc);
        TRY(to->row(cx, to, v));
    }
    return ST_OK;
}

static Status
rows_activity(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    static const char *const states[] = {
        [ACTIVITY_STARTING] = NULL,
        [ACTIVITY_IDLE] = "idle",
        [ACTIVITY_ACTIVE] = "active",
        [ACTIVITY_IDLE_IN_TRANSACTION] = "idle in transaction",
        [ACTIVITY_IDLE_IN_ABORTED] = "idle in transaction (aborted)",
    };
    static const char *const kinds[] = {
        [PROC_BACKEND] = "client backend",
        [PROC_JANITOR] = "janitor",
        [PROC_STORE] = "store",
        [PROC_WAL_WRITER] = "walwriter",
    };
    ProcTable *procs = proc_table(cx->engine);

    for (uint32_t i = 0; i < proc_slot_count(procs); i++) {
        Activity a;
        Value v[22];
        bool mine;

        if (!proc_activity_read(procs, i, &a) || a.pid == 0)
            continue;
        mine = catalog_is_superuser(cx) || a.role_oid == catalog_role(cx);
        for (int c = 0; c < table->column_count; c++)
            v[c] = value_null();
        v[0] = a.database_oid != 0 ? value_oid(a.database_oid) : value_null();
        v[1] = a.database[0] != '\0' ? text_or_null(a.database) : value_null();
        v[2] = value_i32(a.pid);
        v[4] = a.role_oid != 0 ? value_oid(a.role_oid) : value_null();
        v[5] = a.role[0] != '\0' ? text_or_null(a.role) : value_null();
        v[6] = text_or_null(a.application);
        v[7] = a.client_addr[0] != '\0' ? text_or_null(a.client_addr) : value_null();
        v[9] = a.kind == PROC_BACKEND ? value_i32(a.client_port) : value_null();
        v[10] = time_or_null(a.backend_start_us);
        v[11] = time_or_null(a.xact_start_us);
        v[12] = time_or_null(a.query_start_us);
        v[13] = time_or_null(a.state_change_us);
        if (a.wait_event == WAIT_NONE && a.state != ACTIVITY_STARTING && a.state != ACTIVITY_ACTIVE)
            a.wait_event = WAIT_CLIENT_READ;
        if (mine) {
            v[14] = text_or_null(wait_event_type(a.wait_event));
            v[15] = text_or_null(wait_event_name(a.wait_event));
        }
        v[16] = a.kind == PROC_BACKEND ? text_or_null(states[a.state]) : value_null();
        v[17] = a.xid != 0 ? value_oid((uint32_t)a.xid) : value_null();
        v[20] = text_or_null(mine ? a.query : "<insufficient privilege>");
        v[21] = text_or_null(kinds[a.kind]);
        TRY(to->row(cx, to, v));
    }
    return ST_OK;
}

static const char *
lock_type(uint8_t kind)
{
    switch (kind) {
    case LOCK_KIND_RELATION: return "relation";
    case LOCK_KIND_TRANSACTION: return "transactionid";
    case LOCK_KIND_TUPLE:
    case LOCK_KIND_TUPLE_SHARED: return "tuple";
    case LOCK_KIND_ADVISORY: return "advisory";
    default: return "object";
    }
}

static Status
rows_locks(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    static const char *const modes[] = {
        "",          "AccessShareLock",       "RowShareLock",  "RowExclusiveLock",   "ShareUpdateExclusiveLock",
        "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"};
    uint32_t count = lock_list(cx, NULL, 0), most = count + 64;
    LockRow *rows = arena_array(cx->arena, LockRow, most);

    count = MIN_OF(lock_list(cx, rows, most), most);
    for (uint32_t i = 0; i < count; i++) {
        const LockRow *r = &rows[i];
        Value v[16];

        for (int c = 0; c < table->column_count; c++)
            v[c] = value_null();
        v[0] = text_or_null(lock_type(r->key.kind));
        if (r->key.branch == catalog_branch(cx))
            v[1] = value_oid(catalog_database(cx));
        if (r->key.kind == LOCK_KIND_RELATION || r->key.kind == LOCK_KIND_TUPLE ||
            r->key.kind == LOCK_KIND_TUPLE_SHARED)
            v[2] = value_oid(r->key.a);
        if (r->key.kind == LOCK_KIND_TUPLE || r->key.kind == LOCK_KIND_TUPLE_SHARED) {
            v[3] = value_i32((int32_t)tid_block(r->key.b));
            v[4] = (Value){.i16 = (int16_t)tid_slot(r->key.b), .phys = PHYS_I16};
        }
        if (r->key.kind == LOCK_KIND_TRANSACTION)
            v[6] = value_oid((uint32_t)r->key.b);
        if (r->key.kind == LOCK_KIND_OBJECT) {
            if (r->key.branch == BRANCH_SHARED)
                v[1] = value_oid(0);
            v[7] = value_oid(r->key.a);
            if (r->key.sub != LOCK_OBJECT_NAME) {
                v[8] = value_oid((uint32_t)r->key.b);
                v[9] = (Value){.i16 = 0, .phys = PHYS_I16};
            }
        }
        if (r->key.kind == LOCK_KIND_ADVISORY) {
            v[7] = value_oid((uint32_t)(r->key.b >> 32));
            v[8] = value_oid((uint32_t)r->key.b);
            v[9] = (Value){.i16 = r->key.sub, .phys = PHYS_I16};
        }
        v[11] = value_i32(r->pid);
        v[12] = text_or_null(modes[r->mode]);
        v[13] = value_bool(r->granted);
        v[14] = value_bool(r->fast_path);
        v[15] = time_or_null(r->wait_start_us);
        TRY(to->row(cx, to, v));
    }
    return ST_OK;
}

static Status
rows_prepared(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    (void)table;
    for (Prepared *p = cx->session->prepared; p != NULL; p = p->next) {
        Value v[6] = {text_or_null(p->name),   text_or_null(p->sql), value_i64(p->prepared_at),
                      value_bool(p->from_sql), value_i64(0),         value_i64(0)};

        if (p->name[0] != '\0')
            TRY(to->row(cx, to, v));
    }
    return ST_OK;
}

static Status
rows_cursors(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    (void)table;
    for (const Cursor *c = cx->session->cursors; c != NULL; c = c->next) {
        Value v[6] = {text_or_null(c->name), text_or_null(c->sql),  value_bool(c->hold),
                      value_bool(c->binary), value_bool(c->scroll), value_i64(c->declared_at)};

        TRY(to->row(cx, to, v));
    }
    return ST_OK;
}

#define TEXT_COLUMN(n)                                                                                         \
    {                                                                                                          \
        .name = n, .type = TYPE_TEXT, .typmod = -1, .phys = PHYS_VAR                                           \
    }
#define NAME_COLUMN(n)                                                                                         \
    {                                                                                                          \
        .name = n, .type = TYPE_NAME, .typmod = -1, .phys = PHYS_VAR                                           \
    }
#define INT4_COLUMN(n)                                                                                         \
    {                                                                                                          \
        .name = n, .type = TYPE_INT4, .typmod = -1, .phys = PHYS_I32                                           \
    }
#define INT2_COLUMN(n)                                                                                         \
    {                                                                                                          \
        .name = n, .type = TYPE_INT2, .typmod = -1, .phys = PHYS_I16                                           \
    }
#define INT8_COLUMN(n)                                                                                         \
    {                                                                                                          \
        .name = n, .type = TYPE_INT8, .typmod = -1, .phys = PHYS_I64                                           \
    }
#define BOOL_COLUMN(n)                                                                                         \
    {                                                                                                          \
        .name = n, .type = TYPE_BOOL, .typmod = -1, .phys = PHYS_BOOL                                          \
    }
#define OID_COLUMN(n)                                                                                          \
    {                                                                                                          \
        .name = n, .type = TYPE_OID, .typmod = -1, .phys = PHYS_U32                                            \
    }
#define XID_COLUMN(n)                                                                                          \
    {                                                                                                          \
        .name = n, .type = TYPE_XID, .typmod = -1, .phys = PHYS_U32                                            \
    }
#define FLOAT8_COLUMN(n)                                                                                       \
    {                                                                                                          \
        .name = n, .type = TYPE_FLOAT8, .typmod = -1, .phys = PHYS_F64                                         \
    }
#define NUMERIC_COLUMN(n)                                                                                      \
    {                                                                                                          \
        .name = n, .type = TYPE_NUMERIC, .typmod = -1, .phys = PHYS_VAR                                        \
    }
#define TIME_COLUMN(n)                                                                                         \
    {                                                                                                          \
        .name = n, .type = TYPE_TIMESTAMPTZ, .typmod = -1, .phys = PHYS_I64                                    \
    }
#define ARRAY_COLUMN(n)                                                                                        \
    {                                                                                                          \
        .name = n, .type = TYPE_TEXT_ARRAY, .typmod = -1, .phys = PHYS_VAR                                     \
    }

static const ColumnInfo settings_columns[] = {
    TEXT_COLUMN("name"),       TEXT_COLUMN("setting"),         TEXT_COLUMN("unit"),
    TEXT_COLUMN("category"),   TEXT_COLUMN("short_desc"),      TEXT_COLUMN("extra_desc"),
    TEXT_COLUMN("context"),    TEXT_COLUMN("vartype"),         TEXT_COLUMN("source"),
    TEXT_COLUMN("min_val"),    TEXT_COLUMN("max_val"),         ARRAY_COLUMN("enumvals"),
    TEXT_COLUMN("boot_val"),   TEXT_COLUMN("reset_val"),       TEXT_COLUMN("sourcefile"),
    INT4_COLUMN("sourceline"), BOOL_COLUMN("pending_restart"),
};
static const ColumnInfo config_columns[] = {TEXT_COLUMN("key"), TEXT_COLUMN("value"), TEXT_COLUMN("source"),
                                            TEXT_COLUMN("description")};
static const ColumnInfo activity_columns[] = {
    OID_COLUMN("datid"),
    NAME_COLUMN("datname"),
    INT4_COLUMN("pid"),
    INT4_COLUMN("leader_pid"),
    OID_COLUMN("usesysid"),
    NAME_COLUMN("usename"),
    TEXT_COLUMN("application_name"),
    TEXT_COLUMN("client_addr"),
    TEXT_COLUMN("client_hostname"),
    INT4_COLUMN("client_port"),
    TIME_COLUMN("backend_start"),
    TIME_COLUMN("xact_start"),
    TIME_COLUMN("query_start"),
    TIME_COLUMN("state_change"),
    TEXT_COLUMN("wait_event_type"),
    TEXT_COLUMN("wait_event"),
    TEXT_COLUMN("state"),
    XID_COLUMN("backend_xid"),
    XID_COLUMN("backend_xmin"),
    INT8_COLUMN("query_id"),
    TEXT_COLUMN("query"),
    TEXT_COLUMN("backend_type"),
};
static const ColumnInfo locks_columns[] = {
    TEXT_COLUMN("locktype"),
    OID_COLUMN("database"),
    OID_COLUMN("relation"),
    INT4_COLUMN("page"),
    INT2_COLUMN("tuple"),
    TEXT_COLUMN("virtualxid"),
    XID_COLUMN("transactionid"),
    OID_COLUMN("classid"),
    OID_COLUMN("objid"),
    INT2_COLUMN("objsubid"),
    TEXT_COLUMN("virtualtransaction"),
    INT4_COLUMN("pid"),
    TEXT_COLUMN("mode"),
    BOOL_COLUMN("granted"),
    BOOL_COLUMN("fastpath"),
    TIME_COLUMN("waitstart"),
};
static const ColumnInfo prepared_columns[] = {TEXT_COLUMN("name"),          TEXT_COLUMN("statement"),
                                              TIME_COLUMN("prepare_time"),  BOOL_COLUMN("from_sql"),
                                              INT8_COLUMN("generic_plans"), INT8_COLUMN("custom_plans")};
static const ColumnInfo cursors_columns[] = {TEXT_COLUMN("name"),          TEXT_COLUMN("statement"),
                                             BOOL_COLUMN("is_holdable"),   BOOL_COLUMN("is_binary"),
                                             BOOL_COLUMN("is_scrollable"), TIME_COLUMN("creation_time")};
static const ColumnInfo stats_columns[] = {
    INT4_COLUMN("sessions"),
    FLOAT8_COLUMN("cache_hit_rate"),
#define STAT(symbol, name, group, doc) INT8_COLUMN(name),
#include "storage/engine/engine_stats.def"
#undef STAT
};
static const ColumnInfo bgwriter_columns[] = {
    INT8_COLUMN("checkpoints_timed"),
    INT8_COLUMN("checkpoints_req"),
    FLOAT8_COLUMN("checkpoint_write_time"),
    FLOAT8_COLUMN("checkpoint_sync_time"),
    INT8_COLUMN("buffers_checkpoint"),
    INT8_COLUMN("buffers_clean"),
    INT8_COLUMN("maxwritten_clean"),
    INT8_COLUMN("buffers_backend"),
    INT8_COLUMN("buffers_backend_fsync"),
    INT8_COLUMN("buffers_alloc"),
    TIME_COLUMN("stats_reset"),
};
static const ColumnInfo wal_columns[] = {
    INT8_COLUMN("wal_records"),      INT8_COLUMN("wal_fpi"),         NUMERIC_COLUMN("wal_bytes"),
    INT8_COLUMN("wal_buffers_full"), INT8_COLUMN("wal_write"),       INT8_COLUMN("wal_sync"),
    FLOAT8_COLUMN("wal_write_time"), FLOAT8_COLUMN("wal_sync_time"), TIME_COLUMN("stats_reset"),
};
static const ColumnInfo archiver_columns[] = {
    INT8_COLUMN("archived_count"), TEXT_COLUMN("last_archived_wal"), TIME_COLUMN("last_archived_time"),
    INT8_COLUMN("failed_count"),   TEXT_COLUMN("last_failed_wal"),   TIME_COLUMN("last_failed_time"),
    TIME_COLUMN("stats_reset"),
};

static const ColumnInfo database_columns[] = {
    OID_COLUMN("datid"),
    NAME_COLUMN("datname"),
    INT4_COLUMN("numbackends"),
    INT8_COLUMN("xact_commit"),
    INT8_COLUMN("xact_rollback"),
    INT8_COLUMN("blks_read"),
    INT8_COLUMN("blks_hit"),
    INT8_COLUMN("tup_returned"),
    INT8_COLUMN("tup_fetched"),
    INT8_COLUMN("tup_inserted"),
    INT8_COLUMN("tup_updated"),
    INT8_COLUMN("tup_deleted"),
    INT8_COLUMN("conflicts"),
    INT8_COLUMN("temp_files"),
    INT8_COLUMN("temp_bytes"),
    INT8_COLUMN("deadlocks"),
    INT8_COLUMN("checksum_failures"),
    TIME_COLUMN("checksum_last_failure"),
    FLOAT8_COLUMN("blk_read_time"),
    FLOAT8_COLUMN("blk_write_time"),
    FLOAT8_COLUMN("session_time"),
    FLOAT8_COLUMN("active_time"),
    FLOAT8_COLUMN("idle_in_transaction_time"),
    INT8_COLUMN("sessions"),
    INT8_COLUMN("sessions_abandoned"),
    INT8_COLUMN("sessions_fatal"),
    INT8_COLUMN("sessions_killed"),
    TIME_COLUMN("stats_reset"),
};
static const ColumnInfo ssl_columns[] = {
    INT4_COLUMN("pid"),  BOOL_COLUMN("ssl"),       TEXT_COLUMN("version"),          TEXT_COLUMN("cipher"),
    INT4_COLUMN("bits"), TEXT_COLUMN("client_dn"), NUMERIC_COLUMN("client_serial"), TEXT_COLUMN("issuer_dn")};

#define SYSTEM_TABLE(oid_, name_, columns_, rows_)                                                             \
    {                                                                                                          \
        .oid = oid_, .schema = SCHEMA_PG_CATALOG, .schema_name = "pg_catalog", .name = name_,                  \
        .kind = TABLE_VIRTUAL, .owner = ROLE_BOOTSTRAP, .column_count = COUNT_OF(columns_),                    \
        .columns = columns_, .make_rows = rows_, .row_estimate = 100                                           \
    }

const TableInfo system_tables[] = {
    SYSTEM_TABLE(11601, "pg_settings", settings_columns, rows_settings),
    SYSTEM_TABLE(11602, "system_config", config_columns, rows_config),
    SYSTEM_TABLE(11603, "pg_stat_activity", activity_columns, rows_activity),
    SYSTEM_TABLE(11604, "pg_locks", locks_columns, rows_locks),
    SYSTEM_TABLE(11605, "pg_prepared_statements", prepared_columns, rows_prepared),
    SYSTEM_TABLE(11607, "pg_cursors", cursors_columns, rows_cursors),
    SYSTEM_TABLE(11606, "system_stats", stats_columns, rows_system_stats),
    SYSTEM_TABLE(11608, "pg_stat_database", database_columns, rows_stat_database),
    SYSTEM_TABLE(11610, "pg_stat_bgwriter", bgwriter_columns, rows_stat_bgwriter),
    SYSTEM_TABLE(11611, "pg_stat_wal", wal_columns, rows_stat_wal),
    SYSTEM_TABLE(11612, "pg_stat_archiver", archiver_columns, rows_stat_archiver),
    SYSTEM_TABLE(11609, "pg_stat_ssl", ssl_columns, rows_stat_ssl),
};
const int system_table_count = COUNT_OF(system_tables);
