/* src/bin/body.h - what the program is made of besides its shell: the engine and the sessions.
 *
 * One table of functions, defined once per program: body.c for the server, a smaller one for the tests of
 * the shell. */
#ifndef BIN_BODY_H
#define BIN_BODY_H
#include "backend/door/door.h"
#include "postmaster/postmaster.h"

struct Engine;
struct SealKey;

typedef struct FirstRole {
    const char *name;
    const char *verifier; /* NULL = no password */
} FirstRole;

typedef struct BodyOptions {
    const SettingSet *settings;
    uint32_t max_slots; /* process slots the engine has to have */
    const FirstRole *roles; /* superusers that exist from the start */
    int role_count;
    const char *data_dir; /* NULL = memory mode */
    const char *database; /* one more that exists from the start; NULL = none */
    struct SealKey *data_key; /* of an encrypted one */
} BodyOptions;

typedef struct ServerBody {
    /* In the postmaster, before the first fork: makes the engine and what all sessions inherit; sets
     * door->engine, arg and the session's functions. */
    Status (*create)(Ctx *cx, const BodyOptions *options, Door *door);
    /* The processes beside the sessions'. Returns how many. `cx` is the postmaster's. */
    int (*workers)(Ctx *cx, Door *door, PostmasterWorker out[POSTMASTER_WORKERS_MOST]);
    /* After a crash: the engine is made anew. Not called in memory mode. */
    bool (*rebuild)(Ctx *cx, Door *door);
    /* In a process of sessions, before its first: what it needs of the key, which it then forgets. May be NULL. */
    void (*use_key)(Ctx *cx, Door *door, const struct SealKey *data_key);
    /* In the postmaster: door->settings are others now. May be NULL. */
    void (*reload)(Door *door);
} ServerBody;

extern const ServerBody server_body;

#endif
