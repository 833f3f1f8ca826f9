/* micro_storage.c - what the engine's basic operations cost, one session, nothing above storage.
 *   micro_storage [rows]     prints one line per operation; take the numbers as orders of magnitude */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/env.h"
#include "base/hash.h"
#include "storage/btree/btree.h"
#include "storage/engine/engine.h"
#include "storage/heap/heap.h"
#include "storage/rel/rel.h"
#include "storage/txn/txn.h"

typedef struct Bench {
    Ctx cx;
    Arena statement, errors;
    Engine *engine;
    HeapColumn columns[4];
    HeapRel heap;
    BtreeRel index;
    uint32_t rows;
} Bench;

static double
now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
must(Bench *b, Status rc, const char *what)
{
    if (rc == ST_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, b->cx.error.message);
    exit(1);
}
#define MUST(call) must(b, (call), #call)

static void
report(const char *what, double seconds, uint64_t count)
{
    printf("%-44s %8.1f ns  %9.2f M/s\n", what, seconds / (double)count * 1e9, (double)count / seconds / 1e6);
}

static BtreeKey
key_of(int32_t id, uint8_t out[5])
{
    out[0] = 1;
    put_be32(out + 1, (uint32_t)id ^ 0x80000000u);
    return (BtreeKey){out, 5};
}

static void
set_up(Bench *b)
{
    EngineOptions o = {.max_memory_bytes = UINT64_C(8) << 30, .max_slots = 128, .deadlock_timeout_us = 1000000};
    double start;

    arena_init(&b->statement, "statement", NULL);
    arena_init(&b->errors, "errors", NULL);
    b->cx = (Ctx){.arena = &b->statement, .error_arena = &b->errors, .env = env_system()};
    start = now_s();
    MUST(engine_create(&b->cx, &o, &b->engine));
    MUST(engine_attach(&b->cx, b->engine));
    report("create and attach", now_s() - start, 1);
    b->columns[0] = (HeapColumn){.width = 4, .not_null_hint = true};
    b->columns[1] = b->columns[2] = (HeapColumn){.width = 4};
    b->columns[3] = (HeapColumn){.out_of_line = true};
    b->heap = (HeapRel){.branch = 1, .layout = {4, b->columns}};
    b->index = (BtreeRel){.branch = 1, .unique = true};
    MUST(txn_begin(&b->cx, ISOLATION_READ_COMMITTED));
    MUST(rel_create(&b->cx, 1, PERSIST_PERMANENT, &b->heap.relation));
    MUST(rel_create(&b->cx, 1, PERSIST_PERMANENT, &b->index.relation));
    MUST(txn_commit(&b->cx));
}

static void
load(Bench *b)
{
    static char filler[84];
    int32_t ids[1000], zero = 0;
    static Cell cells[4000];
    static Tid tids[1000];
    BtreeBuild *build;
    double start;

    memset(filler, ' ', sizeof(filler));
    MUST(txn_begin(&b->cx, ISOLATION_READ_COMMITTED));
    start = now_s();
    for (uint32_t at = 0; at < b->rows; at += 1000) {
        for (int i = 0; i < 1000; i++) {
            ids[i] = (int32_t)at + i;
            cells[4 * i] = (Cell){&ids[i], 4};
            cells[4 * i + 1] = cells[4 * i + 2] = (Cell){&zero, 4};
            cells[4 * i + 3] = (Cell){filler, 84};
        }
        MUST(heap_insert_many(&b->cx, &b->heap, cells, 1000, tids));
    }
    report("insert many (pgbench_accounts rows)", now_s() - start, b->rows);
    MUST(txn_commit(&b->cx));
    printf("%-44s %8.1f\n", "heap bytes per row",
           rel_length(&b->cx, 1, b->heap.relation, FORK_MAIN) * 8192.0 / b->rows);
    MUST(txn_begin(&b->cx, ISOLATION_READ_COMMITTED));
    {
        Snapshot s;
        HeapScan *scan;
        HeapPageView v;
        bool done;

        MUST(txn_snapshot(&b->cx, &s));
        MUST(btree_build_begin(&b->cx, &b->statement, &b->index, &build));
        start = now_s();
        MUST(heap_scan_open(&b->cx, &b->statement, &b->heap, &s, 0, UINT32_MAX, &scan));
        for (;;) {
            const uint64_t *nulls;
            const int32_t *id;

            MUST(heap_scan_next(&b->cx, scan, &v, &done));
            if (done)
                break;
            id = heap_view_fixed(scan, &v, 0, &nulls);
            for (uint32_t k = 0; k < v.visible_count; k++) {
                uint8_t key[5];

                MUST(btree_build_add(&b->cx, build, key_of(id[v.visible[k]], key),
                                     heap_view_tid(&v, v.visible[k])));
            }
        }
        heap_scan_close(&b->cx, scan);
        MUST(btree_build_finish(&b->cx, build));
        report("scan and B+tree build", now_s() - start, b->rows);
    }
    MUST(txn_commit(&b->cx));
    printf("%-44s %8.1f\n", "index bytes per row",
           rel_length(&b->cx, 1, b->index.relation, FORK_MAIN) * 8192.0 / b->rows);
}

static Tid
find(Bench *b, BtreeScan **scan, int32_t id)
{
    uint8_t key[5];
    BtreeBound bound = {key_of(id, key), true};
    uint32_t count;
    Tid tid;

    if (*scan == NULL)
        MUST(btree_scan_open(&b->cx, &b->statement, &b->index, bound, bound, false, scan));
    else
        MUST(btree_scan_reset(&b->cx, *scan, bound, bound));
    MUST(btree_scan_next(&b->cx, *scan, 1, &tid, NULL, &count));
    if (count != 1)
        exit(2);
    return tid;
}

static void
point_fetch(Bench *b)
{
    enum { N = 1000000 };
    BtreeScan *scan = NULL;
    uint64_t x = 1, sum = 0;
    Snapshot s;
    double start;

    MUST(txn_begin(&b->cx, ISOLATION_READ_COMMITTED));
    MUST(txn_snapshot(&b->cx, &s));
    start = now_s();
    for (int i = 0; i < N; i++) {
        x = hash_u64(x + 1);
        sum += find(b, &scan, (int32_t)(x % b->rows));
    }
    report("B+tree point look-up", now_s() - start, N);
    start = now_s();
    for (int i = 0; i < N; i++) {
        HeapRow row;
        Cell c;
        Tid tid;

        x = hash_u64(x + 1);
        tid = find(b, &scan, (int32_t)(x % b->rows));
        MUST(heap_fetch(&b->cx, &b->heap, tid, &s, &row));
        if (!row.found)
            exit(3);
        MUST(heap_row_cell(&b->cx, &b->heap, &row, 2, &c));
        sum += *(const uint32_t *)c.data;
        heap_row_release(&b->cx, &row);
    }
    report("point fetch through B+tree and heap", now_s() - start, N);
    MUST(txn_commit(&b->cx));
    if (sum == 42)
        printf("\n");
    start = now_s();
    for (int i = 0; i < N; i++) {
        MUST(txn_begin(&b->cx, ISOLATION_READ_COMMITTED));
        MUST(txn_snapshot(&b->cx, &s));
        MUST(txn_commit(&b->cx));
    }
    report("empty transaction with a snapshot", now_s() - start, N);
    start = now_s();
    for (int i = 0; i < N; i++) {
        Xid xid;

        MUST(txn_begin(&b->cx, ISOLATION_READ_COMMITTED));
        MUST(txn_assign_id(&b->cx, &xid));
        MUST(txn_commit(&b->cx));
    }
    report("transaction with an id", now_s() - start, N);
}

static void
scans(Bench *b)
{
    for (int round = 0; round < 3; round++) {
        int64_t sum = 0;
        uint64_t n = 0;
        HeapScan *scan;
        HeapPageView v;
        Snapshot s;
        bool done;
        double start;

        MUST(txn_begin(&b->cx, ISOLATION_READ_COMMITTED));
        MUST(txn_snapshot(&b->cx, &s));
        start = now_s();
        MUST(heap_scan_open(&b->cx, &b->statement, &b->heap, &s, 0, UINT32_MAX, &scan));
        for (;;) {
            const uint64_t *nulls;
            const int32_t *id;

            MUST(heap_scan_next(&b->cx, scan, &v, &done));
            if (done)
                break;
            id = heap_view_fixed(scan, &v, 0, &nulls);
            for (uint32_t k = 0; k < v.visible_count; k++)
                sum += id[v.visible[k]];
            n += v.visible_count;
        }
        heap_scan_close(&b->cx, scan);
        report(round == 0 ? "scan and sum, first time" : "scan and sum", now_s() - start, n);
        if (sum == 42)
            printf("\n");
        MUST(txn_commit(&b->cx));
    }
}

static void
updates(Bench *b, const char *what, uint32_t range, int count)
{
    static char filler[84];
    BtreeScan *scan = NULL;
    uint64_t x = 7, same = 0;
    double start = now_s();
    uint32_t idle;
    Ctx janitor = b->cx;

    janitor.proc = NULL;
    janitor.txn = janitor.txn_idle = NULL;
    MUST(engine_attach(&janitor, b->engine));
    memset(filler, ' ', sizeof(filler));
    for (int i = 0; i < count; i++) {
        int32_t id, zero = 0, n = i;
        Cell cells[4] = {{&id, 4}, {&zero, 4}, {&n, 4}, {filler, 84}};
        RowChange ch;
        Snapshot s;
        Tid tid;

        x = hash_u64(x + 1);
        id = (int32_t)(x % range);
        MUST(txn_begin(&b->cx, ISOLATION_READ_COMMITTED));
        MUST(txn_snapshot(&b->cx, &s));
        tid = find(b, &scan, id);
        {
            HeapRow row;

            MUST(heap_fetch(&b->cx, &b->heap, tid, &s, &row));
            heap_row_release(&b->cx, &row);
            if (!row.found && 0)
                exit(3);
        }
        MUST(heap_update(&b->cx, &b->heap, tid, &s, cells, false, ROW_LOCK_NO_KEY_UPDATE, &ch));
        same += ch.same_root;
        MUST(txn_commit(&b->cx));
        if (i % 10000 == 0)
            MUST(engine_janitor_step(&janitor, &idle));
    }
    report(what, now_s() - start, (uint64_t)count);
    printf("%-44s %8.1f %%\n", "  on the same page", 100.0 * (double)same / count);
    engine_detach(&janitor);
}

static void
inserts(Bench *b)
{
    enum { N = 300000 };
    static char filler[84];
    double start = now_s();

    for (int i = 0; i < N; i++) {
        int32_t id = (int32_t)b->rows + i, zero = 0;
        Cell cells[4] = {{&id, 4}, {&zero, 4}, {&zero, 4}, {filler, 84}};
        Tid tid, conflict;
        uint8_t key[5];

        MUST(txn_begin(&b->cx, ISOLATION_READ_COMMITTED));
        MUST(heap_insert(&b->cx, &b->heap, cells, &tid));
        MUST(btree_insert(&b->cx, &b->index, key_of(id, key), tid, BTREE_UNIQUE_CHECK, &b->heap, &conflict));
        MUST(txn_commit(&b->cx));
    }
    report("insert with unique index, own transaction", now_s() - start, N);
}

int
main(int argc, char **argv)
{
    static Bench bench;
    Bench *b = &bench;

    b->rows = argc > 1 ? (uint32_t)atoi(argv[1]) / 1000 * 1000 : 1000000;
    set_up(b);
    load(b);
    scans(b);
    point_fetch(b);
    inserts(b);
    updates(b, "update of random rows, own transaction", b->rows, 300000);
    updates(b, "update of 10 hot rows, own transaction", 10, 300000);
    scans(b);
    engine_detach(&b->cx);
    engine_destroy(b->engine);
    return 0;
}
