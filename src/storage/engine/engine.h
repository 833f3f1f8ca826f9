/* src/storage/engine/engine.h - the engine as the layers above see it: one per server or library.
 *
 * The postmaster (or the embedding program) creates it before it forks; every process then works with
 * the inherited mappings. A session attaches to take a process slot; everything it holds is listed in
 * that slot, so that somebody else can undo it (C1, C3). */
#ifndef ENGINE_H
#define ENGINE_H
#include "base/ctx.h"
#include "base/ids.h"
#include "shmem/proc/proc.h"

typedef struct Engine Engine;
struct SealKey;

typedef struct EngineOptions {
    uint64_t max_memory_bytes; /* the ceiling of C5; 0 = min(80 % of RAM, cgroup limit - 20 %) */
    const char *temp_folder; /* for temporary files; NULL: they are kept in memory */
    bool seal_temp; /* files there are encrypted, with keys that lie nowhere but in their owner's memory */
    uint32_t max_slots; /* process slots: connections, background workers, reserve */
    uint64_t deadlock_timeout_us;
    uint64_t cache_bytes; /* with a store: pages in memory; 0 = memory mode */
    const char
        *table_folder; /* of the store's files, which sessions may read (page_direct.h); NULL: they do not */
    bool log; /* room for a log is made; engine_start_log begins it */
    const char
        *log_folder; /* of its files, which a session that is alone may write (wal_solo.h); NULL: they do not */
    bool check_redo; /* tests: every change of a page is done again from its record, and compared */
} EngineOptions;

/* Maps the region, makes the branch registry with branch 0 in it. Ready in well under a millisecond: memory is touched
 * when used. In memory mode pages live in the page cache and nowhere else; with a store, its process has to be started
 * (storage/store/store_process.h). */
MUST_CHECK Status engine_create(Ctx *cx, const EngineOptions *options, Engine **out);
void engine_destroy(Engine *engine);

/* In a process of sessions, before its first: those that are alone may write an encrypted log, too (wal_solo.h). The key of the directory
 * is not kept. If that fails the log writer does it. */
MUST_CHECK Status engine_seal_log(Ctx *cx, Engine *engine, const struct SealKey *data_key);

/* Takes a process slot for this session: sets cx->engine, cx->proc, cx->interrupt and
 * cx->arena budgets' shared counters. 53300 when no slot is free. */
MUST_CHECK Status engine_attach(Ctx *cx, Engine *engine);
/* The same for a janitor (PROC_JANITOR: woken when a session has died) or another kind of worker. */
MUST_CHECK Status engine_attach_as(Ctx *cx, Engine *engine, ProcKind kind);
/* Aborts what is open and gives up everything the slot lists. */
void engine_detach(Ctx *cx);

/* A session keeps files open for its next page or commit. Who has waited for so long, or is told that files are gone
 * (INTERRUPT_WAKE), closes them: a deleted file keeps its room on the disk. */
enum { ENGINE_REST_MS = 1000 };
void engine_rest(Ctx *cx);
bool engine_has_files(const Ctx *cx);

/* One unit of background work: undo what dead sessions left (C3), vacuum and analyze requests that
 * are due (through `janitor_hooks`), trim the id table. Returns in *idle_ms how long nothing will be
 * due unless woken. E1: processes in the server, one thread when embedded. */
MUST_CHECK Status engine_janitor_step(Ctx *cx, uint32_t *idle_ms);

/* Part of that step, for a janitor whose other work takes long: sessions without a new statement keep to no core any more
 * (shmem/proc/follow.h). Does nothing within ENGINE_EXPIRE_MS of the last time. */
enum { ENGINE_EXPIRE_MS = 200 };
void engine_expire_follows(Ctx *cx);

/* The server-wide total (C5). */
_Atomic uint64_t *engine_used_bytes(Engine *engine);
/* A budget of this session's private memory: it counts into the total, what it took is taken off again if the
 * session is killed, and at the ceiling free pages give way. */
void engine_budget_init(Ctx *cx, Budget *budget);
/* What follows frees more than it takes: it may go into the reserve above the ceiling. */
void engine_use_spare(Ctx *cx, bool yes);
/* For the janitor: was anybody refused memory since the last call? */
bool engine_was_short(Ctx *cx);
/* The other end: a statement was refused memory, and what it had made is rolled back. The janitor vacuums at once (C5). */
void engine_report_shortage(Ctx *cx);
/* Microseconds of the clock of T9 as timestamptz-free wall time: what now() shows. */
int64_t engine_wall_us(Engine *engine);
/* Where temporary files go; NULL in memory mode. */
const char *engine_temp_folder(const Engine *engine);
bool engine_seals_temp(const Engine *engine);
/* When it was made, by the same clock. */
int64_t engine_start_us(Engine *engine);

/* Branches. In memory mode the registry lives in shared memory. */
MUST_CHECK Status engine_branch_create(Ctx *cx, BranchId *out); /* an empty root branch; undone on abort */
/* B1: a branch that begins as `parent` is now, which stays in use. Takes time for each relation, not for their pages. */
MUST_CHECK Status engine_branch_fork(Ctx *cx, BranchId parent, BranchId *out); /* undone on abort */
MUST_CHECK Status engine_branch_drop(Ctx *cx, BranchId branch); /* at commit */

/* Waits until everything committed so far is in the store. Memory mode: nothing to do. */
MUST_CHECK Status engine_checkpoint(Ctx *cx);

/* A counter all sessions share, for object ids: never repeats, starts at 16384. */
uint32_t engine_next_oid(Ctx *cx);

/* K1: sessions are told what catalogs changed. `data` is opaque here (at most 16 bytes); messages
 * queued by a transaction enter the ring when it commits, before its locks go. */
typedef struct Invalidation {
    BranchId branch;
    uint32_t catalog, key, extra;
} Invalidation;
void engine_invalidate_at_commit(Ctx *cx, Invalidation message);
/* Calls `each` for every message that came since the last call by this session; *overflow means some
 * were lost: forget everything. Own messages are included. Cheap when nothing happened. */
void engine_absorb(Ctx *cx, void (*each)(void *arg, const Invalidation *message), void *arg, bool *overflow);

#endif
