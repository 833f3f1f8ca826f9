/* encode.c - backend messages into a connection's output buffer.
 *
 * Every message is a type letter, a length that counts itself, and the body. begin() leaves room for
 * the first two, finish() puts the length in. Messages of fixed and small size do not fail for
 * the caller; should even they find no memory, the connection is marked broken, because the peer
 * would lose its place in the protocol. */
#include "backend/wire/encode.h"

static void
begin(Conn *conn, char type)
{
    char *p;

    conn->message_start = conn->out.bytes;
    p = buf_extend(&conn->out, 5);
    if (p != NULL)
        *p = type;
}

static void
take_back(Conn *conn)
{
    conn->out.bytes = conn->message_start;
    conn->out.failed = conn->out.no_memory = false;
}

static void
set_length(Conn *conn)
{
    put_be32(conn->out.data + conn->message_start + 1, (uint32_t)(conn->out.bytes - conn->message_start - 1));
}

static void
finish_small(Conn *conn)
{
    if (UNLIKELY(conn->out.failed)) {
        take_back(conn);
        conn->broken = true;
        return;
    }
    set_length(conn);
}

static Status
finish(Ctx *cx, Conn *conn)
{
    if (UNLIKELY(conn->out.failed))
        return encode_message_full(cx, conn);
    set_length(conn);
    return ST_OK;
}

static void
add_cstring(Conn *conn, const char *text)
{
    buf_add(&conn->out, text, strlen(text) + 1);
}

static void
empty_message(Conn *conn, char type)
{
    begin(conn, type);
    finish_small(conn);
}

Status
encode_message_full(Ctx *cx, Conn *conn)
{
    bool no_memory = conn->out.no_memory;

    take_back(conn);
    if (no_memory)
        return fail_memory(cx, conn->out.capacity_bytes);
    fail(cx, ST_ERROR, "54000", "out of memory");
    fail_detail(cx, "A message to the client can not be larger than %d bytes.", BUF_MOST_BYTES);
    return ST_ERROR;
}

/* ---- start-up ------------------------------------------------------------------------------------- */

void
encode_auth_request(Conn *conn, AuthRequest request, const void *data, size_t bytes)
{
    begin(conn, 'R');
    buf_add_u32(&conn->out, (uint32_t)request);
    buf_add(&conn->out, data, bytes);
    finish_small(conn);
}

void
encode_backend_key(Conn *conn, int32_t pid, uint32_t secret)
{
    begin(conn, 'K');
    buf_add_u32(&conn->out, (uint32_t)pid);
    buf_add_u32(&conn->out, secret);
    finish_small(conn);
}

void
encode_parameter_status(Conn *conn, const char *name, const char *value)
{
    begin(conn, 'S');
    add_cstring(conn, name);
    add_cstring(conn, value);
    finish_small(conn);
}

void
encode_negotiate_version(Conn *conn, uint32_t newest_minor, const char *const *options, int option_count)
{
    begin(conn, 'v');
    buf_add_u32(&conn->out, newest_minor);
    buf_add_u32(&conn->out, (uint32_t)option_count);
    for (int i = 0; i < option_count; i++)
        add_cstring(conn, options[i]);
    finish_small(conn);
}

void
encode_ready(Conn *conn, char transaction_status)
{
    begin(conn, 'Z');
    buf_add_char(&conn->out, transaction_status);
    finish_small(conn);
}

/* ---- results -------------------------------------------------------------------------------------- */

Status
encode_row_description(Ctx *cx, Conn *conn, const FieldInfo *fields, int count)
{
    begin(conn, 'T');
    buf_add_u16(&conn->out, (uint16_t)count);
    for (int i = 0; i < count; i++) {
        const FieldInfo *f = &fields[i];
        char *p;

        add_cstring(conn, f->name);
        p = buf_extend(&conn->out, 18);
        if (p == NULL)
            break;
        put_be32(p, f->table_oid);
        put_be16(p + 4, (uint16_t)f->attnum);
        put_be32(p + 6, f->type_oid);
        put_be16(p + 10, (uint16_t)f->typlen);
        put_be32(p + 12, (uint32_t)f->typmod);
        put_be16(p + 16, (uint16_t)f->format);
    }
    return finish(cx, conn);
}

void
encode_no_data(Conn *conn)
{
    empty_message(conn, 'n');
}

Status
encode_parameter_description(Ctx *cx, Conn *conn, const uint32_t *type_oids, int count)
{
    begin(conn, 't');
    buf_add_u16(&conn->out, (uint16_t)count);
    for (int i = 0; i < count; i++)
        buf_add_u32(&conn->out, type_oids[i]);
    return finish(cx, conn);
}

void
encode_parse_complete(Conn *conn)
{
    empty_message(conn, '1');
}

void
encode_bind_complete(Conn *conn)
{
    empty_message(conn, '2');
}

void
encode_close_complete(Conn *conn)
{
    empty_message(conn, '3');
}

void
encode_portal_suspended(Conn *conn)
{
    empty_message(conn, 's');
}

void
encode_command_complete(Conn *conn, const char *tag)
{
    begin(conn, 'C');
    add_cstring(conn, tag);
    finish_small(conn);
}

void
encode_empty_query(Conn *conn)
{
    empty_message(conn, 'I');
}

void
encode_row_abandon(Conn *conn)
{
    take_back(conn);
}

/* ---- COPY ----------------------------------------------------------------------------------------- */

static void
copy_response(Conn *conn, char type, int format, int column_count)
{
    begin(conn, type);
    buf_add_char(&conn->out, (char)format);
    buf_add_u16(&conn->out, (uint16_t)column_count);
    for (int i = 0; i < column_count; i++)
        buf_add_u16(&conn->out, (uint16_t)format);
    finish_small(conn);
}

void
encode_copy_in(Conn *conn, int format, int column_count)
{
    copy_response(conn, 'G', format, column_count);
}

void
encode_copy_out(Conn *conn, int format, int column_count)
{
    copy_response(conn, 'H', format, column_count);
}

Status
encode_copy_data(Ctx *cx, Conn *conn, const void *data, size_t bytes)
{
    begin(conn, 'd');
    buf_add(&conn->out, data, bytes);
    TRY(finish(cx, conn));
    return conn->out.bytes < CONN_FLUSH_BYTES ? ST_OK : conn_flush(cx, conn);
}

void
encode_copy_done(Conn *conn)
{
    empty_message(conn, 'c');
}

/* ---- reports -------------------------------------------------------------------------------------- */

const char *
severity_name(Severity severity)
{
    static const char *const names[] = {
        [SEV_DEBUG] = "DEBUG",     [SEV_LOG] = "LOG",     [SEV_INFO] = "INFO",   [SEV_NOTICE] = "NOTICE",
        [SEV_WARNING] = "WARNING", [SEV_ERROR] = "ERROR", [SEV_FATAL] = "FATAL", [SEV_PANIC] = "PANIC",
    };

    ASSERT((size_t)severity < COUNT_OF(names));
    return names[severity];
}

static void
report_field(Conn *conn, char code, const char *text)
{
    if (text == NULL)
        return;
    buf_add_char(&conn->out, code);
    add_cstring(conn, text);
}

void
encode_report(Conn *conn, const ErrorInfo *info)
{
    const char *severity = severity_name(info->severity);

    begin(conn, info->severity >= SEV_ERROR ? 'E' : 'N');
    report_field(conn, 'S', severity);
    report_field(conn, 'V', severity);
    report_field(conn, 'C', info->sqlstate);
    report_field(conn, 'M', info->message != NULL ? info->message : "");
    report_field(conn, 'D', info->detail);
    report_field(conn, 'H', info->hint);
    if (info->position > 0) {
        buf_add_char(&conn->out, 'P');
        buf_add_int(&conn->out, info->position);
        buf_add_char(&conn->out, '\0');
    }
    report_field(conn, 'W', info->where);
    report_field(conn, 's', info->schema_name);
    report_field(conn, 't', info->table_name);
    report_field(conn, 'c', info->column_name);
    report_field(conn, 'd', info->type_name);
    report_field(conn, 'n', info->constraint_name);
    buf_add_char(&conn->out, '\0');
    finish_small(conn);
}

void
encode_notification(Conn *conn, int32_t pid, const char *channel, const char *payload)
{
    begin(conn, 'A');
    buf_add_u32(&conn->out, (uint32_t)pid);
    add_cstring(conn, channel);
    add_cstring(conn, payload);
    finish_small(conn);
}
