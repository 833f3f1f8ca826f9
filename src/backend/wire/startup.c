/* startup.c - the first packets of a connection.
 *
 *   start --SSLRequest------> 'S', TLS handshake --+
 *         --GSSENCRequest---> 'N' -----------------+--> start
 *         --CancelRequest---> done
 *         --StartupMessage--> done
 *
 * Each of the two requests may come once. All packets have the form length, code, body. */
#include "backend/wire/startup.h"

#include <ctype.h>
#include <strings.h>

#include "backend/wire/encode.h"

enum {
    STARTUP_PACKET_MOST = 10000,
    CODE_CANCEL = 1234 << 16 | 5678,
    CODE_SSL = 1234 << 16 | 5679,
    CODE_GSS = 1234 << 16 | 5680,
    VERSION_MAJOR = 3,
    VERSION_MINOR = 0,
    NAME_BYTES = 63,
    SETTINGS_MOST = 500, /* in 10000 bytes there is no room for more */
};

typedef struct Parameters {
    StartupSetting settings[SETTINGS_MOST];
    int setting_count;
    const char *unknown[SETTINGS_MOST]; /* _pq_.xxx */
    int unknown_count;
    const char *user, *database, *options, *replication;
} Parameters;

/* ---- options ('-c a=b --c=d') --------------------------------------------------------------------- */

/* The next word of `*at`, where a backslash takes the character behind it literally; NULL = no more. */
static char *
next_word(Arena *a, const char **at)
{
    const char *p = *at;
    char *word, *to;

    while (isspace((unsigned char)*p))
        p++;
    if (*p == '\0')
        return NULL;
    to = word = arena_alloc(a, strlen(p) + 1);
    for (; *p != '\0' && !isspace((unsigned char)*p); p++) {
        if (*p == '\\' && p[1] != '\0')
            p++;
        *to++ = *p;
    }
    *to = '\0';
    *at = p;
    return word;
}

static void
add_setting(Parameters *all, const char *name, const char *value)
{
    ASSERT(all->setting_count < SETTINGS_MOST);
    all->settings[all->setting_count++] = (StartupSetting){name, value};
}

static Status
parse_options(Ctx *cx, const char *options, Parameters *all)
{
    char *word;

    while ((word = next_word(cx->arena, &options)) != NULL) {
        const char *shown = word;
        char *name, *equals;

        if (word[0] == '-' && word[1] == 'c') {
            name = word[2] != '\0' ? word + 2 : next_word(cx->arena, &options);
            if (name == NULL)
                return fail_fatal(cx, fail(cx, ST_ERROR, "42601", "-c requires a value"));
        } else if (word[0] == '-' && word[1] == '-' && word[2] != '\0') {
            name = word + 2;
        } else {
            return fail_fatal(cx, fail(cx, ST_ERROR, "42601",
                                       "invalid command-line argument for server process: %s", word));
        }
        equals = strchr(name, '=');
        if (equals == NULL)
            return fail_fatal(cx, fail(cx, ST_ERROR, "42601", "%s requires a value", shown));
        *equals = '\0';
        for (char *p = name; *p != '\0'; p++) {
            if (*p == '-')
                *p = '_';
        }
        add_setting(all, name, equals + 1);
    }
    return ST_OK;
}

/* ---- the start-up message ------------------------------------------------------------------------- */

static const char *
name_copy(Arena *a, const char *text)
{
    size_t bytes = strlen(text);

    if (bytes > NAME_BYTES) { /* names are cut to whole characters everywhere */
        bytes = NAME_BYTES;
        while (bytes > 0 && ((unsigned char)text[bytes] & 0xc0) == 0x80)
            bytes--;
    }
    return arena_strndup(a, text, bytes);
}

static Status
check_replication(Ctx *cx, const char *value)
{
    static const char *const off[] = {"false", "off", "no", "0", "f", "n"};

    if (value == NULL)
        return ST_OK;
    for (size_t i = 0; i < COUNT_OF(off); i++) {
        if (strcasecmp(value, off[i]) == 0)
            return ST_OK;
    }
    return fail_fatal(cx, fail(cx, ST_ERROR, "0A000", "replication connections are not supported yet"));
}

/* Name and value pairs until an empty name. */
static Status
read_parameters(Ctx *cx, Decoder *d, Parameters *all)
{
    Arena *a = cx->arena;
    StartupSetting *named = arena_alloc(a, sizeof(*named) * SETTINGS_MOST);
    int named_count = 0;

    for (;;) {
        const char *name, *value;

        if (decode_string(cx, d, &name) != ST_OK)
            return fail_fatal(cx, ST_ERROR);
        if (decode_failed(d) || *name == '\0')
            break;
        if (decode_string(cx, d, &value) != ST_OK)
            return fail_fatal(cx, ST_ERROR);
        if (decode_failed(d) || named_count == SETTINGS_MOST || all->unknown_count == SETTINGS_MOST)
            break;
        if (strcmp(name, "user") == 0)
            all->user = name_copy(a, value);
        else if (strcmp(name, "database") == 0)
            all->database = name_copy(a, value);
        else if (strcmp(name, "options") == 0)
            all->options = arena_strdup(a, value);
        else if (strcmp(name, "replication") == 0)
            all->replication = arena_strdup(a, value);
        else if (strncmp(name, "_pq_.", 5) == 0)
            all->unknown[all->unknown_count++] = arena_strdup(a, name);
        else
            named[named_count++] = (StartupSetting){arena_strdup(a, name), arena_strdup(a, value)};
    }
    if (decode_failed(d) || decode_left(d) != 0)
        return fail_fatal(cx, fail(cx, ST_ERROR, "08P01",
                                   "invalid startup packet layout: expected terminator as last byte"));
    /* Single parameters count more than what is buried in the options. */
    if (all->options != NULL)
        TRY(parse_options(cx, all->options, all));
    for (int i = 0; i < named_count && all->setting_count < SETTINGS_MOST; i++)
        add_setting(all, named[i].name, named[i].value);
    return ST_OK;
}

static Status
read_session(Ctx *cx, Conn *conn, uint32_t version, Decoder *d, StartupRequest *out)
{
    uint32_t major = version >> 16, minor = version & 0xffff;
    Parameters *all;

    if (major != VERSION_MAJOR)
        return fail_fatal(cx, fail(cx, ST_ERROR, "0A000",
                                   "unsupported frontend protocol %u.%u: server supports %d.0 to %d.%d", major,
                                   minor, VERSION_MAJOR, VERSION_MAJOR, VERSION_MINOR));
    all = arena_alloc(cx->arena, sizeof(*all)); /* the lists are large and hardly used: only counts are set */
    all->setting_count = all->unknown_count = 0;
    all->user = all->database = all->options = all->replication = NULL;
    TRY(read_parameters(cx, d, all));
    if (minor > VERSION_MINOR || all->unknown_count > 0)
        encode_negotiate_version(conn, VERSION_MINOR, all->unknown, all->unknown_count);
    if (all->user == NULL || all->user[0] == '\0')
        return fail_fatal(cx,
                          fail(cx, ST_ERROR, "28000", "no PostgreSQL user name specified in startup packet"));
    TRY(check_replication(cx, all->replication));
    *out = (StartupRequest){
        .kind = STARTUP_SESSION,
        .user = all->user,
        .database = all->database != NULL && all->database[0] != '\0' ? all->database : all->user,
        .settings = all->settings,
        .setting_count = all->setting_count,
    };
    return ST_OK;
}

Status
startup_negotiate(Ctx *cx, Conn *conn, const StartupOptions *options, StartupRequest *out)
{
    bool may_ssl = true, may_gss = true;

    if (options->timeout_ms != 0)
        conn->deadline_us = env_mono_us(conn->env) + (uint64_t)options->timeout_ms * 1000;
    for (;;) {
        bool found = false;
        Decoder d;
        uint32_t code;

        TRY(conn_read_startup(cx, conn, STARTUP_PACKET_MOST, &found, &d));
        if (!found) {
            *out = (StartupRequest){.kind = STARTUP_GONE};
            return ST_OK;
        }
        code = decode_u32(&d);
        if (code == CODE_SSL && may_ssl) {
            bool yes = options->tls != NULL && conn->tls == NULL;

            may_ssl = false;
            conn_add_raw(conn, yes ? "S" : "N", 1);
            TRY(conn_flush(cx, conn));
            if (yes)
                TRY(conn_start_tls(cx, conn, options->tls));
        } else if (code == CODE_GSS && may_gss) {
            may_gss = false;
            conn_add_raw(conn, "N", 1);
            TRY(conn_flush(cx, conn));
        } else if (code == CODE_CANCEL) {
            out->kind = STARTUP_CANCEL;
            out->cancel_pid = decode_i32(&d);
            out->cancel_secret = decode_u32(&d);
            return decode_finish(cx, &d);
        } else {
            return read_session(cx, conn, code, &d, out);
        }
    }
}
