#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "shmem/lock/lock_table.h"
#include "shmem/proc/slot.h"
#include "sim.h"

/* Accounts whose sum never changes, moved about by several processes. */
typedef struct Bank {
    SimTable table;
    uint64_t seed;
    uint32_t rounds;
    int accounts;
    _Atomic uint64_t transfers, conflicts, deadlocks, checks;
    _Atomic int stop, writers;
} Bank;

static bool
transfer(Ctx *cx, int no, void *arg)
{
    Bank *bank = arg;
    uint64_t x = bank->seed + (uint64_t)no * 1000003;

    for (uint32_t i = 0; i < bank->rounds && !atomic_load(&bank->stop); i++) {
        int from, to, amount;
        bool done = false, savepoint;
        Status rc;
        Snapshot s;

        x = hash_u64(x + i);
        from = (int)(x % (uint64_t)bank->accounts);
        to = (int)(x / 1000 % (uint64_t)bank->accounts);
        amount = (int)(x / 1000000 % 100);
        savepoint = x % 5 == 0;
        if (from == to)
            continue;
        sim_begin(cx);
        s = sim_snapshot(cx);
        if (savepoint) { /* something that does not count */
            SIM_OK(cx, txn_savepoint(cx));
            rc = sim_add(cx, &bank->table, &s, to, 1000, hash_u64(x), &done);
            txn_rollback_to(cx, 1);
            if (rc != ST_OK)
                goto failed;
        }
        rc = sim_add(cx, &bank->table, &s, from, -amount, hash_u64(x + 1), &done);
        if (rc == ST_OK)
            rc = sim_add(cx, &bank->table, &s, to, amount, hash_u64(x + 2), &done);
        if (rc != ST_OK)
            goto failed;
        if (x % 11 == 0) {
            txn_abort(cx);
        } else {
            sim_commit(cx);
            atomic_fetch_add(&bank->transfers, 1);
        }
        arena_reset(cx->arena);
        continue;
    failed:
        if (rc == ST_DEADLOCK)
            atomic_fetch_add(&bank->deadlocks, 1);
        else if (rc == ST_CONFLICT)
            atomic_fetch_add(&bank->conflicts, 1);
        else
            ck_abort_msg("%s", cx->error.message);
        txn_abort(cx);
        ctx_error_clear(cx);
        arena_reset(cx->arena);
    }
    return true;
}

/* Reads all the time, with one snapshot twice. */
static bool
audit(Ctx *cx, int no, void *arg)
{
    Bank *bank = arg;

    (void)no;
    while (!atomic_load(&bank->stop)) {
        Snapshot s;
        SimRow r;

        SIM_OK(cx, txn_begin(cx, ISOLATION_REPEATABLE_READ));
        s = sim_snapshot(cx);
        for (int k = 0; k < 2; k++) {
            ck_assert_int_eq(sim_count(cx, &bank->table, &s), bank->accounts);
            ck_assert_int_eq(sim_sum(cx, &bank->table, &s), (int64_t)bank->accounts * 1000);
        }
        for (int id = 0; id < bank->accounts; id += 7)
            ck_assert_msg(sim_get(cx, &bank->table, &s, id, &r, NULL), "account %d is missing", id);
        sim_commit(cx);
        atomic_fetch_add(&bank->checks, 1);
    }
    return true;
}

static bool
clean(Ctx *cx, int no, void *arg)
{
    Bank *bank = arg;
    HeapStats stats;
    uint32_t idle;

    (void)no;
    while (!atomic_load(&bank->stop)) {
        SIM_OK(cx, heap_vacuum(cx, &bank->table.heap, &bank->table.index, 1, &stats));
        SIM_OK(cx, engine_janitor_step(cx, &idle));
        txn_begin(cx, ISOLATION_READ_COMMITTED) == ST_OK ? txn_abort(cx) : (void)0;
        usleep(2000);
    }
    return true;
}

static Bank *
open_bank(Engine *e, Ctx **cx, int accounts, uint32_t rounds)
{
    Bank *bank = sim_shared(sizeof(*bank));

    (void)e;
    sim_table(*cx, &bank->table);
    bank->seed = test_seed();
    bank->accounts = accounts;
    bank->rounds = rounds;
    sim_begin(*cx);
    for (int i = 0; i < accounts; i++)
        sim_insert(*cx, &bank->table, (SimRow){i, 1000, "start", 0});
    sim_commit(*cx);
    return bank;
}

static void
check_bank(Ctx *cx, Bank *bank)
{
    HeapStats stats;
    Snapshot s;

    for (int k = 0; k < 2; k++) {
        sim_begin(cx);
        s = sim_snapshot(cx);
        EXPECT_EQ(sim_count(cx, &bank->table, &s), bank->accounts);
        EXPECT_EQ(sim_sum(cx, &bank->table, &s), (int64_t)bank->accounts * 1000);
        sim_commit(cx);
        sim_check(cx, &bank->table);
        lock_table_check(cx);
        SIM_OK(cx, heap_vacuum(cx, &bank->table.heap, &bank->table.index, 1, &stats));
        EXPECT_EQ(stats.live_rows, bank->accounts);
    }
}

/* The last to finish tells the readers to stop. */
static bool
transfer_and_stop(Ctx *cx, int no, void *arg)
{
    Bank *bank = arg;
    bool ok = transfer(cx, no, arg);

    if (atomic_fetch_sub(&bank->writers, 1) == 1)
        atomic_store(&bank->stop, 1);
    return ok;
}

static void
run_bank(int accounts, uint32_t rounds, int writers)
{
    Engine *e = sim_engine();
    Ctx *cx = sim_session(e);
    Bank *bank = open_bank(e, &cx, accounts, rounds);
    pid_t pids[16];

    atomic_store(&bank->writers, writers);
    pids[0] = sim_fork(e, audit, 0, bank);
    pids[1] = sim_fork(e, clean, 0, bank);
    for (int i = 0; i < writers; i++)
        pids[i + 2] = sim_fork(e, transfer_and_stop, i, bank);
    EXPECT(sim_join_all(pids, writers + 2));
    fprintf(stderr, "%llu transfers, %llu deadlocks, %llu audits\n", (unsigned long long)bank->transfers,
            (unsigned long long)bank->deadlocks, (unsigned long long)bank->checks);
    EXPECT(bank->transfers > 0);
    check_bank(cx, bank);
}

TEST(torture, money_is_neither_made_nor_lost_on_hot_rows)
{
    run_bank(8, sim_world() ? 4000 : 400, 6);
}

TEST(torture, money_is_neither_made_nor_lost_on_many_rows)
{
    run_bank(2000, sim_world() ? 50000 : 1500, 6);
}

/* Is the process in a critical section? It stands still. */
static bool
is_inside(Engine *e, pid_t pid)
{
    ProcTable *procs = proc_table(e);

    for (uint32_t no = 0; no < proc_slot_count(procs); no++) {
        Proc *p = proc_slot(procs, no);

        if (proc_state(p) == PROC_ACTIVE && proc_pid(p) == pid)
            return proc_in_critical(p);
    }
    return false;
}

/* Writers are killed at random moments outside critical sections; the janitor cleans up after them. */
TEST(torture, killed_writers_leave_a_sound_bank)
{
    Engine *e = sim_engine();
    Ctx *cx = sim_session(e), *janitor = sim_session(e);
    Bank *bank = open_bank(e, &cx, 200, UINT32_MAX);
    int kills = sim_world() ? 2000 : 100, outside = 0;
    pid_t pids[4];
    uint64_t x = bank->seed;

    for (int i = 0; i < 4; i++)
        pids[i] = sim_fork(e, transfer, i, bank);
    for (int k = 0; k < kills;) {
        int i = (int)((x = hash_u64(x + 1)) % 4), status;
        uint32_t idle;

        usleep((useconds_t)(x % 3000));
        kill(pids[i], SIGSTOP);
        EXPECT_EQ(waitpid(pids[i], &status, WUNTRACED), pids[i]);
        EXPECT(WIFSTOPPED(status));
        if (is_inside(e, pids[i])) {
            kill(pids[i], SIGCONT);
            continue;
        }
        kill(pids[i], SIGKILL);
        EXPECT_EQ(waitpid(pids[i], &status, 0), pids[i]);
        outside += proc_mark_dead(proc_table(e), pids[i], false) == PROC_DEATH_OUTSIDE;
        SIM_OK(janitor, engine_janitor_step(janitor, &idle));
        pids[i] = sim_fork(e, transfer, 100 + k, bank);
        k++;
    }
    atomic_store(&bank->stop, 1);
    EXPECT(sim_join_all(pids, 4));
    EXPECT(outside > kills / 2);
    check_bank(cx, bank);
}
