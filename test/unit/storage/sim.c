/* sim.c - see sim.h. */
#include "sim.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "shmem/proc/slot.h"
#include "storage/seal/seal.h"

/* Tests end without giving back what their process ends with. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
    return "detect_leaks=0";
}

static Status
poll_interrupts(Ctx *cx)
{
    if (cx->interrupt != NULL && (atomic_load(cx->interrupt) & 1))
        return fail(cx, ST_CANCELED, "57014", "canceling statement due to user request");
    if (cx->deadline_us != 0 && env_mono_us(cx->env) >= cx->deadline_us)
        return fail(cx, ST_CANCELED, "57014", "canceling statement due to statement timeout");
    return ST_OK;
}

static const CtxHooks hooks = {.poll = poll_interrupts};
static int polls_left;

static Status
poll_counted(Ctx *cx)
{
    return --polls_left > 0 ? ST_OK : fail(cx, ST_CANCELED, "57014", "canceling statement due to user request");
}

void
sim_cancel_at(Ctx *cx, int polls)
{
    static const CtxHooks counted = {.poll = poll_counted};
    static _Atomic uint32_t always = 1;

    polls_left = polls;
    cx->hooks = polls > 0 ? &counted : &hooks;
    cx->interrupt = polls > 0 ? &always : &cx->proc->interrupt;
}

static Ctx *
new_ctx(void)
{
    Arena *arenas = calloc(2, sizeof(*arenas));
    Ctx *cx = calloc(1, sizeof(*cx));

    arena_init(&arenas[0], "statement", NULL);
    arena_init(&arenas[1], "errors", NULL);
    *cx = (Ctx){.arena = &arenas[0], .error_arena = &arenas[1], .env = env_system(), .hooks = &hooks};
    return cx;
}

static Engine *
make_engine(uint64_t max_memory_bytes, bool log, const char *log_folder, uint64_t cache_bytes)
{
    EngineOptions o = {.max_memory_bytes = max_memory_bytes,
                       .max_slots = 64,
                       .deadlock_timeout_us = 100000,
                       .log = log,
                       .log_folder = log_folder,
                       .cache_bytes = cache_bytes,
                       .check_redo = true};
    Ctx *cx = new_ctx();
    Engine *engine = NULL;

    SIM_OK(cx, engine_create(cx, &o, &engine));
    arena_free(cx->arena);
    arena_free(cx->error_arena);
    free(cx->arena);
    free(cx);
    return engine;
}

Engine *
sim_engine_of(uint64_t max_memory_bytes)
{
    return make_engine(max_memory_bytes, false, NULL, 0);
}

Engine *
sim_engine_logged(uint64_t cache_bytes, const char *log_folder)
{
    return make_engine(UINT64_C(1) << 30, true, log_folder, cache_bytes);
}

Engine *
sim_engine(void)
{
    return sim_engine_of(UINT64_C(1) << 30);
}

Ctx *
sim_session(Engine *engine)
{
    Ctx *cx = new_ctx();

    SIM_OK(cx, engine_attach(cx, engine));
    return cx;
}

void
sim_end(Ctx *cx)
{
    engine_detach(cx);
    arena_free(cx->arena);
    arena_free(cx->error_arena);
    free(cx->arena);
    free(cx);
}

const SealKey *sim_log_key;

pid_t
sim_fork(Engine *engine, SimChild fn, int no, void *arg)
{
    pid_t pid = fork();

    if (pid == 0) {
        Ctx *cx;
        bool ok;

        if (sim_log_key != NULL)
            EXPECT_OK(engine_seal_log(test_ctx(), engine, sim_log_key));
        cx = sim_session(engine);
        ok = fn(cx, no, arg);

        if (!ok && cx->error.message != NULL)
            fprintf(stderr, "child %d: %s\n", no, cx->error.message);
        engine_detach(cx);
        _exit(ok ? 0 : 1);
    }
    ck_assert_int_gt(pid, 0);
    return pid;
}

bool
sim_join(pid_t pid)
{
    int status;

    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void
sim_kill_outside(Engine *e, pid_t pid)
{
    kill(pid, SIGKILL);
    EXPECT(!sim_join(pid));
    EXPECT_EQ(proc_mark_dead(proc_table(e), pid, false), PROC_DEATH_OUTSIDE);
}

bool
sim_join_all(pid_t *pids, int count)
{
    bool ok = true;

    for (int left = count; left > 0; left--) {
        int status, i = 0;
        pid_t pid = waitpid(-1, &status, 0);

        while (i < count && pids[i] != pid)
            i++;
        if (i < count)
            pids[i] = 0;
        if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            /* Others may wait for what it held for ever. */
            for (int k = 0; k < count && ok; k++) {
                if (pids[k] > 0)
                    kill(pids[k], SIGKILL);
            }
            ok = false;
        }
    }
    return ok;
}

bool
sim_run(Engine *engine, int children, SimChild fn, void *arg)
{
    pid_t pids[64];

    for (int i = 0; i < children; i++)
        pids[i] = sim_fork(engine, fn, i, arg);
    return sim_join_all(pids, children);
}

void *
sim_shared(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ck_assert(p != MAP_FAILED);
    return p;
}

/* ---- the table ------------------------------------------------------------------------------------------- */

void
sim_begin(Ctx *cx)
{
    SIM_OK(cx, txn_begin(cx, ISOLATION_READ_COMMITTED));
}

void
sim_commit(Ctx *cx)
{
    SIM_OK(cx, txn_commit(cx));
    arena_reset(cx->arena);
}

void
sim_table(Ctx *cx, SimTable *t)
{
    *t = (SimTable){
        .columns = {{.width = 4, .not_null_hint = true}, {.width = 8}, {.width = 0, .out_of_line = true}}};
    t->heap = (HeapRel){.layout = {3, t->columns}};
    sim_begin(cx);
    SIM_OK(cx, rel_create(cx, 1, PERSIST_PERMANENT, &t->heap.relation));
    SIM_OK(cx, rel_create(cx, 1, PERSIST_PERMANENT, &t->heap.toast_relation));
    SIM_OK(cx, rel_create(cx, 1, PERSIST_PERMANENT, &t->index.relation));
    t->heap.branch = t->index.branch = 1;
    t->index.unique = true;
    sim_commit(cx);
}

void
sim_cells(const SimRow *row, Cell out[3])
{
    out[0] = (Cell){&row->id, 4};
    out[1] = (Cell){&row->n, 8};
    out[2] = (Cell){row->text, row->text != NULL && row->bytes == 0 ? (uint32_t)strlen(row->text) : row->bytes};
}

BtreeKey
sim_key(int32_t id, uint8_t out[5])
{
    out[0] = 1;
    put_be32(out + 1, (uint32_t)id ^ 0x80000000u);
    return (BtreeKey){out, 5};
}

Tid
sim_insert(Ctx *cx, SimTable *t, SimRow row)
{
    uint8_t key[5];
    Tid tid = TID_NONE, conflict = TID_NONE;
    Cell cells[3];

    sim_cells(&row, cells);
    SIM_OK(cx, heap_insert(cx, &t->heap, cells, &tid));
    SIM_OK(cx, btree_insert(cx, &t->index, sim_key(row.id, key), tid, BTREE_UNIQUE_CHECK, &t->heap, &conflict));
    ck_assert_int_eq(conflict, TID_NONE);
    return tid;
}

Snapshot
sim_snapshot(Ctx *cx)
{
    Snapshot s = {0};

    SIM_OK(cx, txn_snapshot(cx, &s));
    return s;
}

static void
read_row(Ctx *cx, const Cell cells[3], SimRow *row)
{
    ck_assert(cells[0].data != NULL);
    memcpy(&row->id, cells[0].data, 4);
    memcpy(&row->n, cells[1].data, 8);
    row->text = cells[2].data == NULL ? NULL : arena_strndup(cx->arena, cells[2].data, cells[2].bytes);
    row->bytes = cells[2].bytes;
}

bool
sim_get(Ctx *cx, SimTable *t, const Snapshot *s, int32_t id, SimRow *row, Tid *tid)
{
    uint8_t key[5];
    BtreeBound b = {sim_key(id, key), true};
    BtreeScan *scan = NULL;
    bool found = false;

    SIM_OK(cx, btree_scan_open(cx, cx->arena, &t->index, b, b, false, &scan));
    for (;;) {
        uint32_t count = 0;
        Tid tids[8];

        SIM_OK(cx, btree_scan_next(cx, scan, 8, tids, NULL, &count));
        if (count == 0)
            break;
        for (uint32_t i = 0; i < count; i++) {
            HeapRow r = HEAP_ROW_NONE;
            Cell cells[3];

            SIM_OK(cx, heap_fetch(cx, &t->heap, tids[i], s, &r));
            if (!r.found)
                continue;
            ck_assert_msg(!found, "two rows with id %d", id);
            for (uint16_t c = 0; c < 3; c++)
                SIM_OK(cx, heap_row_cell(cx, &t->heap, &r, c, &cells[c]));
            read_row(cx, cells, row);
            if (tid != NULL)
                *tid = tids[i];
            found = true;
            heap_row_release(cx, &r);
        }
    }
    btree_scan_close(cx, scan);
    return found;
}

static void
scan_table(Ctx *cx, SimTable *t, const Snapshot *s, uint32_t *count, int64_t *sum)
{
    HeapScan *scan = NULL;
    HeapPageView view;
    bool done = false;

    *count = 0;
    *sum = 0;
    SIM_OK(cx, heap_scan_open(cx, cx->arena, &t->heap, s, 0, UINT32_MAX, &scan));
    for (;;) {
        const uint64_t *nulls;
        const int64_t *n;

        SIM_OK(cx, heap_scan_next(cx, scan, &view, &done));
        if (done)
            break;
        n = heap_view_fixed(scan, &view, 1, &nulls);
        ck_assert(n != NULL);
        for (uint32_t k = 0; k < view.visible_count; k++)
            *sum += n[view.visible[k]];
        *count += view.visible_count;
    }
    heap_scan_close(cx, scan);
}

uint32_t
sim_count(Ctx *cx, SimTable *t, const Snapshot *s)
{
    uint32_t count;
    int64_t sum;

    scan_table(cx, t, s, &count, &sum);
    return count;
}

int64_t
sim_sum(Ctx *cx, SimTable *t, const Snapshot *s)
{
    uint32_t count;
    int64_t sum;

    scan_table(cx, t, s, &count, &sum);
    return sum;
}

void
sim_check(Ctx *cx, SimTable *t)
{
    HeapRel toast = t->heap;

    toast.relation = t->heap.toast_relation;
    SIM_OK(cx, heap_check(cx, &t->heap));
    SIM_OK(cx, heap_check(cx, &toast));
    SIM_OK(cx, btree_check(cx, &t->index));
}

bool
sim_world(void)
{
    const char *size = getenv("HELIOS_TEST_SIZE");

    return size != NULL && strcmp(size, "world") == 0;
}

static int64_t
text_length(uint64_t x)
{
    return x % 100 == 0 ? 3000 : 1 + (int64_t)(x % 50);
}

Status
sim_add(Ctx *cx, SimTable *t, const Snapshot *s, int id, int64_t add, uint64_t x, bool *done)
{
    static char filler[3000];
    RowChange ch;
    HeapRow row = HEAP_ROW_NONE;
    SimRow r;
    Tid tid;

    *done = false;
    memset(filler, 'f', sizeof(filler));
    if (!sim_get(cx, t, s, id, &r, &tid))
        return ST_OK;
    for (;;) {
        SimRow next = {id, r.n + add, filler, (uint32_t)text_length(x)};
        bool new_root = x % 7 == 0; /* as if an indexed column had changed */
        Cell cells[3];

        sim_cells(&next, cells);
        TRY(heap_update(cx, &t->heap, tid, s, cells, new_root,
                        new_root ? ROW_LOCK_UPDATE : ROW_LOCK_NO_KEY_UPDATE, &ch));
        if (ch.outcome == ROW_DONE) {
            uint8_t key[5];
            Tid conflict;

            if (!ch.same_root) {
                TRY(btree_insert(cx, &t->index, sim_key(id, key), ch.tid, BTREE_UNIQUE_CHECK, &t->heap,
                                 &conflict));
                ck_assert_msg(conflict == TID_NONE, "id %d: new version in conflict with %llx", id,
                              (unsigned long long)conflict);
            }
            *done = true;
            return ST_OK;
        }
        ck_assert_int_eq(ch.outcome, ROW_UPDATED);
        TRY(heap_lock(cx, &t->heap, ch.tid, s, ROW_LOCK_UPDATE, LOCK_WAIT_BLOCK, &ch));
        ck_assert(ch.outcome == ROW_UPDATED || ch.outcome == ROW_DONE);
        tid = ch.tid;
        TRY(heap_fetch_newest(cx, &t->heap, tid, &row));
        ck_assert(row.found);
        {
            Cell c;

            TRY(heap_row_cell(cx, &t->heap, &row, 1, &c));
            memcpy(&r.n, c.data, 8);
            TRY(heap_row_cell(cx, &t->heap, &row, 0, &c));
            ck_assert_int_eq(*(const int32_t *)c.data, id);
        }
        heap_row_release(cx, &row);
    }
}
