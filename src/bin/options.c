/* options.c - flags, environment, file and defaults put together.
 *
 * A flag with the same meaning as a setting is only another way to set it: its id is the setting's
 * number. SettingSource keeps the precedence: flag > environment > file > default. */
#include "bin/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend/config/config_file.h"
#include "backend/type/timezone.h"
#include "base/log.h"
#include "postmaster/listen.h"

/* clang-format off */
const Flag start_flags[] = {
    {{"memory"}, 'm', OPT_MEMORY, NULL, "keep everything in memory and forget it at exit"},
    {{"data-dir", "data"}, 'd', OPT_DATA_DIR, "DIR", "keep everything in this directory; it is made if it is missing"},
    CONFIG_FLAG,
    {{"port"}, 'p', SETTING_PORT, "N", "TCP port, and number of the Unix socket (5432)"},
    {{"listen"}, 0, OPT_LISTEN, "ADDR", "address or host name to listen on; may be repeated (127.0.0.1)"},
    {{"unix-socket-dir", "pg-socket-dir"}, 0, SETTING_UNIX_SOCKET_DIRECTORIES, "DIR", "directory of the Unix socket, or none (/var/run/postgresql if writable, else /tmp)"},
    {{"cache-size"}, 0, SETTING_SHARED_BUFFERS, "SIZE", "page cache, in bytes or like 512MB (128MB)"},
    {{"max-memory"}, 0, SETTING_MAX_MEMORY, "SIZE", "ceiling of the server's memory (80 % of the machine or container)"},
    {{"max-connections"}, 0, SETTING_MAX_CONNECTIONS, "N", "sessions at a time (100)"},
    {{"auth"}, 0, SETTING_AUTH_METHOD, "METHOD", "trust, password, md5 or scram-sha-256 (trust)"},
    {{"password"}, 0, OPT_PASSWORD, "S", "password of the superusers postgres and helios; better in a file or $HELIOSDB_PASSWORD"},
    {{"password-file"}, 0, SETTING_AUTH_PASSWORD_FILE, "FILE", "file that holds that password"},
    {{"insecure"}, 0, OPT_INSECURE, NULL, "allow --auth trust on an address that others can reach"},
    {{"tls-cert"}, 0, SETTING_SSL_CERT_FILE, "FILE", "certificate chain, PEM"},
    {{"tls-key"}, 0, SETTING_SSL_KEY_FILE, "FILE", "private key of the certificate, PEM"},
    {{"tls-ca"}, 0, SETTING_SSL_CA_FILE, "FILE", "certificates to check client certificates against, PEM"},
    {{"daemon"}, 0, OPT_DAEMON, NULL, "run in the background; returns when connections are accepted"},
    {{"pid-file"}, 0, OPT_PID_FILE, "FILE", "where the process id is noted (heliosdb.pid in the data directory, or here)"},
    {{"log-file"}, 0, SETTING_LOG_FILE, "FILE", "where the log goes (standard error; a daemon: heliosdb.log beside its pid file)"},
    {{"log-level"}, 0, SETTING_LOG_LEVEL, "LEVEL", "debug, info, warning or error (info)"},
    {{"log-format"}, 0, SETTING_LOG_FORMAT, "FORMAT", "text or json (text)"},
    {{"http-port"}, 0, SETTING_HTTP_PORT, "N", NULL},
    {{"http-listen"}, 0, OPT_LATER, "ADDR", NULL},
    {{"mysql"}, 0, OPT_LATER, NULL, NULL},
    {{"mysql-listen"}, 0, OPT_LATER, "ADDR", NULL},
    {{"mysql-socket"}, 0, OPT_LATER, "FILE", NULL},
    {{"dump-on-shutdown"}, 0, OPT_LATER, NULL, NULL},
    {{"dump-file"}, 0, OPT_LATER, "FILE", NULL},
    {{"restore"}, 0, OPT_LATER, "FILE", NULL},
    {{"replication-role"}, 0, OPT_LATER, "ROLE", NULL},
    {{"replication-port"}, 0, OPT_LATER, "N", NULL},
    {{"primary-host"}, 0, OPT_LATER, "HOST", NULL},
    {{"sync-mode"}, 0, OPT_LATER, "MODE", NULL},
    {{NULL}, 0, 0, NULL, NULL},
};

const Flag config_flags[] = {
    {{"config"}, 'c', OPT_CONFIG, "FILE", "the file (default: $HELIOSDB_CONFIG, ./heliosdb.toml, /etc/heliosdb/heliosdb.toml)"},
    {{NULL}, 0, 0, NULL, NULL},
};
/* clang-format on */

static Status
fail_usage(Ctx *cx, bool *usage_error, const char *message)
{
    *usage_error = true;
    return fail(cx, ST_ERROR, "42601", "%s", message);
}

/* ---- settings ------------------------------------------------------------------------------------- */

static bool
shows_as(const SettingSet *set, SettingNo no, const char *text)
{
    Buf shown = {0};
    bool same;

    settings_show(set, no, false, &shown);
    same = strcmp(buf_cstr(&shown), text) == 0;
    buf_free(&shown);
    return same;
}

/* What a session would refuse in SET, and the file's reader can not judge. */
static Status
check_session_settings(Ctx *cx, const SettingSet *set)
{
    static const SettingNo isolations[] = {SETTING_DEFAULT_TRANSACTION_ISOLATION,
                                           SETTING_TRANSACTION_ISOLATION};
    SettingNo zone = SETTING_TIMEZONE;

    if (set->sources[zone] == SOURCE_FILE && timezone_of_setting(settings_text(set, zone)) == NULL)
        return fail(cx, ST_ERROR, "F0000", "%s:%u: %s = \"%s\": there is no such time zone", set->file,
                    set->lines[zone], config_key_name(cx->arena, zone), settings_text(set, zone));
    for (size_t i = 0; i < COUNT_OF(isolations); i++) {
        SettingNo no = isolations[i];

        if (set->sources[no] == SOURCE_FILE && shows_as(set, no, "serializable"))
            return fail(cx, ST_ERROR, "F0000",
                        "%s:%u: %s = \"serializable\": isolation level SERIALIZABLE is not supported yet",
                        set->file, set->lines[no], config_key_name(cx->arena, no));
    }
    return ST_OK;
}

/* The machine's time zone is the default, as initdb makes it. */
static void
default_time_zone(Ctx *cx, SettingSet *set)
{
    static const char marker[] = "/zoneinfo/";
    const char *tz = getenv("TZ"), *at;
    char target[256];
    ssize_t n;

    if (tz == NULL || tz[0] == '\0' || tz[0] == ':' || (strchr(tz, '/') == NULL && strcmp(tz, "UTC") != 0)) {
        n = readlink("/etc/localtime", target, sizeof(target) - 1);
        if (n <= 0)
            return;
        target[n] = '\0';
        at = strstr(target, marker);
        if (at == NULL)
            return;
        tz = at + strlen(marker);
    }
    if (timezone_of_setting(tz) == NULL)
        return; /* then it stays UTC */
    if (settings_set_server(cx, set, SETTING_TIMEZONE, UNIT_NONE, tz, SOURCE_DEFAULT, 0) != ST_OK)
        ctx_error_clear(cx);
}

static Status
find_config(Ctx *cx, const char *given, const char **out)
{
    static const char *const places[] = {"./heliosdb.toml", "/etc/heliosdb/heliosdb.toml"};
    const char *path = given != NULL ? given : getenv("HELIOSDB_CONFIG");

    *out = path != NULL && path[0] != '\0' ? path : NULL;
    if (*out != NULL)
        return ST_OK;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        if (access(places[i], F_OK) == 0) {
            *out = arena_strdup(cx->arena, places[i]);
            return ST_OK;
        }
    }
    return ST_OK;
}

/* Sizes on the command line are bytes unless they say otherwise. */
static SettingUnit
flag_unit(SettingNo no)
{
    return no == SETTING_SHARED_BUFFERS || no == SETTING_MAX_MEMORY ? UNIT_BYTES : setting_infos[no].unit;
}

static Status
apply_setting_flag(Ctx *cx, SettingSet *set, const FlagGiven *given, bool *usage_error)
{
    SettingNo no = (SettingNo)given->flag->id;
    Buf expected = {0};

    if (settings_set_server(cx, set, no, flag_unit(no), given->value, SOURCE_FLAG, 0) == ST_OK)
        return ST_OK;
    *usage_error = true;
    if (strcmp(cx->error.sqlstate, "22023") == 0) {
        setting_expectation(&setting_infos[no], &expected);
        fail(cx, ST_ERROR, "22023", "--%s %s: expected %s", given->flag->names[0], given->value,
             buf_cstr(&expected));
        buf_free(&expected);
    } else {
        *usage_error = false;
    }
    return ST_ERROR;
}

static Status
apply_flags(Ctx *cx, SettingSet *set, const FlagSet *flags, bool *usage_error)
{
    const char *listen = NULL;

    for (int i = 0; i < flags->given_count; i++) {
        const FlagGiven *given = &flags->given[i];

        if (given->flag->id == OPT_LATER)
            return fail(cx, ST_ERROR, "0A000", "--%s is not supported yet", given->flag->names[0]);
        if (given->flag->id == OPT_LISTEN)
            listen = listen == NULL ? given->value : arena_printf(cx->arena, "%s,%s", listen, given->value);
        else if (given->flag->id >= 0 && given->flag->id < SETTING_COUNT)
            TRY(apply_setting_flag(cx, set, given, usage_error));
    }
    if (listen != NULL)
        TRY(settings_set_server(cx, set, SETTING_LISTEN_ADDRESSES, UNIT_NONE, listen, SOURCE_FLAG, 0));
    if (flags_value(flags, OPT_MEMORY) != NULL)
        TRY(settings_set_server(cx, set, SETTING_STORAGE_MEMORY_ONLY, UNIT_NONE, "on", SOURCE_FLAG, 0));
    if (flags_value(flags, OPT_DATA_DIR) != NULL)
        TRY(settings_set_server(cx, set, SETTING_STORAGE_PATH, UNIT_NONE, flags_value(flags, OPT_DATA_DIR),
                                SOURCE_FLAG, 0));
    if (flags_value(flags, OPT_PID_FILE) != NULL)
        TRY(settings_set_server(cx, set, SETTING_PID_FILE, UNIT_NONE, flags_value(flags, OPT_PID_FILE),
                                SOURCE_FLAG, 0));
    /* What a flag says of the place decides against the file, at a reload too. */
    if (flags_value(flags, OPT_MEMORY) != NULL && set->sources[SETTING_STORAGE_PATH] == SOURCE_FILE)
        settings_assign_text(set, SETTING_STORAGE_PATH, "");
    if (flags_value(flags, OPT_DATA_DIR) != NULL && set->sources[SETTING_STORAGE_MEMORY_ONLY] == SOURCE_FILE)
        settings_assign_number(set, SETTING_STORAGE_MEMORY_ONLY, (SettingNumber){.b = false});
    if (set->sources[SETTING_SSL_CERT_FILE] == SOURCE_FLAG)
        TRY(settings_set_server(cx, set, SETTING_SSL, UNIT_NONE, "on", SOURCE_FLAG, 0));
    return ST_OK;
}

/* A daemon has no working directory and no terminal: paths become absolute. A copy, because a reload frees the settings. */
static const char *
absolute(Ctx *cx, const char *path)
{
    char here[4096];

    if (path[0] == '/' || getcwd(here, sizeof(here)) == NULL)
        return arena_strdup(cx->arena, path);
    if (strncmp(path, "./", 2) == 0)
        path += 2;
    return arena_printf(cx->arena, "%s/%s", strcmp(here, "/") == 0 ? "" : here, path);
}

Status
options_load_settings(Ctx *cx, const FlagSet *flags, const char *config_path, SettingSet *out,
                      const char **config_file, bool *usage_error)
{
    settings_init_defaults(out);
    out->loaded_us = env_wall_us(cx->env);
    default_time_zone(cx, out);
    TRY(find_config(cx, config_path, config_file));
    if (*config_file != NULL)
        TRY(config_file_apply(cx, out, *config_file));
    if (flags != NULL)
        TRY(apply_flags(cx, out, flags, usage_error));
    TRY(check_session_settings(cx, out));
    settings_assign_text(out, SETTING_CONFIG_FILE, *config_file != NULL ? absolute(cx, *config_file) : "");
    return ST_OK;
}

AuthMethod
options_auth_method(const SettingSet *settings)
{
    return (AuthMethod)settings_int(settings, SETTING_AUTH_METHOD);
}

/* ---- what fits together --------------------------------------------------------------------------- */

const char *
options_place(Ctx *cx, const SettingSet *s, SettingNo no)
{
    if (s->sources[no] != SOURCE_FILE)
        return "";
    return arena_printf(cx->arena, "%s:%u: %s: ", s->file, s->lines[no], config_key_name(cx->arena, no));
}

static Status
check_mode(Ctx *cx, StartOptions *o)
{
    const SettingSet *s = &o->settings;
    bool memory = settings_bool(s, SETTING_STORAGE_MEMORY_ONLY);
    bool dir = settings_text(s, SETTING_STORAGE_PATH)[0] != '\0';

    if (memory && dir) {
        if (s->sources[SETTING_STORAGE_PATH] == SOURCE_FLAG)
            return fail_usage(cx, &o->usage_error,
                              "--memory and --data-dir exclude each other: give one of them");
        else
            return fail(cx, ST_ERROR, "F0000",
                        "%s: storage.path (line %u) and storage.memory_only (line %u) exclude each other",
                        s->file, s->lines[SETTING_STORAGE_PATH], s->lines[SETTING_STORAGE_MEMORY_ONLY]);
    }
    if (!memory && !dir)
        return fail_usage(cx, &o->usage_error, "Either --data-dir or --memory must be specified");
    o->data_dir = dir ? absolute(cx, settings_text(s, SETTING_STORAGE_PATH)) : NULL;
    settings_assign_text(&o->settings, SETTING_DATA_DIRECTORY, dir ? o->data_dir : "");
    settings_assign_number(&o->settings, SETTING_DATA_CHECKSUMS, (SettingNumber){.b = dir});
    return ST_OK;
}

static Status
check_tls(Ctx *cx, StartOptions *o)
{
    const SettingSet *s = &o->settings;
    bool cert = settings_text(s, SETTING_SSL_CERT_FILE)[0] != '\0';
    bool key = settings_text(s, SETTING_SSL_KEY_FILE)[0] != '\0';
    bool by_flag =
        s->sources[SETTING_SSL_CERT_FILE] == SOURCE_FLAG || s->sources[SETTING_SSL_KEY_FILE] == SOURCE_FLAG;

    if (cert != key) {
        o->usage_error = by_flag;
        return fail(cx, ST_ERROR, "F0000", "%sTLS needs a certificate and its key: %s is missing",
                    options_place(cx, s, cert ? SETTING_SSL_CERT_FILE : SETTING_SSL_KEY_FILE),
                    cert ? (by_flag ? "--tls-key" : "server.tls_key_path")
                         : (by_flag ? "--tls-cert" : "server.tls_cert_path"));
    }
    if (settings_bool(s, SETTING_SSL) && !cert)
        return fail(cx, ST_ERROR, "F0000",
                    "%s:%u: server.tls_enabled needs server.tls_cert_path and server.tls_key_path (--tls-cert, "
                    "--tls-key)",
                    s->file, s->lines[SETTING_SSL]);
    return ST_OK;
}

/* Less does not hold the catalogs and one table. */
enum { MAX_MEMORY_LEAST_MB = 4 };

static Status
check_memory(Ctx *cx, StartOptions *o)
{
    const SettingSet *s = &o->settings;
    int64_t bytes = settings_int(s, SETTING_MAX_MEMORY);
    bool by_flag = s->sources[SETTING_MAX_MEMORY] == SOURCE_FLAG;
    const char *name = by_flag ? "--max-memory"
                               : arena_printf(cx->arena, "%s:%u: %s =", s->file, s->lines[SETTING_MAX_MEMORY],
                                              config_key_name(cx->arena, SETTING_MAX_MEMORY));

    if (bytes == 0 || bytes >= (int64_t)MAX_MEMORY_LEAST_MB << 20)
        return ST_OK;
    o->usage_error = by_flag;
    return fail(
        cx, ST_ERROR, "22023",
        "%s %lld bytes is too little: the least is %d MB; a number alone means bytes, units are kB, MB, GB "
        "and TB",
        name, (long long)bytes, MAX_MEMORY_LEAST_MB);
}

/* The first address that others can reach; NULL = none. */
static const char *
public_address(Ctx *cx, const char *addresses)
{
    const char *p = addresses;

    while (*p != '\0') {
        size_t bytes;
        const char *one;

        p += strspn(p, ", ");
        bytes = strcspn(p, ", ");
        one = arena_strndup(cx->arena, p, bytes);
        if (bytes > 0 && !listen_is_loopback(one))
            return one;
        p += bytes;
    }
    return NULL;
}

/* A data directory that a server has worked in has roles with passwords of their own. */
static bool
has_roles(Ctx *cx, const StartOptions *o)
{
    return o->data_dir != NULL && access(arena_printf(cx->arena, "%s/pages/CURRENT", o->data_dir), F_OK) == 0;
}

static Status
check_auth(Ctx *cx, StartOptions *o)
{
    const SettingSet *s = &o->settings;
    const char *open = public_address(cx, settings_text(s, SETTING_LISTEN_ADDRESSES));
    AuthMethod method = options_auth_method(s);
    bool by_file;

    if (method == AUTH_TRUST && open != NULL &&
        !(o->insecure && s->sources[SETTING_AUTH_METHOD] != SOURCE_DEFAULT)) {
        by_file = s->sources[SETTING_LISTEN_ADDRESSES] == SOURCE_FILE;
        o->usage_error = !by_file;
        return fail(cx, ST_ERROR, "42601",
                    "%strust authentication on %s would let anybody in: use %s with a password, or insist with "
                    "--auth trust --insecure",
                    options_place(cx, s, SETTING_LISTEN_ADDRESSES), open,
                    by_file ? "authentication.method = \"scram-sha-256\"" : "--auth scram-sha-256");
    }
    if (method != AUTH_TRUST && o->password == NULL && !has_roles(cx, o)) {
        by_file = s->sources[SETTING_AUTH_METHOD] == SOURCE_FILE;
        o->usage_error = !by_file;
        return fail(cx, ST_ERROR, "42601",
                    "%s%s %s needs a password: give %s--password-file, --password or $HELIOSDB_PASSWORD",
                    options_place(cx, s, SETTING_AUTH_METHOD), by_file ? "method" : "--auth",
                    setting_infos[SETTING_AUTH_METHOD].words[method].name,
                    by_file ? "authentication.password_file, " : "");
    }
    return ST_OK;
}

/* ---- passwords, files ----------------------------------------------------------------------------- */

static Status
read_password_file(Ctx *cx, const SettingSet *s, const char **out)
{
    const char *path = settings_text(s, SETTING_AUTH_PASSWORD_FILE);
    char text[1024];
    size_t n;
    FILE *f = fopen(path, "re");

    if (f == NULL)
        return fail(cx, ST_IO, "F0000", "%scould not read password file \"%s\": %s",
                    options_place(cx, s, SETTING_AUTH_PASSWORD_FILE), path, strerror(errno));
    n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    if (text[0] == '\0')
        return fail(cx, ST_ERROR, "F0000", "%spassword file \"%s\" holds no password in its first line",
                    options_place(cx, s, SETTING_AUTH_PASSWORD_FILE), path);
    *out = arena_strdup(cx->arena, text);
    return ST_OK;
}

static Status
find_password(Ctx *cx, StartOptions *o)
{
    const char *flag = flags_value(o->flags, OPT_PASSWORD), *environment = getenv("HELIOSDB_PASSWORD");
    const char *file = settings_text(&o->settings, SETTING_AUTH_PASSWORD_FILE);
    bool file_by_flag = o->settings.sources[SETTING_AUTH_PASSWORD_FILE] == SOURCE_FLAG;

    if (flag != NULL && file_by_flag)
        return fail_usage(cx, &o->usage_error, "--password and --password-file exclude each other");
    if (flag != NULL && flag[0] == '\0')
        return fail_usage(cx, &o->usage_error, "--password must not be empty");
    if (flag != NULL) {
        o->password = arena_strdup(cx->arena, flag);
        o->password_name = "--password";
        memset((char *)flag, 'x', strlen(flag)); /* it is in argv: ps should show it no longer than necessary */
    }
    if (o->password == NULL && !file_by_flag && environment != NULL && environment[0] != '\0') {
        o->password = environment;
        o->password_name = "$HELIOSDB_PASSWORD";
    }
    if (o->password == NULL && file[0] != '\0') {
        o->password_by_file = !file_by_flag;
        o->password_name = file_by_flag ? "--password-file" : "authentication.password_file";
        TRY(read_password_file(cx, &o->settings, &o->password));
    }
    o->password_comes_late = o->password != NULL && has_roles(cx, o);
    return ST_OK;
}

void
options_warn(const StartOptions *o)
{
    /* What stands in the file may stand there for the next directory that is made: no reason to warn. */
    if (o->password_comes_late)
        log_line(
            o->password_by_file ? LOG_INFO : LOG_WARNING,
            "the password of %s is not used: the data directory is not new, and ALTER ROLE ... PASSWORD gives "
            "its roles one",
            o->password_name);
}

static void
find_unix_dir(Ctx *cx, StartOptions *o)
{
    const char *dir = settings_text(&o->settings, SETTING_UNIX_SOCKET_DIRECTORIES);

    o->unix_wanted = dir[0] != '\0';
    if (!o->unix_wanted)
        o->unix_dir = access("/var/run/postgresql", W_OK) == 0 ? "/var/run/postgresql" : "/tmp";
    else if (strcmp(dir, "none") != 0)
        o->unix_dir = arena_strdup(cx->arena, dir);
}

static void
find_files(Ctx *cx, StartOptions *o)
{
    const char *pid = settings_text(&o->settings, SETTING_PID_FILE), *slash;
    const char *log = settings_text(&o->settings, SETTING_LOG_FILE);

    o->pid_file_given = pid[0] != '\0' || o->daemon;
    o->pid_file = pid[0] != '\0'        ? absolute(cx, pid)
                  : o->data_dir != NULL ? arena_printf(cx->arena, "%s/heliosdb.pid", o->data_dir)
                                        : absolute(cx, "heliosdb.pid");
    slash = strrchr(o->pid_file, '/');
    if (log[0] != '\0')
        o->log_file = absolute(cx, log);
    else if (o->daemon)
        o->log_file = arena_printf(cx->arena, "%.*s/heliosdb.log", (int)(slash - o->pid_file), o->pid_file);
}

#define PID_FILE_HERE "./heliosdb.pid"

Status
options_pid_file(Ctx *cx, const FlagSet *flags, const char **out, const char **data_dir)
{
    const char *file = flags_value(flags, OPT_PID_FILE), *dir = flags_value(flags, OPT_DATA_DIR);
    const char *given = flags_value(flags, OPT_CONFIG), *config;
    bool usage_error = false;
    SettingSet *set;
    Status rc;

    *data_dir = dir;
    *out = file != NULL ? file : dir != NULL ? arena_printf(cx->arena, "%s/heliosdb.pid", dir) : PID_FILE_HERE;
    if (file != NULL || dir != NULL)
        return ST_OK;
    /* As `start` would find it; a file with mistakes is no reason not to find the server, unless we are sent there. */
    set = arena_new(cx->arena, SettingSet);
    rc = options_load_settings(cx, NULL, given, set, &config, &usage_error);
    if (rc != ST_OK && given != NULL) {
        if (cx->error.hint == NULL)
            fail_hint(cx, "With --pid-file or --data-dir no configuration file is needed.");
        return rc;
    }
    if (rc != ST_OK) {
        ctx_error_clear(cx);
        return ST_OK;
    }
    dir = settings_text(set, SETTING_STORAGE_PATH);
    if (dir[0] != '\0')
        *data_dir = dir;
    file = arena_printf(cx->arena, "%s/heliosdb.pid", dir);
    if (settings_text(set, SETTING_PID_FILE)[0] != '\0')
        *out = settings_text(set, SETTING_PID_FILE);
    else if (dir[0] != '\0' &&
             (access(file, F_OK) == 0 || access(PID_FILE_HERE, F_OK) != 0)) /* else: start --memory */
        *out = file;
    return ST_OK;
}

static Status
read_all(Ctx *cx, const FlagSet *flags, const char *config_path, StartOptions *o)
{
    memset(o, 0, sizeof(*o));
    o->flags = flags;
    o->daemon = flags_value(flags, OPT_DAEMON) != NULL;
    o->insecure = flags_value(flags, OPT_INSECURE) != NULL;
    return options_load_settings(cx, flags, config_path, &o->settings, &o->config_file, &o->usage_error);
}

static Status
check_all(Ctx *cx, StartOptions *o)
{
    TRY(check_mode(cx, o));
    TRY(check_memory(cx, o));
    TRY(check_tls(cx, o));
    TRY(find_password(cx, o));
    TRY(check_auth(cx, o));
    find_unix_dir(cx, o);
    find_files(cx, o);
    return ST_OK;
}

Status
options_load(Ctx *cx, const FlagSet *flags, StartOptions *out)
{
    TRY(read_all(cx, flags, flags_value(flags, OPT_CONFIG), out));
    return check_all(cx, out);
}

Status
options_load_file(Ctx *cx, const FlagSet *flags, const char *config_path, StartOptions *out)
{
    TRY(read_all(cx, flags, config_path, out));
    out->place_open = settings_text(&out->settings, SETTING_STORAGE_PATH)[0] == '\0' &&
                      !settings_bool(&out->settings, SETTING_STORAGE_MEMORY_ONLY);
    if (out->place_open)
        settings_assign_number(&out->settings, SETTING_STORAGE_MEMORY_ONLY, (SettingNumber){.b = true});
    return check_all(cx, out);
}
