/* protocol.c - messages in, messages out.
 *
 * After an error in the extended protocol everything up to Sync is thrown away; an implicit transaction
 * commits at Sync. Output leaves when there is nothing more to read: at ReadyForQuery, at Flush, and when
 * much has collected. */
#include "backend/session/protocol.h"

#include "backend/door/door.h"
#include "backend/session/session_int.h"
#include "backend/wire/encode.h"
#include "base/log.h"
#include "base/utf8.h"
#include "storage/engine/engine.h"

#include <stdlib.h>

typedef struct WireSink {
    Sink base;
    Conn *conn;
    const int16_t *formats; /* result formats of the portal */
    int format_count;
    bool describe; /* simple protocol: announce the columns */
    bool copy_done, copy_failed;
} WireSink;

typedef struct Loop {
    Session *s;
    Ctx *cx;
    Conn *conn;
    bool skip_to_sync;
    bool over;
    const char *statement; /* what the message being handled asks for; NULL: not known, or no statement */
    char *reported[SETTING_COUNT]; /* what the client was told of settings that it follows; malloc */
} Loop;

/* ---- rows out ------------------------------------------------------------------------------------------------ */

/* EXPLAIN announces json and xml, types that no expression has yet: their form is text's. */
static const TypeInfo *
sent_type(Oid oid)
{
    const TypeInfo *type = type_by_oid(oid);

    return type != NULL ? type : type_by_oid(TYPE_TEXT);
}

static int16_t
format_of(const WireSink *w, int column)
{
    if (w->format_count == 0)
        return w->describe && w->base.binary ? FORMAT_BINARY : FORMAT_TEXT;
    return w->formats[w->format_count == 1 ? 0 : column];
}

static Status
describe_columns(WireSink *w, Ctx *cx, const ResultColumn *columns, int count)
{
    FieldInfo *fields = arena_array(cx->arena, FieldInfo, MAX_OF(count, 1));

    for (int i = 0; i < count; i++) {
        fields[i] = (FieldInfo){
            .name = columns[i].name,
            .table_oid = columns[i].table,
            .type_oid = columns[i].type,
            .typmod = columns[i].typmod,
            .attnum = columns[i].column,
            .typlen = sent_type(columns[i].type)->typlen,
            .format = format_of(w, i),
        };
    }
    return encode_row_description(cx, w->conn, fields, count);
}

static Status
sink_describe(Sink *sink, Ctx *cx, const ResultColumn *columns, int count)
{
    WireSink *w = (WireSink *)sink;

    return w->describe ? describe_columns(w, cx, columns, count) : ST_OK;
}

static Status
sink_rows(Sink *sink, Ctx *cx, const Batch *batch, const ResultColumn *columns, int count)
{
    WireSink *w = (WireSink *)sink;
    Conn *conn = w->conn;
    const TypeInfo *types[64],
        **infos = count <= 64 ? types : arena_alloc(cx->arena, sizeof(*infos) * (size_t)count);

    for (int i = 0; i < count; i++)
        infos[i] = sent_type(columns[i].type);
    for (uint32_t k = 0; k < batch->rows.count; k++) {
        uint32_t row = rows_at(batch->rows, k);

        encode_row_begin(conn, count);
        for (int c = 0; c < count; c++) {
            const Vector *v = &batch->columns[c];
            Value value;
            size_t mark;
            Status rc;

            if (vector_is_null(v, row)) {
                encode_column_null(conn);
                continue;
            }
            value = vector_get(v, row);
            if (format_of(w, c) == FORMAT_TEXT && infos[c]->phys == PHYS_VAR && infos[c]->category == 'S') {
                encode_column_bytes(conn, value.var.data, value.var.bytes);
                continue;
            }
            mark = encode_column_begin(conn);
            rc = format_of(w, c) == FORMAT_TEXT ? infos[c]->out(cx, infos[c], &value, &conn->out)
                                                : infos[c]->send(cx, infos[c], &value, &conn->out);
            if (rc != ST_OK) {
                encode_row_abandon(conn);
                return rc;
            }
            encode_column_end(conn, mark);
        }
        TRY(encode_row_end(cx, conn));
    }
    return ST_OK;
}

static Status
sink_complete(Sink *sink, Ctx *cx, const char *tag)
{
    (void)cx;
    encode_command_complete(((WireSink *)sink)->conn, tag);
    return ST_OK;
}

/* ---- COPY ------------------------------------------------------------------------------------------------------ */

static Status
sink_copy_out_begin(Sink *sink, Ctx *cx, bool binary, int columns)
{
    (void)cx;
    encode_copy_out(((WireSink *)sink)->conn, binary, columns);
    return ST_OK;
}

static Status
sink_copy_out(Sink *sink, Ctx *cx, const void *data, size_t bytes)
{
    return encode_copy_data(cx, ((WireSink *)sink)->conn, data, bytes);
}

static Status
sink_copy_out_end(Sink *sink, Ctx *cx)
{
    (void)cx;
    encode_copy_done(((WireSink *)sink)->conn);
    return ST_OK;
}

static Status
sink_copy_in_begin(Sink *sink, Ctx *cx, bool binary, int columns)
{
    WireSink *w = (WireSink *)sink;

    w->copy_done = false;
    encode_copy_in(w->conn, binary, columns);
    return conn_flush(cx, w->conn);
}

static Status
sink_copy_in(Sink *sink, Ctx *cx, const char **data, size_t *bytes)
{
    WireSink *w = (WireSink *)sink;

    *bytes = 0;
    while (!w->copy_done) {
        int type;
        Decoder body;
        const char *reason;

        TRY(conn_read_message(cx, w->conn, &type, &body));
        switch (type) {
        case 'd':
            *data = body.at;
            *bytes = decode_left(&body);
            if (*bytes == 0)
                continue;
            return ST_OK;
        case 'c': w->copy_done = true; break;
        case 'f':
            w->copy_done = true;
            TRY(decode_string(cx, &body, &reason));
            return fail(cx, ST_ERROR, "57014", "COPY from stdin failed: %s", reason);
        case 'H':
        case 'S': break; /* some clients send them in the middle */
        case MESSAGE_INTERRUPT: TRY(ctx_poll(cx)); break;
        case MESSAGE_END:
            return fail(cx, ST_CLOSED, "08006", "unexpected EOF on client connection with an open transaction");
        case MESSAGE_IDLE: engine_rest(cx); break;
        default:
            w->copy_done = true;
            return fail(cx, ST_ERROR, "08P01", "unexpected message type 0x%02X during COPY from stdin", type);
        }
    }
    return ST_OK;
}

static WireSink
make_sink(Conn *conn, bool describe, const int16_t *formats, int format_count)
{
    return (WireSink){
        .base = {.describe = sink_describe,
                 .rows = sink_rows,
                 .complete = sink_complete,
                 .copy_out_begin = sink_copy_out_begin,
                 .copy_out = sink_copy_out,
                 .copy_out_end = sink_copy_out_end,
                 .copy_in_begin = sink_copy_in_begin,
                 .copy_in = sink_copy_in},
        .conn = conn,
        .formats = formats,
        .format_count = format_count,
        .describe = describe,
        .copy_done = true,
    };
}

/* ---- errors ------------------------------------------------------------------------------------------------------ */

/* Our locations are bytes; clients want characters. */
static int
position_in_characters(const Session *s, int position)
{
    size_t bytes;

    if (position <= 0 || s->sql == NULL)
        return 0;
    bytes = strlen(s->sql);
    return (int)utf8_length(s->sql, MIN_OF((size_t)position - 1, bytes)) + 1;
}

/* For pg_stat_database: how the session ends. */
static void
count_end(Loop *l, const char *sqlstate)
{
    SessionCounter how = strcmp(sqlstate, "57P01") == 0   ? COUNT_KILLED
                         : strcmp(sqlstate, "08006") == 0 ? COUNT_ABANDONED
                                                          : COUNT_FATAL;

    proc_count_more(l->cx->proc, how, 1);
}

static void
report_error(Loop *l, Status rc)
{
    ErrorInfo info = l->cx->error;

    info.position = position_in_characters(l->s, info.position);
    if (rc == ST_CLOSED) {
        info.severity = SEV_FATAL;
        l->over = true;
        count_end(l, info.sqlstate);
    }
    if (info.message == NULL) {
        info.message = "internal error without a message";
        memcpy(info.sqlstate, "XX000", 6);
    }
    encode_report(l->conn, &info);
    if (strcmp(info.sqlstate, "08006") == 0) /* the client has gone: no fault, and nobody to be told */
        info.severity = SEV_LOG;
    session_log(l->s, &info, l->statement);
    ctx_error_clear(l->cx);
}

static void
send_notice(void *arg, Ctx *cx, const ErrorInfo *info)
{
    Loop *l = arg;
    static const struct {
        const char *name;
        Severity severity;
    } words[] = {{"notice", SEV_NOTICE}, {"warning", SEV_WARNING}, {"error", SEV_ERROR}, {"log", SEV_LOG}};
    Severity least = SEV_DEBUG;
    const char *word = session_setting_text(l->s, SETTING_CLIENT_MIN_MESSAGES);

    (void)cx;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strcmp(words[i].name, word) == 0)
            least = words[i].severity;
    }
    if (info->severity >= least || info->severity == SEV_INFO)
        encode_report(l->conn, info);
    session_log(l->s, info, l->statement);
}

/* ---- simple protocol ------------------------------------------------------------------------------------------------ */

/* ParameterStatus for settings that are not what the client was told last. `quiet`: it has just been told. */
static void
report_settings(Loop *l, bool quiet)
{
    Buf shown = {0};

    if (!l->s->settings_changed && !quiet)
        return;
    l->s->settings_changed = false;
    for (int i = 0; i < SETTING_COUNT; i++) {
        if ((setting_infos[i].flags & SETTING_IS_REPORT) == 0)
            continue;
        buf_clear(&shown);
        settings_show(l->s->settings, (SettingNo)i, false, &shown);
        if (l->reported[i] != NULL && strcmp(l->reported[i], buf_cstr(&shown)) == 0)
            continue;
        free(l->reported[i]);
        l->reported[i] = strdup(buf_cstr(&shown));
        if (!quiet)
            encode_parameter_status(l->conn, setting_infos[i].name, buf_cstr(&shown));
    }
    buf_free(&shown);
}

static void
send_ready(Loop *l)
{
    report_settings(l, false);
    encode_ready(l->conn, session_status(l->s));
    session_activity(l->s,
                     l->s->state == TRANSACTION_BLOCK    ? ACTIVITY_IDLE_IN_TRANSACTION
                     : l->s->state == TRANSACTION_FAILED ? ACTIVITY_IDLE_IN_ABORTED
                                                         : ACTIVITY_IDLE,
                     NULL);
    if (conn_flush(l->cx, l->conn) != ST_OK)
        l->over = true;
}

/* After a failed COPY the client may still be sending: its data is read and thrown away. */
static void
drain_copy(Loop *l, WireSink *w)
{
    while (!w->copy_done) {
        int type;
        Decoder body;

        if (conn_read_message(l->cx, l->conn, &type, &body) != ST_OK || type == MESSAGE_END) {
            l->over = true;
            return;
        }
        w->copy_done = type == 'c' || type == 'f';
    }
}

static void
simple_query(Loop *l, Decoder *body)
{
    const char *sql;
    WireSink w = make_sink(l->conn, true, NULL, 0);
    bool empty = false;
    Status rc;

    rc = decode_string(l->cx, body, &sql);
    if (rc == ST_OK)
        rc = decode_finish(l->cx, body);
    if (rc == ST_OK) {
        l->statement = sql = arena_strdup(&l->s->message, sql);
        session_activity(l->s, ACTIVITY_ACTIVE, sql);
        rc = session_simple_query(l->s, sql, &w.base, &empty);
    } else {
        session_fail_statement(l->s);
    }
    if (rc != ST_OK) {
        report_error(l, rc);
        if (rc != ST_CLOSED && !w.copy_done) {
            if (conn_flush(l->cx, l->conn) == ST_OK)
                drain_copy(l, &w);
        }
    } else if (empty) {
        encode_empty_query(l->conn);
    }
    if (!l->over)
        send_ready(l);
}

/* ---- extended protocol ------------------------------------------------------------------------------------------------ */

static Status
on_parse(Loop *l, Decoder *body)
{
    const char *name, *sql;
    int count;
    Oid *types;

    TRY(decode_string(l->cx, body, &name));
    TRY(decode_string(l->cx, body, &sql));
    count = decode_i16(body);
    if (count < 0)
        return fail(l->cx, ST_ERROR, "08P01", "invalid number of parameter types");
    types = arena_array(l->cx->arena, Oid, MAX_OF(count, 1));
    for (int i = 0; i < count && !decode_failed(body); i++)
        types[i] = decode_u32(body);
    TRY(decode_finish(l->cx, body));
    l->statement = sql;
    session_activity(l->s, ACTIVITY_ACTIVE, sql);
    TRY(session_prepare(l->s, name, sql, types, count));
    encode_parse_complete(l->conn);
    return ST_OK;
}

static Status
read_formats(Loop *l, Decoder *body, Arena *arena, int16_t **formats, int *count)
{
    *count = decode_i16(body);
    if (*count < 0)
        return fail(l->cx, ST_ERROR, "08P01", "invalid number of format codes");
    *formats = arena_array(arena, int16_t, MAX_OF(*count, 1));
    for (int i = 0; i < *count && !decode_failed(body); i++) {
        (*formats)[i] = decode_i16(body);
        if ((*formats)[i] != FORMAT_TEXT && (*formats)[i] != FORMAT_BINARY)
            return fail(l->cx, ST_ERROR, "22023", "unsupported format code: %d", (*formats)[i]);
    }
    return ST_OK;
}

static Status
read_param(Loop *l, Oid type_oid, int16_t format, const char *data, size_t bytes, Value *out)
{
    const TypeInfo *type = type_by_oid(type_oid);

    if (data == NULL) {
        *out = value_null();
        return ST_OK;
    }
    if (format == FORMAT_BINARY) {
        if (type->recv == NULL)
            return fail(l->cx, ST_ERROR, "42883", "no binary input function available for type %s",
                        type->sql_name);
        return type->recv(l->cx, type, data, bytes, -1, out);
    }
    TRY(decode_text(l->cx, data, bytes));
    if (type->in == NULL)
        return fail_unsupported(l->cx, -1, "a parameter of this type");
    return type->in(l->cx, type, data, bytes, -1, out);
}

static Status
read_params(Loop *l, Decoder *body, Portal *p, const Prepared *prepared, const int16_t *formats,
            int format_count)
{
    int count = decode_i16(body);
    Ctx *cx = l->cx;
    Arena *saved = cx->arena;

    if (count != prepared->params.count && !decode_failed(body))
        return fail(cx, ST_ERROR, "08P01",
                    "bind message supplies %d parameters, but prepared statement \"%s\" requires %d", count,
                    prepared->name, prepared->params.count);
    if (format_count > 1 && format_count != count)
        return fail(cx, ST_ERROR, "08P01", "bind message has %d parameter formats but %d parameters",
                    format_count, count);
    p->params = arena_array(&p->arena, Value, MAX_OF(count, 1));
    p->param_count = count;
    cx->arena = &p->arena;
    for (int i = 0; i < count && !decode_failed(body); i++) {
        const char *data;
        size_t bytes;
        int16_t format = format_count == 0 ? FORMAT_TEXT : formats[format_count == 1 ? 0 : i];
        Status rc;

        decode_counted(body, &data, &bytes);
        if (decode_failed(body))
            break;
        rc = read_param(l, prepared->params.types[i], format, data, bytes, &p->params[i]);
        if (rc == ST_OK && !p->params[i].is_null) /* the message goes, the portal stays */
            p->params[i] = value_copy(&p->arena, p->params[i]);
        if (rc != ST_OK) {
            cx->arena = saved;
            return rc;
        }
    }
    cx->arena = saved;
    return ST_OK;
}

static Status
on_bind(Loop *l, Decoder *body)
{
    const char *portal_name, *name;
    int16_t *formats;
    int format_count;
    Prepared *prepared;
    Portal *p;
    Status rc;

    TRY(decode_string(l->cx, body, &portal_name));
    TRY(decode_string(l->cx, body, &name));
    TRY(read_formats(l, body, l->cx->arena, &formats, &format_count));
    TRY(session_find_prepared(l->s, name, &prepared));
    session_activity_prepared(l->s, prepared);
    l->statement = l->s->sql = prepared->sql;
    TRY(session_begin_statement(l->s, prepared->ast));
    if (prepared->is_query)
        TRY(session_plan(l->s, prepared));
    TRY(session_portal(l->s, portal_name, prepared, &p));
    rc = read_params(l, body, p, prepared, formats, format_count);
    if (rc == ST_OK)
        rc = read_formats(l, body, &p->arena, &p->formats, &p->format_count);
    if (rc == ST_OK)
        rc = decode_finish(l->cx, body);
    if (rc == ST_OK && p->format_count > 1 && prepared->column_count >= 0 &&
        p->format_count != prepared->column_count)
        rc = fail(l->cx, ST_ERROR, "08P01", "bind message has %d result formats but query has %d columns",
                  p->format_count, prepared->column_count);
    if (rc != ST_OK) {
        session_drop_portal(l->s, p);
        return rc;
    }
    encode_bind_complete(l->conn);
    return ST_OK;
}

static Status
describe_result(Loop *l, const Prepared *p, const int16_t *formats, int format_count)
{
    WireSink w = make_sink(l->conn, true, formats, format_count);

    if (p->column_count < 0) {
        encode_no_data(l->conn);
        return ST_OK;
    }
    return describe_columns(&w, l->cx, p->columns, p->column_count);
}

static Status
on_describe(Loop *l, Decoder *body)
{
    char what = (char)decode_u8(body);
    const char *name;
    Prepared *prepared;
    Portal *p;

    TRY(decode_string(l->cx, body, &name));
    TRY(decode_finish(l->cx, body));
    if (what == 'S') {
        TRY(session_find_prepared(l->s, name, &prepared));
        if (prepared->ast != NULL) {
            TRY(session_begin_statement(l->s, prepared->ast));
            TRY(session_plan(l->s, prepared));
        }
        TRY(encode_parameter_description(l->cx, l->conn, prepared->params.types, prepared->params.count));
        return describe_result(l, prepared, NULL, 0);
    }
    if (what != 'P')
        return fail(l->cx, ST_ERROR, "08P01", "invalid DESCRIBE message subtype %d", what);
    TRY(session_find_portal(l->s, name, &p));
    if (p->prepared == NULL) {
        encode_no_data(l->conn);
        return ST_OK;
    }
    if (!p->prepared->is_query && p->prepared->ast != NULL)
        TRY(session_plan(l->s, p->prepared));
    return describe_result(l, p->prepared, p->formats, p->format_count);
}

static Status
on_execute(Loop *l, Decoder *body, bool *copy_open)
{
    const char *name;
    int32_t most;
    Portal *p;
    WireSink w;
    bool suspended;
    Status rc;

    TRY(decode_string(l->cx, body, &name));
    most = decode_i32(body);
    TRY(decode_finish(l->cx, body));
    TRY(session_find_portal(l->s, name, &p));
    if (p->prepared != NULL && p->prepared->ast == NULL) {
        encode_empty_query(l->conn);
        return ST_OK;
    }
    if (p->prepared != NULL) /* COMMIT and its kin may end the statement before they fail */
        l->statement =
            p->prepared->is_query ? p->prepared->sql : arena_strdup(&l->s->message, p->prepared->sql);
    TRY(session_begin_statement(l->s, p->prepared != NULL ? p->prepared->ast : NULL));
    w = make_sink(l->conn, false, p->formats, p->format_count);
    rc = session_execute(l->s, p, most > 0 ? (uint64_t)most : 0, &w.base, &suspended);
    *copy_open = !w.copy_done;
    TRY(rc);
    if (suspended)
        encode_portal_suspended(l->conn);
    return session_end_statement(l->s, false);
}

static Status
on_close(Loop *l, Decoder *body)
{
    char what = (char)decode_u8(body);
    const char *name;
    Prepared *prepared;
    Portal *p;

    TRY(decode_string(l->cx, body, &name));
    TRY(decode_finish(l->cx, body));
    if (what != 'S' && what != 'P')
        return fail(l->cx, ST_ERROR, "08P01", "invalid CLOSE message subtype %d", what);
    if (what == 'S' && session_find_prepared(l->s, name, &prepared) == ST_OK)
        session_drop_prepared(l->s, prepared);
    if (what == 'P' && session_find_portal(l->s, name, &p) == ST_OK)
        session_drop_portal(l->s, p);
    ctx_error_clear(l->cx); /* closing what is not there is no error */
    encode_close_complete(l->conn);
    return ST_OK;
}

static void
on_sync(Loop *l)
{
    Status rc = ST_OK;

    l->skip_to_sync = false;
    rc = session_end_statement(l->s, true);
    if (rc != ST_OK) {
        session_fail_statement(l->s);
        report_error(l, rc);
    }
    if (!l->over)
        send_ready(l);
}

static void
extended(Loop *l, int type, Decoder *body)
{
    Status rc;
    bool copy_open = false;

    if (l->skip_to_sync)
        return;
    switch (type) {
    case 'P': rc = on_parse(l, body); break;
    case 'B': rc = on_bind(l, body); break;
    case 'D': rc = on_describe(l, body); break;
    case 'E': rc = on_execute(l, body, &copy_open); break;
    default: rc = on_close(l, body); break;
    }
    if (rc == ST_OK)
        return;
    /* the texts may belong to portals that end now */
    l->s->sql = l->s->sql != NULL ? arena_strdup(&l->s->message, l->s->sql) : NULL;
    l->statement = l->statement != NULL ? arena_strdup(&l->s->message, l->statement) : NULL;
    session_fail_statement(l->s);
    report_error(l, rc);
    l->skip_to_sync = true;
    if (conn_flush(l->cx, l->conn) != ST_OK)
        l->over = true;
}

/* ---- the loop ---------------------------------------------------------------------------------------------------------- */

static void
say_goodbye(Loop *l, const char *sqlstate, const char *message)
{
    session_fail_statement(l->s);
    (void)fail(l->cx, ST_CLOSED, sqlstate, "%s", message);
    report_error(l, ST_CLOSED);
    if (conn_flush(l->cx, l->conn) != ST_OK)
        ctx_error_clear(l->cx);
    l->over = true;
}

static void
reload(Loop *l)
{
    if (l->s->door == NULL)
        return;
    l->s->door->reload(l->s->door);
    settings_rebase(l->s->settings, l->s->door->settings);
}

static void
on_interrupt(Loop *l)
{
    uint32_t bits = atomic_exchange(l->cx->interrupt, 0);

    engine_rest(l->cx);
    if (bits & INTERRUPT_TERMINATE)
        say_goodbye(l, "57P01", session_end_reason(bits));
    if (bits & INTERRUPT_RELOAD)
        reload(l);
}

/* Who has files of the store open waits for a moment first, and then closes them. */
static uint32_t
idle_timeout_ms(const Loop *l, uint32_t setting_ms)
{
    if (!engine_has_files(l->cx) || (setting_ms != 0 && setting_ms <= ENGINE_REST_MS))
        return setting_ms;
    return ENGINE_REST_MS;
}

static void
on_idle(Loop *l, uint32_t setting_ms)
{
    if (engine_has_files(l->cx)) {
        engine_rest(l->cx);
        if (setting_ms == 0 || setting_ms > ENGINE_REST_MS)
            return; /* it was only that moment, which the time-out is late by */
    }
    if (l->s->state == TRANSACTION_BLOCK || l->s->state == TRANSACTION_FAILED)
        say_goodbye(l, "25P03", "terminating connection due to idle-in-transaction timeout");
    else
        say_goodbye(l, "57P05", "terminating connection due to idle-session timeout");
}

static void
one_message(Loop *l)
{
    Session *s = l->s;
    SettingNo setting = s->state == TRANSACTION_BLOCK || s->state == TRANSACTION_FAILED
                            ? SETTING_IDLE_IN_TRANSACTION_SESSION_TIMEOUT
                            : SETTING_IDLE_SESSION_TIMEOUT;
    uint32_t idle_ms = (uint32_t)settings_int(s->settings, setting);
    int type;
    Decoder body;
    Status rc;

    arena_reset(&s->message);
    l->cx->arena = &s->message;
    s->sql = l->statement = NULL;
    conn_set_idle_timeout(l->conn, idle_timeout_ms(l, idle_ms));
    conn_stay_near(l->conn);
    rc = conn_read_message(l->cx, l->conn, &type, &body);
    if (rc != ST_OK) {
        session_fail_statement(s);
        report_error(l, ST_CLOSED);
        (void)!conn_flush(l->cx, l->conn);
        l->over = true;
        return;
    }
    if (UNLIKELY(atomic_load_explicit(l->cx->interrupt, memory_order_relaxed) & INTERRUPT_CANCEL))
        atomic_fetch_and(l->cx->interrupt, ~(uint32_t)INTERRUPT_CANCEL); /* it was for what is over */
    switch (type) {
    case 'Q':
        if (!l->skip_to_sync)
            simple_query(l, &body);
        break;
    case 'P':
    case 'B':
    case 'D':
    case 'E':
    case 'C': extended(l, type, &body); break;
    case 'S': on_sync(l); break;
    case 'H':
        if (conn_flush(l->cx, l->conn) != ST_OK)
            l->over = true;
        break;
    case MESSAGE_END: count_end(l, "08006"); /* fall through */
    case 'X': l->over = true; break;
    case 'd':
    case 'c':
    case 'f': break; /* the rest of a COPY that failed */
    case 'F':
        (void)fail_unsupported(l->cx, -1, "the function call message");
        report_error(l, ST_ERROR);
        send_ready(l);
        break;
    case MESSAGE_INTERRUPT: on_interrupt(l); break;
    case MESSAGE_IDLE: on_idle(l, idle_ms); break;
    default:
        (void)fail(l->cx, ST_CLOSED, "08P01", "invalid frontend message type %d", type);
        report_error(l, ST_CLOSED);
        (void)!conn_flush(l->cx, l->conn);
    }
}

void
protocol_run(Session *s, Conn *conn)
{
    Loop l = {.s = s, .cx = s->cx, .conn = conn};

    s->notice = send_notice;
    s->notice_arg = &l;
    ctx_watch_stack(l.cx, 4u << 20);
    report_settings(&l, true);
    send_ready(&l);
    while (!l.over) {
        one_message(&l);
        /* It may have come while there was work to do: then it interrupts no waiting. */
        if (UNLIKELY(atomic_load_explicit(l.cx->interrupt, memory_order_relaxed) & INTERRUPT_RELOAD)) {
            atomic_fetch_and(l.cx->interrupt, ~(uint32_t)INTERRUPT_RELOAD);
            reload(&l);
        }
    }
    (void)!conn_flush(l.cx, l.conn); /* the last word, if an error was that */
    if (s->state != TRANSACTION_IDLE)
        session_fail_statement(s);
    for (int i = 0; i < SETTING_COUNT; i++)
        free(l.reported[i]);
    s->notice = NULL;
}
