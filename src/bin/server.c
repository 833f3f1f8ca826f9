/* server.c - introduces the parts to each other: settings, log, TLS, engine, door, postmaster.
 *
 * The order is that of failing early and cheaply: what may be refused by the outside (files, ports) comes
 * before anything is made. Nothing here runs after the first fork but `accepting` and `reload`. */
#include "bin/server.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backend/auth/verifier.h"
#include "backend/config/config_file.h"
#include "backend/wire/tls.h"
#include "base/log.h"
#include "bin/body.h"
#include "bin/daemon.h"
#include "bin/data_dir.h"
#include "bin/key_source.h"
#include "postmaster/listen.h"
#include "postmaster/pidfile.h"
#include "postmaster/postmaster.h"
#include "shmem/region/region.h"

enum { AUXILIARY_SLOTS = 16, ROLES_MOST = 3, REFUSE_MS = 1000 };

typedef struct Server {
    Ctx *cx;
    StartOptions *options;
    SettingSet *settings; /* the current ones: door.settings */
    Door door;
    ListenSet listeners;
    PidFile pid_file;
    DataDir data_dir;
    SealKey *data_key; /* of an encrypted data directory; a session's process has none */
    int ready_fd;
    time_t started;
    bool accepting; /* connections are served */
    uint32_t reload_count;
    const char *restart_keys; /* changed in the file, but only a restart takes them over */
    const char *reload_error;
} Server;

/* Above this a page cache makes the server the production kind. */
#define HYBRID_CACHE_BYTES (UINT64_C(128) << 20)

static uint64_t
cache_bytes(const Server *s)
{
    return (uint64_t)settings_int(s->settings, SETTING_SHARED_BUFFERS) * 8192;
}

static const char *
mode_name(const Server *s)
{
    if (s->options->data_dir == NULL)
        return "Memory-Only";
    return cache_bytes(s) > HYBRID_CACHE_BYTES ? "Hybrid" : "Server";
}

/* ---- log ------------------------------------------------------------------------------------------ */

static Status
fail_log(Ctx *cx, const StartOptions *o)
{
    const char *why = strerror(errno);

    return fail(cx, ST_IO, "58030", "%scould not open log file \"%s\": %s",
                options_place(cx, &o->settings, SETTING_LOG_FILE), o->log_file, why);
}

/* Opens it anew at each call, so that a rotated file is let go. */
static Status
open_log(Ctx *cx, const StartOptions *o, const SettingSet *settings)
{
    LogOptions log = {.fd = 2,
                      .level = (LogLevel)settings_int(settings, SETTING_LOG_LEVEL),
                      .format = (LogFormat)settings_int(settings, SETTING_LOG_FORMAT)};
    static int open_fd = -1; /* of this process; what log_configure was told */

    if (o->log_file != NULL) {
        int fd = open(o->log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);

        if (fd < 0)
            return fail_log(cx, o);
        if (open_fd >= 0)
            close(open_fd);
        log.fd = open_fd = fd;
    }
    log_configure(&log);
    return ST_OK;
}

/* Could it be opened for writing, or made? Without doing so. errno says why not. */
static bool
may_write(Ctx *cx, const char *path)
{
    const char *slash = strrchr(path, '/');
    struct stat st;

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return false;
    }
    if (eaccess(path, W_OK) == 0)
        return true;
    return errno == ENOENT &&
           eaccess(slash != NULL ? arena_strndup(cx->arena, path, (size_t)(slash + 1 - path)) : ".",
                   W_OK | X_OK) == 0;
}

/* From here on signals wait for the postmaster: it is not to end the program while a pid file or a socket is there. Its children let
 * them through again. */
static void
hold_signals(void)
{
    sigset_t held;

    sigemptyset(&held);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGQUIT);
    sigaddset(&held, SIGHUP);
    sigaddset(&held, SIGUSR1);
    sigprocmask(SIG_BLOCK, &held, NULL);
}

/* What open_log would say. */
static Status
check_log(Ctx *cx, const StartOptions *o)
{
    return o->log_file == NULL || may_write(cx, o->log_file) ? ST_OK : fail_log(cx, o);
}

/* Files that start would refuse to go without. */
static Status
check_files(Ctx *cx, const StartOptions *o)
{
    const SettingSet *s = &o->settings;
    const char *why;

    TRY(check_log(cx, o));
    if (settings_text(s, SETTING_PID_FILE)[0] != '\0' && !may_write(cx, o->pid_file)) {
        why = strerror(errno);
        return fail(cx, ST_IO, "58030", "%scould not create pid file \"%s\": %s",
                    options_place(cx, s, SETTING_PID_FILE), o->pid_file, why);
    }
    if (o->unix_wanted && o->unix_dir != NULL && eaccess(o->unix_dir, W_OK | X_OK) != 0) {
        why = strerror(errno);
        return fail(cx, ST_IO, "58030", "%scould not listen on a Unix socket in \"%s\": %s",
                    options_place(cx, s, SETTING_UNIX_SOCKET_DIRECTORIES), o->unix_dir, why);
    }
    return ST_OK;
}

/* ---- TLS and passwords ---------------------------------------------------------------------------- */

static Status
make_tls(Ctx *cx, const SettingSet *settings, TlsContext **out)
{
    TlsFiles files = {.cert_path = settings_text(settings, SETTING_SSL_CERT_FILE),
                      .key_path = settings_text(settings, SETTING_SSL_KEY_FILE),
                      .ca_path = settings_text(settings, SETTING_SSL_CA_FILE)};

    if (!settings_bool(settings, SETTING_SSL)) {
        *out = NULL;
        return ST_OK;
    }
    if (files.ca_path[0] == '\0')
        files.ca_path = NULL;
    return tls_context_create(cx, &files, out);
}

static Status
make_login(Ctx *cx, const SettingSet *settings, LoginOptions *out)
{
    TlsContext *tls = NULL;

    TRY(make_tls(cx, settings, &tls));
    out->startup.tls = tls;
    out->startup.timeout_ms = (uint32_t)settings_int(settings, SETTING_AUTHENTICATION_TIMEOUT) * 1000;
    out->auth.method = options_auth_method(settings);
    return ST_OK;
}

static Status
make_verifier(Ctx *cx, const StartOptions *o, const char *role, const char **out)
{
    *out = NULL;
    if (o->password == NULL)
        return ST_OK;
    if (options_auth_method(&o->settings) == AUTH_MD5)
        return verifier_make_md5(cx, cx->arena, role, o->password, out);
    return verifier_make_scram(cx, cx->arena, o->password, out);
}

static Status
make_roles(Ctx *cx, const StartOptions *o, FirstRole roles[ROLES_MOST], int *count)
{
    const struct passwd *user = getpwuid(geteuid());

    roles[0].name = "postgres";
    TRY(make_verifier(cx, o, "postgres", &roles[0].verifier));
    roles[1].name = "helios";
    if (options_auth_method(&o->settings) == AUTH_MD5)
        TRY(make_verifier(cx, o, "helios", &roles[1].verifier));
    else
        roles[1].verifier = roles[0].verifier; /* 5 ms each: the same salt does no harm here */
    *count = 2;
    if (user != NULL && strcmp(user->pw_name, "postgres") != 0 && strcmp(user->pw_name, "helios") != 0)
        roles[(*count)++] = (FirstRole){.name = arena_strdup(cx->arena, user->pw_name)};
    return ST_OK;
}

/* ---- facts for `status` and `reload` -------------------------------------------------------------- */

static void
write_facts(Server *s)
{
    Buf lines = {0};

    if (s->pid_file.fd < 0)
        return;
    buf_printf(&lines, "pid=%d\nmode=%s\nstarted=%lld\n", (int)getpid(), mode_name(s), (long long)s->started);
    for (int i = 0; s->accepting && i < s->listeners.count; i++)
        buf_printf(&lines, "%s%s", i > 0 ? ", " : "listen=", s->listeners.items[i].text);
    buf_printf(&lines, "%sconfig=%s\nreloads=%u\n", s->accepting ? "\n" : "",
               s->options->config_file != NULL ? s->options->config_file : "", s->reload_count);
    if (s->restart_keys != NULL)
        buf_printf(&lines, "restart=%s\n", s->restart_keys);
    if (s->reload_error != NULL)
        buf_printf(&lines, "error=%s\n", s->reload_error);
    if (pidfile_write_facts(s->cx, &s->pid_file, &lines) != ST_OK)
        log_report(LOG_WARNING, NULL, &s->cx->error, NULL);
    buf_free(&lines);
}

/* ---- reload --------------------------------------------------------------------------------------- */

/* Values that only a restart takes over stay as they are; their names are collected. */
static const char *
keep_fixed(Ctx *cx, SettingSet *fresh, const SettingSet *old)
{
    const char *changed = NULL;

    for (int i = 0; i < SETTING_COUNT; i++) {
        const SettingInfo *info = &setting_infos[i];
        Buf a = {0}, b = {0};

        if (info->context != CONTEXT_POSTMASTER)
            continue;
        settings_show(fresh, (SettingNo)i, false, &a);
        settings_show(old, (SettingNo)i, false, &b);
        if (strcmp(buf_cstr(&a), buf_cstr(&b)) != 0) {
            const char *key = config_key_name(cx->arena, (SettingNo)i);

            changed = changed == NULL ? key : arena_printf(cx->arena, "%s, %s", changed, key);
            if (info->kind == KIND_TEXT)
                settings_assign_text(fresh, (SettingNo)i, settings_text(old, (SettingNo)i));
            else
                settings_assign_number(fresh, (SettingNo)i, old->values[i].number);
            fresh->sources[i] = old->sources[i];
            fresh->lines[i] = old->lines[i];
            fresh->pending[i] = true;
        }
        buf_free(&a);
        buf_free(&b);
    }
    return changed;
}

static Status
load_again(Server *s, Ctx *cx, const char **restart_keys)
{
    SettingSet *fresh = calloc(1, sizeof(*fresh));
    const char *file;
    bool usage_error = false;
    LoginOptions login = s->door.login;
    Status rc;

    if (fresh == NULL)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    rc = options_load_settings(cx, s->options->flags, s->options->config_file, fresh, &file, &usage_error);
    if (rc == ST_OK) {
        *restart_keys = keep_fixed(cx, fresh, s->settings);
        settings_assign_text(fresh, SETTING_DATA_DIRECTORY, settings_text(s->settings, SETTING_DATA_DIRECTORY));
        rc = make_login(cx, fresh, &login);
    }
    if (rc == ST_OK)
        rc = open_log(cx, s->options, fresh);
    if (rc != ST_OK) {
        settings_free(fresh);
        free(fresh);
        return rc;
    }
    /* The old TLS context may still serve a connection of this process: it is not freed. */
    s->door.login = login;
    settings_free(s->settings);
    if (s->settings != &s->options->settings)
        free(s->settings);
    s->settings = fresh;
    s->door.settings = fresh;
    return ST_OK;
}

/* `first`: we are the postmaster, who says how it went. */
static void
reload(void *arg, bool first)
{
    Server *s = arg;
    Arena scratch, errors;
    Ctx cx = {.arena = &scratch, .error_arena = &errors, .env = env_system()};
    const char *restart = NULL;
    Status rc;

    arena_init(&scratch, "reload", NULL);
    arena_init(&errors, "reload errors", NULL);
    if (open_log(&cx, s->options, s->settings) !=
        ST_OK) /* the file may have another name by now, whatever the rest says */
        ctx_error_clear(&cx);
    rc = load_again(s, &cx, &restart);
    if (first) {
        s->reload_count++;
        s->restart_keys = restart != NULL ? arena_strdup(s->cx->arena, restart) : NULL;
        s->reload_error = rc != ST_OK ? arena_strdup(s->cx->arena, cx.error.message) : NULL;
        if (rc != ST_OK)
            log_line(LOG_ERROR, "configuration not reloaded: %s", cx.error.message);
        else
            log_line(LOG_INFO, "configuration reloaded");
        if (rc == ST_OK && server_body.reload != NULL)
            server_body.reload(&s->door);
        if (restart != NULL)
            log_line(LOG_WARNING, "changed, but taken over only by a restart: %s", restart);
        write_facts(s);
    }
    arena_free(&errors);
    arena_free(&scratch);
}

static void
reload_in_session(Door *door)
{
    /* The door is the server's; sessions reach it through the same address in their own process. */
    reload((char *)door - offsetof(Server, door), false);
}

/* ---- parts of the postmaster ---------------------------------------------------------------------- */

static bool
serve(void *arg, int fd, Reception reception)
{
    static const DoorRefusal refusals[] = {
        [REFUSE_TOO_MANY] = {"53300", "sorry, too many clients already", true},
        [REFUSE_STARTING] = {"57P03", "the database system is starting up", false},
        [REFUSE_STOPPING] = {"57P03", "the database system is shutting down", true},
    };
    Server *s = arg;
    Door door;

    if (s->data_key != NULL &&
        server_body.use_key != NULL) /* also to refuse one: the process may serve others later */
        server_body.use_key(s->cx, &s->door, s->data_key);
    seal_key_forget(s->data_key); /* pages are other processes' business */
    s->data_key = NULL;
    if (reception == RECEIVE)
        return door_serve(&s->door, fd, NULL);
    door = s->door;
    door.login.startup.timeout_ms =
        REFUSE_MS; /* one after the other: nobody is to wait long for somebody who says nothing */
    return door_serve(&door, fd, &refusals[reception]);
}

static bool
rebuild(void *arg, ProcTable **procs)
{
    Server *s = arg;

    if (!server_body.rebuild(s->cx, &s->door))
        return false;
    *procs = proc_table(s->door.engine);
    return true;
}

static void
accepting(void *arg, bool yes)
{
    Server *s = arg;

    s->accepting = yes;
    write_facts(s);
    if (!yes || s->ready_fd < 0)
        return;
    if (write(s->ready_fd, "R", 1) != 1)
        log_line(LOG_DEBUG, "nobody waits for us to be ready");
    close(s->ready_fd);
    s->ready_fd = -1;
}

/* ---- start ---------------------------------------------------------------------------------------- */

static void
warn_of_cache(const Server *s)
{
    uint64_t there = region_machine_bytes(s->cx);

    if (cache_bytes(s) > there)
        log_line(LOG_WARNING,
                 "the cache may become larger (%llu MB) than the memory that the machine or the container has "
                 "(%llu MB)",
                 (unsigned long long)(cache_bytes(s) >> 20), (unsigned long long)(there >> 20));
}

static void
announce(const Server *s)
{
    log_line(LOG_INFO, "Starting HeliosDB Nano in %s Mode", mode_name(s));
    if (s->options->data_dir != NULL) { /* in memory mode there is no cache: all pages stay */
        log_line(LOG_INFO, "Cache size: %llu MB", (unsigned long long)(cache_bytes(s) >> 20));
        log_line(LOG_INFO, "Persistent storage: %s", s->options->data_dir);
        warn_of_cache(s);
    }
    if (s->options->data_dir != NULL && !settings_bool(&s->options->settings, SETTING_WAL_ENABLED))
        log_line(LOG_WARNING,
                 "wal_enabled is off: no log is written, and a crash undoes what was committed since the "
                 "last checkpoint");
    options_warn(s->options);
    if (s->options->config_file != NULL)
        log_line(LOG_DEBUG, "configuration file: %s", s->options->config_file);
}

/* A start that finds no space waits for it from its first file on, as it does for the store (storage/store/store_process.c):
 * nobody would start the server again when there is. False: that is not it, or we were told to end; the error says so. */
static bool
wait_for_space(Ctx *cx, const char *place, bool *told)
{
    struct timespec nap = {.tv_sec = 1};
    sigset_t ends;

    if (strcmp(cx->error.sqlstate, "53100") != 0)
        return false;
    if (!*told)
        log_line(LOG_ERROR, "there is no space left in \"%s\": the server waits until there is", place);
    *told = true;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGQUIT);
    sigaddset(&ends, SIGUSR1);
    if (sigtimedwait(&ends, NULL, &nap) >= 0) {
        (void)fail(cx, ST_CLOSED, "57P03", "the server was told to end before there was space");
        return false;
    }
    ctx_error_clear(cx);
    return true;
}

static Status
take_pid_file(Ctx *cx, Server *s)
{
    const char *path = s->options->pid_file;
    const char *folder = arena_strndup(cx->arena, path, (size_t)(strrchr(path, '/') - path));
    bool told = false;
    Status rc;

    do {
        rc = pidfile_create(cx, path, (int)getpid(), &s->pid_file);
    } while (rc != ST_OK && (s->options->pid_file_given || s->options->data_dir != NULL) &&
             wait_for_space(cx, folder, &told));
    if (rc == ST_OK)
        return ST_OK;
    s->pid_file.fd = -1;
    if (strcmp(cx->error.sqlstate, "57P03") == 0)
        return ST_CLOSED;
    if (s->options->pid_file_given ||
        (s->options->data_dir != NULL && eaccess(s->options->data_dir, W_OK | X_OK) != 0))
        return ST_ERROR;
    /* In the foreground it is only a convenience. But a data directory that can not be written to is no place to begin. */
    log_line(LOG_DEBUG, "no pid file: %s", cx->error.message);
    ctx_error_clear(cx);
    return ST_OK;
}

/* The key before anything there is touched; the lock before the log, which may lie there and be another server's. */
static Status
take_data_dir(Ctx *cx, Server *s, bool *made)
{
    const char *path = s->options->data_dir;
    DirFormat format;

    bool fresh, told = false;
    ArenaMark mark;
    Status rc;

    TRY(key_source_open(cx, path, s->settings, &format, &s->data_key));
    mark = arena_mark(cx->arena);
    do {
        arena_rewind(cx->arena, mark);
        rc = data_dir_make(cx, path, &format, &fresh);
        *made |= rc == ST_OK && fresh;
        if (rc == ST_OK)
            rc = data_dir_lock(cx, path, &s->data_dir);
    } while (rc != ST_OK && wait_for_space(cx, path, &told));
    return rc;
}

/* Of a file that leaves open where the data lies, the key alone can be looked at. In memory mode there is none. */
static Status
check_key(Ctx *cx, const StartOptions *o)
{
    SealKey *data_key = NULL, user_key;
    DirFormat format;
    Status rc = ST_OK;

    if (o->data_dir != NULL) {
        rc = key_source_open(cx, o->data_dir, &o->settings, &format, &data_key);
    } else if (o->place_open && settings_bool(&o->settings, SETTING_ENCRYPTION_ENABLED)) {
        rc = key_source_read(cx, &o->settings, &user_key);
        seal_wipe(&user_key, sizeof(user_key));
    }
    seal_key_forget(data_key);
    return rc;
}

Status
server_check(Ctx *cx, const StartOptions *options)
{
    TlsContext *tls;

    TRY(check_files(cx, options));
    TRY(check_key(cx, options));
    TRY(make_tls(cx, &options->settings, &tls));
    tls_context_free(tls);
    return ST_OK;
}

Status
server_run(Ctx *cx, StartOptions *options, int ready_fd, int *exit_status)
{
    Server *s = arena_new(cx->arena, Server);
    FirstRole roles[ROLES_MOST];
    const SettingSet *settings = &options->settings;
    int max_connections = (int)settings_int(settings, SETTING_MAX_CONNECTIONS);
    BodyOptions body = {.settings = settings,
                        .max_slots = (uint32_t)(max_connections + AUXILIARY_SLOTS),
                        .roles = roles,
                        .data_dir = options->data_dir};
    ListenOptions listen = {.addresses = settings_text(settings, SETTING_LISTEN_ADDRESSES),
                            .port = (int)settings_int(settings, SETTING_PORT),
                            .unix_dir = options->unix_dir,
                            .unix_wanted = options->unix_wanted};
    PostmasterOptions postmaster = {.listeners = &s->listeners, .max_connections = max_connections};
    PostmasterWorker workers[POSTMASTER_WORKERS_MOST];
    PostmasterParts parts = {.arg = s,
                             .backend = serve,
                             .last_words = door_last_words,
                             .reload = reload,
                             .accepting = accepting,
                             .workers = workers};
    bool made = false;
    Status rc = ST_OK;

    *s = (Server){.cx = cx,
                  .options = options,
                  .settings = &options->settings,
                  .pid_file.fd = -1,
                  .data_dir.lock_fd = -1,
                  .ready_fd = ready_fd,
                  .started = time(NULL)};
    if (options->data_dir != NULL)
        TRY_TO(out, rc, take_data_dir(cx, s, &made));
    if (options->data_dir != NULL)
        body.database = data_dir_database(cx, options->data_dir);
    TRY_TO(out, rc, check_files(cx, options));
    TRY_TO(out, rc, open_log(cx, options, settings));
    body.data_key = s->data_key;
    announce(s);
    if (made)
        log_line(LOG_INFO, "made data directory \"%s\"", options->data_dir);
    if (s->data_key != NULL)
        log_line(LOG_INFO, "The data directory is encrypted");
    TRY_TO(out, rc, make_login(cx, settings, &s->door.login));
    if (!cx->env->random(cx->env, s->door.login.auth.mock_secret, sizeof(s->door.login.auth.mock_secret))) {
        rc = fail(cx, ST_ERROR, "XX000", "the system gives no random bytes");
        goto out;
    }
    TRY_TO(out, rc, make_roles(cx, options, roles, &body.role_count));
    hold_signals();
    TRY_TO(out, rc, take_pid_file(cx, s));
    TRY_TO(out, rc, listen_open(cx, &listen, &s->listeners));
    s->door.settings = settings;
    s->door.reload = reload_in_session;
    TRY_TO(out, rc, server_body.create(cx, &body, &s->door));
    ASSERT(s->door.run != NULL);
    postmaster.procs = proc_table(s->door.engine);
    parts.worker_count = server_body.workers(cx, &s->door, workers);
    if (options->data_dir != NULL)
        parts.rebuild = rebuild;
    if (ready_fd >= 0)
        daemon_detach(); /* before the first child inherits the terminal */
    *exit_status = postmaster_run(cx, &postmaster, &parts);
    if (s->ready_fd >= 0)
        daemon_refuse(cx, s->ready_fd, options->log_file);
out:
    listen_close(&s->listeners, true);
    pidfile_remove(&s->pid_file);
    data_dir_unlock(&s->data_dir);
    seal_key_forget(s->data_key);
    return rc;
}
