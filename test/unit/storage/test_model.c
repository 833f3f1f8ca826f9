#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "shmem/lock/lock_table.h"
#include "sim.h"

/* Several sessions change rows of their own at random, in transactions with savepoints; what each of
 * them sees, now and through snapshots taken earlier, is compared with plain arrays. */
enum { SESSIONS = 4, OWN = 40, IDS = SESSIONS * OWN, CURSORS = 3, SAVEPOINTS = 6, ABSENT = -1 };

typedef struct View {
    int64_t n[IDS];
} View;

typedef struct Player {
    Ctx *cx;
    bool open;
    View now; /* committed at the snapshot, plus own changes */
    View saved[SAVEPOINTS + 1];
    Snapshot cursors[CURSORS];
    View cursor_views[CURSORS];
    int cursor_count;
} Player;

typedef struct Game {
    SimTable table;
    Player players[SESSIONS];
    View committed;
    uint64_t x;
    char text[5000];
} Game;

static uint64_t
roll(Game *g, uint64_t sides)
{
    g->x = hash_u64(g->x + 0x9e37);
    return g->x % sides;
}

static void
compare(Game *g, Player *p, const Snapshot *s, const View *v)
{
    HeapScan *scan = NULL;
    HeapPageView view;
    View seen;
    bool done = false;

    for (int i = 0; i < IDS; i++)
        seen.n[i] = ABSENT;
    SIM_OK(p->cx, heap_scan_open(p->cx, p->cx->arena, &g->table.heap, s, 0, UINT32_MAX, &scan));
    for (;;) {
        SIM_OK(p->cx, heap_scan_next(p->cx, scan, &view, &done));
        if (done)
            break;
        for (uint32_t k = 0; k < view.visible_count; k++) {
            Cell id, n;

            SIM_OK(p->cx, heap_view_cell(p->cx, scan, &view, 0, view.visible[k], &id));
            SIM_OK(p->cx, heap_view_cell(p->cx, scan, &view, 1, view.visible[k], &n));
            SIM_EXPECT(*(const uint32_t *)id.data < IDS);
            SIM_EXPECT(seen.n[*(const uint32_t *)id.data] == ABSENT);
            memcpy(&seen.n[*(const uint32_t *)id.data], n.data, 8);
        }
    }
    heap_scan_close(p->cx, scan);
    for (int i = 0; i < IDS; i++) {
        SimRow row;

        if (seen.n[i] != v->n[i])
            ck_abort_msg("id %d: seen %lld, expected %lld", i, (long long)seen.n[i], (long long)v->n[i]);
        if (i % 5 != (int)(g->x % 5))
            continue;
        if (!sim_get(p->cx, &g->table, s, i, &row, NULL))
            row.n = ABSENT;
        if (row.n != v->n[i])
            ck_abort_msg("id %d by index: seen %lld, expected %lld", i, (long long)row.n, (long long)v->n[i]);
    }
}

static void
begin(Game *g, Player *p)
{
    Snapshot s;

    SIM_OK(p->cx, txn_begin(p->cx, roll(g, 2) == 0 ? ISOLATION_REPEATABLE_READ : ISOLATION_READ_COMMITTED));
    s = sim_snapshot(p->cx);
    (void)s;
    p->now = g->committed;
    p->open = true;
    p->cursor_count = 0;
}

static Snapshot
current(Game *g, Player *p, int me)
{
    Snapshot s;

    txn_next_command(p->cx);
    s = sim_snapshot(p->cx);
    if (txn_isolation(p->cx) == ISOLATION_READ_COMMITTED) { /* others' commits appear */
        for (int i = 0; i < IDS; i++) {
            if (i / OWN != me)
                p->now.n[i] = g->committed.n[i];
        }
    }
    return s;
}

static void
change_row(Game *g, Player *p, int me)
{
    int id = me * OWN + (int)roll(g, OWN);
    Snapshot s = current(g, p, me);
    bool new_key = roll(g, 4) == 0;
    SimRow old, next = {id, (int64_t)roll(g, 1000000), g->text, 1 + (uint32_t)roll(g, 40)};
    uint8_t key[5];
    RowChange ch;
    Cell cells[3];
    Tid tid, conflict;

    if (roll(g, 50) == 0)
        next.bytes = 4000;
    if (!sim_get(p->cx, &g->table, &s, id, &old, &tid)) {
        SIM_EXPECT(p->now.n[id] == ABSENT);
        sim_insert(p->cx, &g->table, next);
        p->now.n[id] = next.n;
        return;
    }
    SIM_EXPECT(p->now.n[id] == old.n);
    if (roll(g, 5) == 0) {
        SIM_OK(p->cx, heap_delete(p->cx, &g->table.heap, tid, &s, &ch));
        SIM_EXPECT(ch.outcome == ROW_DONE);
        p->now.n[id] = ABSENT;
        return;
    }
    if (roll(g, 6) == 0) {
        SIM_OK(p->cx, heap_lock(p->cx, &g->table.heap, tid, &s, (RowLock)roll(g, 4), LOCK_WAIT_BLOCK, &ch));
        SIM_EXPECT(ch.outcome == ROW_DONE);
        return;
    }
    sim_cells(&next, cells);
    SIM_OK(p->cx, heap_update(p->cx, &g->table.heap, tid, &s, cells, new_key,
                              new_key ? ROW_LOCK_UPDATE : ROW_LOCK_NO_KEY_UPDATE, &ch));
    SIM_EXPECT(ch.outcome == ROW_DONE);
    if (!ch.same_root) {
        SIM_OK(p->cx, btree_insert(p->cx, &g->table.index, sim_key(id, key), ch.tid, BTREE_UNIQUE_CHECK,
                                   &g->table.heap, &conflict));
        SIM_EXPECT(conflict == TID_NONE);
    }
    p->now.n[id] = next.n;
}

static void
finish(Game *g, Player *p, int me)
{
    if (roll(g, 4) == 0) {
        txn_abort(p->cx);
    } else {
        SIM_OK(p->cx, txn_commit(p->cx));
        for (int i = me * OWN; i < (me + 1) * OWN; i++)
            g->committed.n[i] = p->now.n[i];
    }
    p->open = false;
    arena_reset(p->cx->arena);
}

static void
move(Game *g, int me)
{
    Player *p = &g->players[me];
    Snapshot s;
    int level;

    if (!p->open) {
        begin(g, p);
        return;
    }
    level = txn_level(p->cx);
    switch (roll(g, 16)) {
    case 0: finish(g, p, me); return;
    case 1:
        if (level < SAVEPOINTS) {
            SIM_OK(p->cx, txn_savepoint(p->cx));
            p->saved[level + 1] = p->now;
        }
        return;
    case 2:
        if (level > 0) {
            level = 1 + (int)roll(g, (uint64_t)level);
            txn_rollback_to(p->cx, level);
            for (int i = me * OWN; i < (me + 1) * OWN; i++)
                p->now.n[i] = p->saved[level].n[i];
            p->cursor_count = 0; /* they may have seen what is undone */
        }
        return;
    case 3:
        if (level > 0)
            txn_release(p->cx, 1 + (int)roll(g, (uint64_t)level));
        return;
    case 4:
        if (p->cursor_count < CURSORS) {
            p->cursors[p->cursor_count] = current(g, p, me);
            p->cursor_views[p->cursor_count++] = p->now;
        }
        return;
    case 5:
        for (int i = 0; i < p->cursor_count; i++)
            compare(g, p, &p->cursors[i], &p->cursor_views[i]);
        return;
    case 6:
        s = current(g, p, me);
        compare(g, p, &s, &p->now);
        arena_reset(p->cx->arena);
        return;
    default: change_row(g, p, me);
    }
}

TEST(model, what_sessions_see_agrees_with_plain_arrays)
{
    Engine *e = sim_engine();
    Game *g = calloc(1, sizeof(*g));
    Ctx *cleaner = sim_session(e);
    int moves = sim_world() ? 2000000 : 40000;

    memset(g->text, 'm', sizeof(g->text));
    g->x = test_seed();
    for (int i = 0; i < IDS; i++)
        g->committed.n[i] = ABSENT;
    for (int i = 0; i < SESSIONS; i++)
        g->players[i].cx = sim_session(e);
    sim_table(cleaner, &g->table);
    for (int k = 0; k < moves; k++) {
        move(g, (int)roll(g, SESSIONS));
        if (k % 500 == 0) {
            HeapStats stats;
            uint32_t idle;

            SIM_OK(cleaner, heap_vacuum(cleaner, &g->table.heap, &g->table.index, 1, &stats));
            SIM_OK(cleaner, engine_janitor_step(cleaner, &idle));
            sim_check(cleaner, &g->table);
            lock_table_check(cleaner);
        }
    }
    for (int i = 0; i < SESSIONS; i++) {
        if (g->players[i].open)
            finish(g, &g->players[i], i);
    }
    sim_check(cleaner, &g->table);
}
