/* test/unit/storage/sim.h - an engine and sessions on it, in this process or in children. */
#ifndef SIM_H
#define SIM_H
#include <sys/types.h>

#include "harness.h"
#include "storage/btree/btree.h"
#include "storage/engine/engine.h"
#include "storage/heap/heap.h"
#include "storage/rel/rel.h"
#include "storage/txn/txn.h"

/* An engine of 1 GB with 64 slots and a deadlock timeout of 100 ms. */
Engine *sim_engine(void);
Engine *sim_engine_of(uint64_t max_memory_bytes);
/* With room for a log, and for a store if cache_bytes is not 0; starting them is the caller's. log_folder: NULL, or sessions
 * that are alone flush by themselves. */
Engine *sim_engine_logged(uint64_t cache_bytes, const char *log_folder);
/* A session of its own; several may live in one process as long as none has to wait for another. */
Ctx *sim_session(Engine *engine);
void sim_end(Ctx *cx);
/* Asserts, showing the error; quiet when all is well (libcheck writes a file at each of its own). */
#define SIM_OK(cx, call)                                                                                       \
    do {                                                                                                       \
        if (UNLIKELY((call) != ST_OK))                                                                         \
            ck_abort_msg("%s: %s", #call, (cx)->error.message);                                                \
    } while (0)
#define SIM_EXPECT(x)                                                                                          \
    do {                                                                                                       \
        if (UNLIKELY(!(x)))                                                                                    \
            ck_abort_msg("%s", #x);                                                                            \
    } while (0)

/* What children of sim_fork make keys of that write an encrypted log; NULL = they do not. */
extern const struct SealKey *sim_log_key;

/* Runs fn in a child with a session of its own; exit status 0 when it returns true. */
typedef bool (*SimChild)(Ctx *cx, int no, void *arg);
pid_t sim_fork(Engine *engine, SimChild fn, int no, void *arg);
/* True if it ended with status 0. */
bool sim_join(pid_t pid);
/* Outside of critical sections, that is: the janitor cleans up. */
void sim_kill_outside(Engine *e, pid_t pid);
/* All of them; when one fails the others are killed. */
bool sim_join_all(pid_t *pids, int count);
bool sim_run(Engine *engine, int children, SimChild fn, void *arg);
/* Memory shared with children. */
void *sim_shared(size_t bytes);

/* ---- a little table: (id int4 not null, n int8, text), toast, unique index on id ---------------------- */
typedef struct SimTable {
    HeapRel heap;
    BtreeRel index;
    HeapColumn columns[3];
} SimTable;
/* In a transaction of its own. */
void sim_table(Ctx *cx, SimTable *out);
typedef struct SimRow {
    int32_t id;
    int64_t n;
    const char *text; /* NULL = null */
    uint32_t bytes;
} SimRow;
Tid sim_insert(Ctx *cx, SimTable *t, SimRow row); /* with index entry; asserts */
void sim_cells(const SimRow *row, Cell out[3]);
BtreeKey sim_key(int32_t id, uint8_t out[5]);
/* By the index, under the snapshot. False: not there. text lies in cx->arena. */
bool sim_get(Ctx *cx, SimTable *t, const Snapshot *s, int32_t id, SimRow *row, Tid *tid);
Snapshot sim_snapshot(Ctx *cx);
uint32_t sim_count(Ctx *cx, SimTable *t, const Snapshot *s); /* by a scan */
int64_t sim_sum(Ctx *cx, SimTable *t, const Snapshot *s); /* of n */
void sim_begin(Ctx *cx);
void sim_commit(Ctx *cx);
void sim_check(Ctx *cx, SimTable *t);
/* Sets n of one row to n + add, by the READ COMMITTED protocol; x chooses the text's length and whether it is as if an
 * indexed column had changed. *done false: the row was not there. */
Status sim_add(Ctx *cx, SimTable *t, const Snapshot *s, int id, int64_t add, uint64_t x, bool *done);
/* The session's `polls`th look for interrupts from now on cancels what it does; 0 = none does. */
void sim_cancel_at(Ctx *cx, int polls);
bool sim_world(void); /* the long form of tests */

#endif
