/* body.c - the engine in memory mode. */
#include "bin/body.h"

#include "backend/wire/encode.h"
#include "storage/engine/engine.h"

/* The roles that exist from the start; the databases are fixed. */
typedef struct FirstDirectory {
    AuthDirectory base;
    FirstRole roles[8];
    int role_count;
} FirstDirectory;

static FirstDirectory first;

static Status
find_role(Ctx *cx, AuthDirectory *self, const char *name, bool *found, RoleRecord *out)
{
    const FirstDirectory *d = (const FirstDirectory *)self;

    (void)cx;
    *found = false;
    for (int i = 0; i < d->role_count && !*found; i++) {
        if (strcmp(d->roles[i].name, name) != 0)
            continue;
        *found = true;
        *out = (RoleRecord){.oid = 10 + (uint32_t)i,
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
    static const char *const names[] = {"template1", "template0", "postgres", "heliosdb"};

    (void)cx;
    (void)self;
    *found = false;
    for (size_t i = 0; i < COUNT_OF(names) && !*found; i++) {
        if (strcmp(names[i], name) != 0)
            continue;
        *found = true;
        *out = (DatabaseRecord){.oid = (uint32_t)i + 1,
                                .branch = (uint32_t)i + 1,
                                .allow_connections = strcmp(name, "template0") != 0,
                                .connection_limit = -1};
    }
    return ST_OK;
}

static AuthDirectory *
directory(Door *door, DoorSession *session)
{
    (void)session;
    return &((FirstDirectory *)door->arg)->base;
}

static void
run(Door *door, DoorSession *session)
{
    (void)door;
    login_refuse(session->cx, session->conn, fail_unsupported(session->cx, -1, "running SQL"), NULL);
}

static Status
create(Ctx *cx, const BodyOptions *options, Door *door)
{
    EngineOptions engine = {
        .max_memory_bytes = (uint64_t)settings_int(options->settings, SETTING_MAX_MEMORY),
        .max_slots = options->max_slots,
        .deadlock_timeout_us = (uint64_t)settings_int(options->settings, SETTING_DEADLOCK_TIMEOUT) * 1000,
    };

    ASSERT(options->role_count <= (int)COUNT_OF(first.roles));
    memcpy(first.roles, options->roles, sizeof(*options->roles) * (size_t)options->role_count);
    first.role_count = options->role_count;
    first.base = (AuthDirectory){.find_role = find_role, .find_database = find_database};
    TRY(engine_create_memory(cx, &engine, &door->engine));
    door->arg = &first;
    door->directory = directory;
    door->run = run;
    return ST_OK;
}

const ServerBody server_body = {.create = create};
