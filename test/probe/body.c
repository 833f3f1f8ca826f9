/* body.c - a server with a toy in place of SQL, to test the shell around it.
 *
 * Queries it knows: "SELECT 1"; "SHOW name"; "SET name = value"; "PID"; "ROWS n" (n rows of 1000 bytes); "SLEEP
 * ms" (can be cancelled); "CRITICAL" (enters a critical section and stays); "FAULT" (SIGSEGV); "RETIRE" (the
 * process should not be used again). The janitor logs that it was woken. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend/wire/encode.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "bin/body.h"
#include "shmem/proc/proc.h"
#include "storage/engine/engine.h"

typedef struct ToyDirectory {
    AuthDirectory base;
    FirstRole roles[8];
    int role_count;
} ToyDirectory;

static Status
find_role(Ctx *cx, AuthDirectory *self, const char *name, bool *found, RoleRecord *out)
{
    const ToyDirectory *d = (const ToyDirectory *)self;

    (void)cx;
    for (int i = 0; i < d->role_count; i++) {
        if (strcmp(d->roles[i].name, name) != 0)
            continue;
        *found = true;
        *out = (RoleRecord){.oid = 10,
                            .can_login = true,
                            .superuser = true,
                            .connection_limit = -1,
                            .valid_until_us = INT64_MAX,
                            .verifier = d->roles[i].verifier};
    }
    return ST_OK;
}

static Status
find_database(Ctx *cx, AuthDirectory *self, const char *name, bool *found, DatabaseRecord *out)
{
    (void)cx;
    (void)self;
    *found = strcmp(name, "postgres") == 0;
    *out = (DatabaseRecord){.oid = 5, .allow_connections = true, .connection_limit = -1};
    return ST_OK;
}

static AuthDirectory *
directory(Door *door, DoorSession *s)
{
    (void)s;
    return &((ToyDirectory *)door->arg)->base;
}

/* ---- queries ---------------------------------------------------------------------------------------- */

static Status
answer_text(DoorSession *s, const char *text)
{
    FieldInfo field = {.name = "?column?", .type_oid = 25, .typlen = -1, .typmod = -1};

    TRY(encode_row_description(s->cx, s->conn, &field, 1));
    encode_row_begin(s->conn, 1);
    encode_column_bytes(s->conn, text, strlen(text));
    TRY(encode_row_end(s->cx, s->conn));
    encode_command_complete(s->conn, "SELECT 1");
    return ST_OK;
}

static Status
answer_rows(DoorSession *s, int count)
{
    FieldInfo field = {.name = "x", .type_oid = 25, .typlen = -1, .typmod = -1};
    char text[1000];

    memset(text, 'x', sizeof(text));
    TRY(encode_row_description(s->cx, s->conn, &field, 1));
    for (int i = 0; i < count; i++) {
        encode_row_begin(s->conn, 1);
        encode_column_bytes(s->conn, text, sizeof(text));
        TRY(encode_row_end(s->cx, s->conn));
    }
    encode_command_complete(s->conn, "SELECT");
    return ST_OK;
}

static Status
sleep_ms(DoorSession *s, int ms)
{
    uint64_t until = env_mono_us(s->cx->env) + (uint64_t)ms * 1000;

    while (env_mono_us(s->cx->env) < until) {
        uint32_t bits = atomic_load(s->cx->interrupt);

        if ((bits & INTERRUPT_TERMINATE) != 0)
            return ST_CLOSED;
        if ((atomic_fetch_and(s->cx->interrupt, ~(uint32_t)INTERRUPT_CANCEL) & INTERRUPT_CANCEL) != 0)
            return fail(s->cx, ST_CANCELED, "57014", "canceling statement due to user request");
        usleep(1000);
    }
    return answer_text(s, "slept");
}

static Status
run_set(DoorSession *s, const char *text)
{
    char name[64], value[200];

    if (sscanf(text, "%63s = %199s", name, value) != 2)
        return fail(s->cx, ST_ERROR, "42601", "syntax error");
    TRY(settings_set(s->cx, s->settings, name, value, SCOPE_SESSION, true));
    encode_command_complete(s->conn, "SET");
    return ST_OK;
}

static Status
run_show(DoorSession *s, const char *name)
{
    Buf shown = {0};
    SettingNo no;
    Status rc;

    TRY(settings_find(s->cx, s->settings, name, &no));
    settings_show(s->settings, no, false, &shown);
    rc = answer_text(s, buf_cstr(&shown));
    buf_free(&shown);
    return rc;
}

static Status
run_query(DoorSession *s, const char *query)
{
    if (strncmp(query, "SHOW ", 5) == 0)
        return run_show(s, query + 5);
    if (strncmp(query, "SET ", 4) == 0)
        return run_set(s, query + 4);
    if (strncmp(query, "ROWS ", 5) == 0)
        return answer_rows(s, atoi(query + 5));
    if (strncmp(query, "SLEEP ", 6) == 0)
        return sleep_ms(s, atoi(query + 6));
    if (strcmp(query, "SELECT 1") == 0 || strcmp(query, "SELECT 1;") == 0)
        return answer_text(s, "1");
    if (strcmp(query, "PID") == 0)
        return answer_text(s, arena_printf(s->cx->arena, "%d", (int)getpid()));
    if (strcmp(query, "FAULT") == 0) {
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    }
    if (strcmp(query, "CRITICAL") == 0) {
        proc_critical_enter(s->cx->proc);
        pause();
    }
    if (strcmp(query, "RETIRE") == 0) {
        s->retire = true;
        return answer_text(s, "retired");
    }
    return fail(s->cx, ST_ERROR, "42601", "syntax error at or near \"%s\"", query);
}

/* ---- the session ------------------------------------------------------------------------------------ */

static void
report(DoorSession *s)
{
    encode_report(s->conn, &s->cx->error);
    ctx_error_clear(s->cx);
}

/* Bits that are not an end are acted on; false = good-bye. */
static bool
act_on_interrupts(Door *door, DoorSession *s)
{
    uint32_t bits = atomic_fetch_and(s->cx->interrupt, (uint32_t)INTERRUPT_TERMINATE);

    if ((bits & INTERRUPT_RELOAD) != 0) {
        door->reload(door);
        settings_rebase(s->settings, door->settings);
    }
    if ((bits & INTERRUPT_TERMINATE) == 0)
        return true;
    fail_fatal(s->cx, fail(s->cx, ST_CLOSED, "57P01", "terminating connection due to administrator command"));
    report(s);
    (void)!conn_flush(s->cx, s->conn);
    return false;
}

static void
run(Door *door, DoorSession *s)
{
    for (;;) {
        int type;
        Decoder d;
        const char *query;

        encode_ready(s->conn, 'I');
        if (conn_flush(s->cx, s->conn) != ST_OK)
            return;
        do {
            conn_set_idle_timeout(s->conn, (uint32_t)settings_int(s->settings, SETTING_IDLE_SESSION_TIMEOUT));
            if (conn_read_message(s->cx, s->conn, &type, &d) != ST_OK) {
                report(s);
                (void)!conn_flush(s->cx, s->conn);
                return;
            }
        } while (type == MESSAGE_INTERRUPT && act_on_interrupts(door, s));
        if (type == MESSAGE_IDLE) {
            fail_fatal(s->cx,
                       fail(s->cx, ST_CLOSED, "57P05", "terminating connection due to idle-session timeout"));
            report(s);
            (void)!conn_flush(s->cx, s->conn);
            return;
        }
        if (type <= 0 || type == 'X')
            return;
        if (!act_on_interrupts(door, s))
            return;
        query = decode_cstring(&d);
        if (decode_finish(s->cx, &d) != ST_OK || run_query(s, query) != ST_OK) {
            if ((atomic_load(s->cx->interrupt) & INTERRUPT_TERMINATE) == 0)
                report(s);
            else
                (void)act_on_interrupts(door, s);
            if (s->conn->broken || (atomic_load(s->cx->interrupt) & INTERRUPT_TERMINATE) != 0)
                return;
        }
    }
}

static Status
create(Ctx *cx, const BodyOptions *options, Door *door)
{
    EngineOptions engine = {.max_memory_bytes = 64 << 20, .max_slots = options->max_slots};
    ToyDirectory *d = arena_new(cx->arena, ToyDirectory);

    memcpy(d->roles, options->roles, sizeof(*options->roles) * (size_t)options->role_count);
    d->role_count = options->role_count;
    d->base = (AuthDirectory){.find_role = find_role, .find_database = find_database};
    TRY(engine_create(cx, &engine, &door->engine));
    door->arg = d;
    door->directory = directory;
    door->run = run;
    return ST_OK;
}

/* Claims a slot as the janitor does, and waits for orders. */
static void
janitor(void *arg)
{
    Door *door = arg;
    Arena arena, errors;
    Ctx cx = {.arena = &arena, .error_arena = &errors, .env = env_system()};
    _Atomic uint32_t word = 0;
    Proc *proc;

    arena_init(&arena, "janitor", NULL);
    arena_init(&errors, "janitor errors", NULL);
    interrupt_watch(-1, &word, NULL);
    if (proc_claim(&cx, proc_table(door->engine), PROC_JANITOR, &proc) != ST_OK)
        exit(1);
    log_line(LOG_INFO, "toy janitor at work");
    while ((atomic_load(&word) & INTERRUPT_TERMINATE) == 0)
        usleep(20 * 1000); /* a signal ends the sleep */
    proc_release(proc);
}

static int
workers(Ctx *cx, Door *door, PostmasterWorker out[POSTMASTER_WORKERS_MOST])
{
    (void)cx;
    out[0] = (PostmasterWorker){.name = "janitor", .arg = door, .run = janitor};
    return 1;
}

const ServerBody server_body = {.create = create, .workers = workers};
