/* src/backend/wire/encode.h - every message a PostgreSQL backend sends, appended to a connection's
 * output.
 *
 * Nothing here sends; conn_flush does, and the end of a data row or of copy data does when much has
 * collected. Only messages whose size depends on data can fail (54000 beyond 1 GB): the half-built
 * message is taken back then, and the connection stays good for an error message. */
#ifndef WIRE_ENCODE_H
#define WIRE_ENCODE_H
#include "backend/wire/conn.h"

enum { FORMAT_TEXT = 0, FORMAT_BINARY = 1 };

/* ---- start-up ------------------------------------------------------------------------------------- */
typedef enum AuthRequest {
    AUTH_REQUEST_OK = 0,
    AUTH_REQUEST_PASSWORD = 3,
    AUTH_REQUEST_MD5 = 5, /* data: 4 bytes of salt */
    AUTH_REQUEST_SASL = 10, /* data: list of mechanisms */
    AUTH_REQUEST_SASL_CONTINUE = 11,
    AUTH_REQUEST_SASL_FINAL = 12,
} AuthRequest;
void encode_auth_request(Conn *conn, AuthRequest request, const void *data, size_t bytes);
void encode_backend_key(Conn *conn, int32_t pid, uint32_t secret);
void encode_parameter_status(Conn *conn, const char *name, const char *value);
void encode_negotiate_version(Conn *conn, uint32_t newest_minor, const char *const *options, int option_count);
/* 'I' idle, 'T' in a transaction, 'E' in a failed one. */
void encode_ready(Conn *conn, char transaction_status);

/* ---- results -------------------------------------------------------------------------------------- */
typedef struct FieldInfo {
    const char *name;
    uint32_t table_oid, type_oid;
    int32_t typmod;
    int16_t attnum, typlen, format;
} FieldInfo;
MUST_CHECK Status encode_row_description(Ctx *cx, Conn *conn, const FieldInfo *fields, int count);
void encode_no_data(Conn *conn);
MUST_CHECK Status encode_parameter_description(Ctx *cx, Conn *conn, const uint32_t *type_oids, int count);
void encode_parse_complete(Conn *conn);
void encode_bind_complete(Conn *conn);
void encode_close_complete(Conn *conn);
void encode_portal_suspended(Conn *conn);
void encode_command_complete(Conn *conn, const char *tag);
void encode_empty_query(Conn *conn);

/* ---- data rows: begin, each column, end ------------------------------------------------------------
 * A column is null, ready-made bytes, or whatever is appended to conn->out between column_begin and
 * column_end (which is where a type's output function writes). */
static inline void
encode_row_begin(Conn *conn, int column_count)
{
    char *p;

    conn->message_start = conn->out.bytes;
    p = buf_extend(&conn->out, 7);
    if (LIKELY(p != NULL)) {
        p[0] = 'D';
        put_be16(p + 5, (uint16_t)column_count);
    }
}
static inline void
encode_column_null(Conn *conn)
{
    char *p = buf_extend(&conn->out, 4);

    if (LIKELY(p != NULL))
        put_be32(p, UINT32_MAX);
}
static inline void
encode_column_bytes(Conn *conn, const void *data, size_t bytes)
{
    char *p = buf_extend(&conn->out, 4 + bytes);

    if (LIKELY(p != NULL)) {
        put_be32(p, (uint32_t)bytes);
        memcpy(p + 4, data, bytes);
    }
}
/* Returns the mark for encode_column_end. */
static inline size_t
encode_column_begin(Conn *conn)
{
    size_t mark = conn->out.bytes;

    (void)buf_extend(&conn->out, 4);
    return mark;
}
static inline void
encode_column_end(Conn *conn, size_t mark)
{
    if (LIKELY(!conn->out.failed))
        put_be32(conn->out.data + mark, (uint32_t)(conn->out.bytes - mark - 4));
}
MUST_CHECK Status encode_message_full(Ctx *cx, Conn *conn);
/* Flushes when much has collected. */
static inline MUST_CHECK Status
encode_row_end(Ctx *cx, Conn *conn)
{
    if (UNLIKELY(conn->out.failed))
        return encode_message_full(cx, conn);
    put_be32(conn->out.data + conn->message_start + 1, (uint32_t)(conn->out.bytes - conn->message_start - 1));
    return conn->out.bytes < CONN_FLUSH_BYTES ? ST_OK : conn_flush(cx, conn);
}
/* Takes back a row that can not be finished (an output function failed). */
void encode_row_abandon(Conn *conn);

/* ---- COPY ----------------------------------------------------------------------------------------- */
void encode_copy_in(Conn *conn, int format, int column_count);
void encode_copy_out(Conn *conn, int format, int column_count);
/* Flushes when much has collected. */
MUST_CHECK Status encode_copy_data(Ctx *cx, Conn *conn, const void *data, size_t bytes);
void encode_copy_done(Conn *conn);

/* ---- reports -------------------------------------------------------------------------------------- */
/* ErrorResponse from SEV_ERROR up, NoticeResponse below. */
void encode_report(Conn *conn, const ErrorInfo *info);
void encode_notification(Conn *conn, int32_t pid, const char *channel, const char *payload);
/* "ERROR", "NOTICE", ...: as in the S and V fields. */
const char *severity_name(Severity severity);

#endif
