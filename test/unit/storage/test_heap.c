#include <string.h>

#include "base/hash.h"
#include "storage/check/damage.h"
#include "storage/heap/heap_int.h"
#include "storage/heap/heap_record.h"
#include "storage/heap/heap_resolve.h"
#include "storage/recover/redo.h"
#include "storage/txn/txn_shared.h"
#include "sim.h"

TEST(heap, a_row_comes_back_as_it_went_in)
{
    Engine *e = sim_engine();
    Ctx *cx = sim_session(e);
    SimTable t;
    Snapshot s;
    SimRow r;

    sim_table(cx, &t);
    sim_begin(cx);
    sim_insert(cx, &t, (SimRow){7, 70, "seven", 0});
    sim_insert(cx, &t, (SimRow){8, 80, NULL, 0});
    sim_insert(cx, &t, (SimRow){9, 90, "", 0});
    sim_commit(cx);
    sim_begin(cx);
    s = sim_snapshot(cx);
    EXPECT(sim_get(cx, &t, &s, 7, &r, NULL));
    EXPECT_EQ(r.n, 70);
    EXPECT_STR(r.text, "seven");
    EXPECT(sim_get(cx, &t, &s, 8, &r, NULL));
    EXPECT(r.text == NULL);
    EXPECT(sim_get(cx, &t, &s, 9, &r, NULL));
    EXPECT(r.text != NULL);
    EXPECT_EQ(r.bytes, 0);
    EXPECT(!sim_get(cx, &t, &s, 10, &r, NULL));
    EXPECT_EQ(sim_count(cx, &t, &s), 3);
    sim_commit(cx);
    sim_check(cx, &t);
    sim_end(cx);
    engine_destroy(e);
}

TEST(heap, others_see_a_row_only_after_commit_and_never_after_rollback)
{
    Engine *e = sim_engine();
    Ctx *a = sim_session(e), *b = sim_session(e);
    SimTable t;
    Snapshot before, after;
    SimRow r;

    sim_table(a, &t);
    sim_begin(a);
    sim_begin(b);
    sim_insert(a, &t, (SimRow){1, 1, "x", 0});
    before = sim_snapshot(b);
    EXPECT(!sim_get(b, &t, &before, 1, &r, NULL));
    sim_commit(a);
    EXPECT(!sim_get(b, &t, &before, 1, &r, NULL));
    after = sim_snapshot(b);
    EXPECT(sim_get(b, &t, &after, 1, &r, NULL));
    sim_begin(a);
    sim_insert(a, &t, (SimRow){2, 2, "y", 0});
    txn_abort(a);
    after = sim_snapshot(b);
    EXPECT(!sim_get(b, &t, &after, 2, &r, NULL));
    EXPECT_EQ(sim_count(b, &t, &after), 1);
    sim_commit(b);
    sim_check(a, &t);
}

TEST(heap, own_changes_are_seen_by_later_commands_only)
{
    Ctx *cx = sim_session(sim_engine());
    SimTable t;
    Snapshot s, later;
    SimRow r;
    Tid tid;
    RowChange ch;
    Cell cells[3];
    SimRow two = {1, 2, "two", 0};

    sim_table(cx, &t);
    sim_begin(cx);
    s = sim_snapshot(cx);
    tid = sim_insert(cx, &t, (SimRow){1, 1, "one", 0});
    EXPECT(!sim_get(cx, &t, &s, 1, &r, NULL));
    txn_next_command(cx);
    s = sim_snapshot(cx);
    EXPECT(sim_get(cx, &t, &s, 1, &r, NULL));
    sim_cells(&two, cells);
    SIM_OK(cx, heap_update(cx, &t.heap, tid, &s, cells, false, ROW_LOCK_NO_KEY_UPDATE, &ch));
    EXPECT_EQ(ch.outcome, ROW_DONE);
    EXPECT(ch.same_root);
    EXPECT(sim_get(cx, &t, &s, 1, &r, NULL));
    EXPECT_EQ(r.n, 1);
    SIM_OK(cx, heap_update(cx, &t.heap, tid, &s, cells, false, ROW_LOCK_NO_KEY_UPDATE, &ch));
    EXPECT_EQ(ch.outcome, ROW_SELF_UPDATED);
    txn_next_command(cx);
    later = sim_snapshot(cx);
    EXPECT(sim_get(cx, &t, &later, 1, &r, NULL));
    EXPECT_EQ(r.n, 2);
    sim_commit(cx);
    sim_check(cx, &t);
}

TEST(heap, a_row_moved_elsewhere_by_this_command_is_still_seen_by_it)
{
    Ctx *cx = sim_session(sim_engine());
    SimTable t;
    Snapshot s;
    SimRow r, changed = {1, 2, "two", 0};
    RowChange ch;
    Cell cells[3];
    Tid tid, conflict;
    uint8_t key[5];

    sim_table(cx, &t);
    sim_begin(cx);
    tid = sim_insert(cx, &t, (SimRow){1, 1, "one", 0});
    sim_commit(cx);
    sim_begin(cx);
    s = sim_snapshot(cx);
    changed.id = 5;
    sim_cells(&changed, cells);
    SIM_OK(cx, heap_update(cx, &t.heap, tid, &s, cells, true, ROW_LOCK_UPDATE, &ch));
    EXPECT_EQ(ch.outcome, ROW_DONE);
    EXPECT(!ch.same_root);
    SIM_OK(cx, btree_insert(cx, &t.index, sim_key(5, key), ch.tid, BTREE_UNIQUE_CHECK, &t.heap, &conflict));
    EXPECT(sim_get(cx, &t, &s, 1, &r, NULL));
    EXPECT(!sim_get(cx, &t, &s, 5, &r, NULL));
    EXPECT_EQ(sim_count(cx, &t, &s), 1);
    EXPECT_EQ(sim_sum(cx, &t, &s), 1);
    txn_next_command(cx);
    s = sim_snapshot(cx);
    EXPECT(!sim_get(cx, &t, &s, 1, &r, NULL));
    EXPECT(sim_get(cx, &t, &s, 5, &r, NULL));
    EXPECT_EQ(sim_count(cx, &t, &s), 1);
    EXPECT_EQ(sim_sum(cx, &t, &s), 2);
    sim_commit(cx);
    sim_check(cx, &t);
}

TEST(heap, rollback_to_a_savepoint_undoes_what_came_after_it)
{
    Ctx *cx = sim_session(sim_engine());
    SimTable t;
    Snapshot s;
    SimRow r;

    sim_table(cx, &t);
    sim_begin(cx);
    sim_insert(cx, &t, (SimRow){1, 1, "a", 0});
    SIM_OK(cx, txn_savepoint(cx));
    sim_insert(cx, &t, (SimRow){2, 2, "b", 0});
    SIM_OK(cx, txn_savepoint(cx));
    sim_insert(cx, &t, (SimRow){3, 3, "c", 0});
    txn_release(cx, 2);
    SIM_OK(cx, txn_savepoint(cx));
    sim_insert(cx, &t, (SimRow){4, 4, "d", 0});
    txn_rollback_to(cx, 2);
    EXPECT_EQ(txn_level(cx), 1);
    txn_next_command(cx);
    s = sim_snapshot(cx);
    EXPECT_EQ(sim_count(cx, &t, &s), 3);
    EXPECT(!sim_get(cx, &t, &s, 4, &r, NULL));
    txn_rollback_to(cx, 1);
    sim_insert(cx, &t, (SimRow){5, 5, "e", 0});
    sim_commit(cx);
    sim_begin(cx);
    s = sim_snapshot(cx);
    EXPECT_EQ(sim_count(cx, &t, &s), 2);
    EXPECT_EQ(sim_sum(cx, &t, &s), 6);
    sim_commit(cx);
    sim_check(cx, &t);
}

TEST(heap, many_updates_of_one_row_stay_in_its_page_and_root)
{
    Ctx *cx = sim_session(sim_engine());
    SimTable t;
    Snapshot s;
    SimRow r;
    Tid tid = TID_NONE;

    sim_table(cx, &t);
    sim_begin(cx);
    for (int i = 0; i < 300; i++) {
        Tid at = sim_insert(cx, &t, (SimRow){i, 0, "a text of some length to fill the page with", 0});

        if (i == 10)
            tid = at;
    }
    sim_commit(cx);
    for (int i = 1; i <= 2000; i++) {
        SimRow next = {10, i, "a text of some length to fill the page with", 0};
        RowChange ch;
        Cell cells[3];

        sim_begin(cx);
        s = sim_snapshot(cx);
        EXPECT(sim_get(cx, &t, &s, 10, &r, NULL));
        EXPECT_EQ(r.n, i - 1);
        sim_cells(&next, cells);
        SIM_OK(cx, heap_update(cx, &t.heap, tid, &s, cells, false, ROW_LOCK_NO_KEY_UPDATE, &ch));
        EXPECT_EQ(ch.outcome, ROW_DONE);
        EXPECT(ch.same_root);
        sim_commit(cx);
    }
    sim_check(cx, &t);
    EXPECT(rel_length(cx, 1, t.heap.relation, FORK_MAIN) <= 5);
}

TEST(heap, an_older_snapshot_keeps_the_version_it_sees)
{
    Engine *e = sim_engine();
    Ctx *a = sim_session(e), *b = sim_session(e);
    SimTable t;
    Snapshot old, s;
    SimRow r;
    Tid tid;

    sim_table(a, &t);
    sim_begin(a);
    tid = sim_insert(a, &t, (SimRow){1, 0, "v", 0});
    sim_commit(a);
    SIM_OK(b, txn_begin(b, ISOLATION_REPEATABLE_READ));
    old = sim_snapshot(b);
    for (int i = 1; i <= 500; i++) {
        SimRow next = {1, i, "v", 0};
        RowChange ch;
        Cell cells[3];

        sim_begin(a);
        s = sim_snapshot(a);
        sim_cells(&next, cells);
        SIM_OK(a, heap_update(a, &t.heap, tid, &s, cells, false, ROW_LOCK_NO_KEY_UPDATE, &ch));
        EXPECT_EQ(ch.outcome, ROW_DONE);
        if (!ch.same_root) {
            uint8_t key[5];
            Tid conflict;

            SIM_OK(a,
                   btree_insert(a, &t.index, sim_key(1, key), ch.tid, BTREE_UNIQUE_CHECK, &t.heap, &conflict));
            EXPECT_EQ(conflict, TID_NONE);
            tid = ch.tid;
        }
        sim_commit(a);
        EXPECT(sim_get(b, &t, &old, 1, &r, NULL));
        EXPECT_EQ(r.n, 0);
    }
    sim_commit(b);
    sim_begin(b);
    s = sim_snapshot(b);
    EXPECT(sim_get(b, &t, &s, 1, &r, NULL));
    EXPECT_EQ(r.n, 500);
    EXPECT_EQ(sim_count(b, &t, &s), 1);
    sim_commit(b);
    sim_check(a, &t);
}

TEST(heap, long_values_go_out_of_line_and_come_back)
{
    Ctx *cx = sim_session(sim_engine());
    uint32_t sizes[] = {1900, 2100, 8000, 8300, 100 * 1000, 3 * 1000 * 1000};
    SimTable t;
    Snapshot s;
    SimRow r;
    uint64_t x = 12345;

    sim_table(cx, &t);
    for (int kind = 0; kind < 2; kind++) {
        for (int i = 0; i < (int)COUNT_OF(sizes); i++) {
            char *text = malloc(sizes[i]);

            for (uint32_t k = 0; k < sizes[i]; k++) {
                x = x * 6364136223846793005u + 1;
                text[k] = kind == 0 ? (char)('a' + k % 7) : (char)(x >> 33 | 1);
            }
            sim_begin(cx);
            sim_insert(cx, &t, (SimRow){kind * 100 + i, i, text, sizes[i]});
            sim_commit(cx);
            sim_begin(cx);
            s = sim_snapshot(cx);
            EXPECT(sim_get(cx, &t, &s, kind * 100 + i, &r, NULL));
            EXPECT_EQ(r.bytes, sizes[i]);
            EXPECT(memcmp(r.text, text, sizes[i]) == 0);
            sim_commit(cx);
            free(text);
        }
    }
    sim_check(cx, &t);
}

TEST(heap, deleting_long_values_gives_their_space_back)
{
    Ctx *cx = sim_session(sim_engine());
    static char text[50000];
    HeapStats stats;
    SimTable t;
    BlockNo first = 0;
    uint64_t x = 99;

    for (uint32_t k = 0; k < sizeof(text); k++) {
        x = x * 6364136223846793005u + 1;
        text[k] = (char)(x >> 33);
    }
    sim_table(cx, &t);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 20; i++) {
            sim_begin(cx);
            sim_insert(cx, &t, (SimRow){round * 20 + i, i, text, sizeof(text)});
            sim_commit(cx);
        }
        for (int i = 0; i < 20; i++) {
            Snapshot s;
            RowChange ch;
            SimRow r;
            Tid tid;

            sim_begin(cx);
            s = sim_snapshot(cx);
            EXPECT(sim_get(cx, &t, &s, round * 20 + i, &r, &tid));
            SIM_OK(cx, heap_delete(cx, &t.heap, tid, &s, &ch));
            EXPECT_EQ(ch.outcome, ROW_DONE);
            sim_commit(cx);
        }
        SIM_OK(cx, heap_vacuum(cx, &t.heap, &t.index, 1, &stats));
        EXPECT_EQ(stats.live_rows, 0);
        sim_check(cx, &t);
        if (round == 1)
            first = rel_length(cx, 1, t.heap.toast_relation, FORK_MAIN);
    }
    EXPECT(rel_length(cx, 1, t.heap.toast_relation, FORK_MAIN) <= first + 4);
}

TEST(heap, storing_and_deleting_a_long_value_can_be_cancelled)
{
    Ctx *cx = sim_session(sim_engine());
    static char text[2 << 20];
    uint64_t x = 99;
    SimTable t;
    Snapshot s;
    RowChange ch;
    SimRow row = {1, 1, text, sizeof(text)};
    Cell cells[3];
    Tid tid;

    for (uint32_t k = 0; k < sizeof(text); k++) {
        x = x * 6364136223846793005u + 1;
        text[k] = (char)(x >> 33);
    }
    sim_table(cx, &t);
    sim_cells(&row, cells);
    sim_begin(cx);
    sim_cancel_at(cx, 100);
    EXPECT_EQ(heap_insert(cx, &t.heap, cells, &tid), ST_CANCELED);
    sim_cancel_at(cx, 0);
    txn_abort(cx);
    sim_begin(cx);
    tid = sim_insert(cx, &t, row);
    sim_commit(cx);
    sim_begin(cx);
    s = sim_snapshot(cx);
    sim_cancel_at(cx, 100);
    EXPECT_EQ(heap_delete(cx, &t.heap, tid, &s, &ch), ST_CANCELED);
    sim_cancel_at(cx, 0);
    txn_abort(cx);
    sim_begin(cx);
    s = sim_snapshot(cx);
    EXPECT_EQ(sim_count(cx, &t, &s), 1);
    SIM_OK(cx, heap_delete(cx, &t.heap, tid, &s, &ch));
    sim_commit(cx);
    sim_check(cx, &t);
}

TEST(heap, cutting_off_empty_pages_can_be_cancelled)
{
    Ctx *cx = sim_session(sim_engine());
    HeapStats stats;
    BlockNo pages;
    SimTable t;

    sim_table(cx, &t);
    sim_begin(cx);
    for (int i = 0; i < 5000; i++) {
        SimRow row = {i, i, "some text that takes a little room", 0};
        Cell cells[3];
        Tid tid;

        sim_cells(&row, cells);
        SIM_OK(cx, heap_insert(cx, &t.heap, cells, &tid));
    }
    txn_abort(cx);
    pages = rel_length(cx, 1, t.heap.relation, FORK_MAIN);
    EXPECT(pages > 40);
    sim_begin(cx);
    sim_cancel_at(cx, (int)(pages + pages / 2)); /* each page is looked at before the first is cut off */
    EXPECT_EQ(heap_vacuum(cx, &t.heap, NULL, 0, &stats), ST_CANCELED);
    sim_cancel_at(cx, 0);
    EXPECT(rel_length(cx, 1, t.heap.relation, FORK_MAIN) < pages);
    EXPECT(rel_length(cx, 1, t.heap.relation, FORK_MAIN) > 0);
    SIM_OK(cx, heap_vacuum(cx, &t.heap, NULL, 0, &stats));
    EXPECT_EQ(rel_length(cx, 1, t.heap.relation, FORK_MAIN), 0);
    sim_commit(cx);
}

/* The hook is asked while nothing is pinned, so nothing stays so. */
TEST(heap, a_verification_that_is_cancelled_holds_no_page)
{
    Ctx *cx = sim_session(sim_engine());
    DamageReport report = {0};
    HeapVerified verified;
    SimTable t;

    sim_table(cx, &t);
    sim_begin(cx);
    for (int i = 0; i < 1000; i++)
        sim_insert(cx, &t, (SimRow){i, i, "some text that takes a little room", 0});
    sim_commit(cx);
    sim_begin(cx);
    sim_cancel_at(cx, 3);
    EXPECT_EQ(heap_verify(cx, &t.heap, &report, &verified), ST_CANCELED);
    sim_cancel_at(cx, 0);
    EXPECT_EQ(cx->proc->pin_count, 0);
    txn_abort(cx);
}

TEST(heap, vacuum_frees_rows_index_entries_and_pages)
{
    Ctx *cx = sim_session(sim_engine());
    HeapStats stats;
    SimTable t;
    Snapshot s;
    SimRow r;
    Tid tid;

    sim_table(cx, &t);
    sim_begin(cx);
    for (int i = 0; i < 5000; i++)
        sim_insert(cx, &t, (SimRow){i, i, "some text that takes a little room", 0});
    sim_commit(cx);
    for (int i = 0; i < 5000; i++) {
        RowChange ch;

        if (i % 10 == 0)
            continue;
        sim_begin(cx);
        s = sim_snapshot(cx);
        EXPECT(sim_get(cx, &t, &s, i, &r, &tid));
        SIM_OK(cx, heap_delete(cx, &t.heap, tid, &s, &ch));
        sim_commit(cx);
    }
    SIM_OK(cx, heap_vacuum(cx, &t.heap, &t.index, 1, &stats));
    EXPECT_EQ(stats.live_rows, 500);
    EXPECT_EQ(stats.dead_rows, 0);
    sim_check(cx, &t);
    sim_begin(cx);
    s = sim_snapshot(cx);
    EXPECT_EQ(sim_count(cx, &t, &s), 500);
    for (int i = 0; i < 5000; i++)
        EXPECT_EQ(sim_get(cx, &t, &s, i, &r, &tid), i % 10 == 0);
    sim_commit(cx);
    { /* the space is used again */
        BlockNo before = rel_length(cx, 1, t.heap.relation, FORK_MAIN);

        sim_begin(cx);
        for (int i = 0; i < 5000; i++) {
            if (i % 10 != 0)
                sim_insert(cx, &t, (SimRow){i, i, "some text that takes a little room", 0});
        }
        sim_commit(cx);
        EXPECT(rel_length(cx, 1, t.heap.relation, FORK_MAIN) <= before + 2);
        sim_check(cx, &t);
    }
}

TEST(heap, a_table_of_narrow_rows_takes_little_room)
{
    Ctx *cx = sim_session(sim_engine());
    HeapColumn columns[4] = {{.width = 4, .not_null_hint = true}, {.width = 4}, {.width = 4}, {.width = 0}};
    HeapRel rel = {.branch = 1, .layout = {4, columns}};
    int32_t v = 5;
    char filler[84];
    Cell cells[4] = {{&v, 4}, {&v, 4}, {&v, 4}, {filler, 84}};
    double per_row;
    Tid tid;

    memset(filler, ' ', sizeof(filler));
    sim_begin(cx);
    SIM_OK(cx, rel_create(cx, 1, PERSIST_PERMANENT, &rel.relation));
    for (int i = 0; i < 20000; i++)
        SIM_OK(cx, heap_insert(cx, &rel, cells, &tid));
    sim_commit(cx);
    per_row = rel_length(cx, 1, rel.relation, FORK_MAIN) * 8192.0 / 20000;
    ck_assert_msg(per_row <= 131, "%.1f bytes per row", per_row);
    SIM_OK(cx, heap_check(cx, &rel));
}

/* Rows of 4 bytes and a text of `bytes`, on pages filled to `percent`; returns the number of pages. */
static uint32_t
pages_of(Ctx *cx, uint8_t percent, uint32_t bytes, int rows)
{
    HeapColumn columns[2] = {{.width = 4, .not_null_hint = true}, {.width = 0}};
    HeapRel rel = {.branch = 1, .layout = {2, columns}, .fill_percent = percent};
    int32_t v = 5;
    char filler[3000];
    Cell cells[2] = {{&v, 4}, {filler, bytes}};
    Tid tid;

    memset(filler, ' ', sizeof(filler));
    sim_begin(cx);
    SIM_OK(cx, rel_create(cx, 1, PERSIST_PERMANENT, &rel.relation));
    for (int i = 0; i < rows; i++)
        SIM_OK(cx, heap_insert(cx, &rel, cells, &tid));
    sim_commit(cx);
    SIM_OK(cx, heap_check(cx, &rel));
    return rel_length(cx, 1, rel.relation, FORK_MAIN);
}

TEST(heap, a_fill_factor_leaves_its_share_of_a_page_to_updates)
{
    Ctx *cx = sim_session(sim_engine());
    static const uint32_t bytes[] = {0, 60, 700};

    for (size_t i = 0; i < COUNT_OF(bytes); i++) {
        double full = pages_of(cx, 0, bytes[i], 8000);
        double half = pages_of(cx, 50, bytes[i], 8000), fifth = pages_of(cx, 20, bytes[i], 8000);

        ck_assert_msg(half >= full * 1.85 && half <= full * 2.3, "%u bytes: %.0f and %.0f pages", bytes[i],
                      full, half);
        ck_assert_msg(fifth >= full * 4.5 && fifth <= full * 6.2, "%u bytes: %.0f and %.0f pages", bytes[i],
                      full, fifth);
    }
}

TEST(heap, a_row_too_long_for_its_share_gets_a_page_of_its_own)
{
    EXPECT_EQ(pages_of(sim_session(sim_engine()), 10, 3000, 7), 7);
}

TEST(heap, updates_use_what_the_fill_factor_left)
{
    Ctx *cx = sim_session(sim_engine());
    HeapColumn columns[2] = {{.width = 4, .not_null_hint = true}, {.width = 0}};
    HeapRel rel = {.branch = 1, .layout = {2, columns}, .fill_percent = 45};
    int32_t v = 5;
    Cell cells[2] = {{&v, 4}, {"some text or other", 18}};
    Tid tids[1000];
    RowChange ch;
    Snapshot s;

    sim_begin(cx);
    SIM_OK(cx, rel_create(cx, 1, PERSIST_PERMANENT, &rel.relation));
    for (int i = 0; i < 1000; i++)
        SIM_OK(cx, heap_insert(cx, &rel, cells, &tids[i]));
    sim_commit(cx);
    sim_begin(cx);
    s = sim_snapshot(cx);
    for (int i = 0; i < 1000; i++) { /* all versions are needed still, so that each takes a slot more */
        SIM_OK(cx, heap_update(cx, &rel, tids[i], &s, cells, false, ROW_LOCK_NO_KEY_UPDATE, &ch));
        EXPECT_EQ(ch.outcome, ROW_DONE);
        EXPECT(ch.same_root);
    }
    sim_commit(cx);
    SIM_OK(cx, heap_check(cx, &rel));
}

TEST(heap, a_column_added_later_answers_its_default_on_old_pages)
{
    Ctx *cx = sim_session(sim_engine());
    int32_t answer = 42;
    HeapColumn columns[3] = {{.width = 4}, {.width = 0}, {.width = 4, .missing = {&answer, 4}}};
    HeapRel rel = {.branch = 1, .layout = {2, columns}};
    int32_t one = 1;
    Cell cells[3] = {{&one, 4}, {"abc", 3}, {NULL, 0}};
    Snapshot s;
    RowChange ch;
    HeapRow row;
    Cell c;
    Tid tid;

    sim_begin(cx);
    SIM_OK(cx, rel_create(cx, 1, PERSIST_PERMANENT, &rel.relation));
    SIM_OK(cx, heap_insert(cx, &rel, cells, &tid));
    sim_commit(cx);
    rel.layout.column_count = 3;
    sim_begin(cx);
    s = sim_snapshot(cx);
    SIM_OK(cx, heap_fetch(cx, &rel, tid, &s, &row));
    EXPECT(row.found);
    SIM_OK(cx, heap_row_cell(cx, &rel, &row, 2, &c));
    EXPECT_EQ(*(const int32_t *)c.data, 42);
    heap_row_release(cx, &row);
    SIM_OK(cx, heap_update(cx, &rel, tid, &s, cells, false, ROW_LOCK_NO_KEY_UPDATE, &ch));
    EXPECT_EQ(ch.outcome, ROW_DONE);
    EXPECT(ch.same_root); /* the page was rewritten */
    sim_commit(cx);
    sim_begin(cx);
    s = sim_snapshot(cx);
    SIM_OK(cx, heap_fetch(cx, &rel, ch.tid, &s, &row));
    EXPECT(row.found);
    SIM_OK(cx, heap_row_cell(cx, &rel, &row, 2, &c));
    EXPECT(c.data == NULL);
    heap_row_release(cx, &row);
    sim_commit(cx);
    SIM_OK(cx, heap_check(cx, &rel));
}

TEST(heap, wide_tables_put_what_does_not_fit_into_the_variable_part)
{
    Ctx *cx = sim_session(sim_engine());
    enum { COLUMNS = 700 };
    static HeapColumn columns[COLUMNS];
    static Cell cells[COLUMNS];
    static int64_t values[COLUMNS];
    HeapRel rel = {.branch = 1, .layout = {COLUMNS, columns}};
    Snapshot s;
    HeapRow row;
    Tid tid;

    for (int i = 0; i < COLUMNS; i++) {
        values[i] = i;
        columns[i] = (HeapColumn){.width = i % 3 == 0 ? 8 : i % 3 == 1 ? 4 : 0};
        cells[i] = (Cell){i % 5 == 4 ? NULL : &values[i], i % 3 == 2 ? 3 : 0};
    }
    sim_begin(cx);
    SIM_OK(cx, rel_create(cx, 1, PERSIST_PERMANENT, &rel.relation));
    for (int i = 0; i < 5; i++)
        SIM_OK(cx, heap_insert(cx, &rel, cells, &tid));
    txn_next_command(cx);
    s = sim_snapshot(cx);
    SIM_OK(cx, heap_fetch(cx, &rel, tid, &s, &row));
    EXPECT(row.found);
    for (uint16_t i = 0; i < COLUMNS; i++) {
        Cell c;

        SIM_OK(cx, heap_row_cell(cx, &rel, &row, i, &c));
        EXPECT_EQ(c.data == NULL, i % 5 == 4);
        if (c.data == NULL)
            continue;
        EXPECT_EQ(c.bytes, i % 3 == 0 ? 8 : i % 3 == 1 ? 4 : 3);
        EXPECT(memcmp(c.data, &values[i], c.bytes) == 0);
    }
    heap_row_release(cx, &row);
    sim_commit(cx);
    SIM_OK(cx, heap_check(cx, &rel));
}

TEST(heap, a_row_that_fits_no_page_is_refused)
{
    Ctx *cx = sim_session(sim_engine());
    HeapColumn columns[1] = {{.width = 0}};
    HeapRel rel = {.branch = 1, .layout = {1, columns}};
    static char text[9000];
    Cell cells[1] = {{text, sizeof(text)}};
    Tid tid;

    sim_begin(cx);
    SIM_OK(cx, rel_create(cx, 1, PERSIST_PERMANENT, &rel.relation));
    EXPECT_EQ(heap_insert(cx, &rel, cells, &tid), ST_ERROR);
    EXPECT_STR(cx->error.sqlstate, "54000");
    txn_abort(cx);
}

TEST(heap, xmin_is_the_same_before_and_after_resolving)
{
    Ctx *cx = sim_session(sim_engine());
    SimTable t;
    RowHeader before, after;
    Snapshot s;
    HeapRow row;
    Tid tid;
    Xid xid;

    sim_table(cx, &t);
    sim_begin(cx);
    tid = sim_insert(cx, &t, (SimRow){1, 1, "x", 0});
    xid = txn_id(cx);
    txn_next_command(cx);
    s = sim_snapshot(cx);
    SIM_OK(cx, heap_fetch(cx, &t.heap, tid, &s, &row));
    before = heap_row_header(&row);
    heap_row_release(cx, &row);
    sim_commit(cx);
    for (int i = 0; i < 3; i++) { /* the first look resolves */
        sim_begin(cx);
        s = sim_snapshot(cx);
        SIM_OK(cx, heap_fetch(cx, &t.heap, tid, &s, &row));
        after = heap_row_header(&row);
        EXPECT_EQ(after.xmin, (uint32_t)xid);
        EXPECT_EQ(after.xmin, before.xmin);
        EXPECT_EQ(after.xmax, 0);
        heap_row_release(cx, &row);
        sim_commit(cx);
    }
}

/* A page that was stored after an id was handed out, and is read before the log's word of that id has been done again. */
TEST(heap, while_the_id_table_is_filled_nothing_on_a_stored_page_is_settled)
{
    Ctx *cx = sim_session(sim_engine());
    IdTable *ids = &txn_shared(cx->proc)->ids;
    _Alignas(16) char page[PAGE_BYTES], before[PAGE_BYTES];
    SimTable t;
    PageRef ref;
    Xid xid, next;
    Tid tid;

    sim_table(cx, &t);
    sim_begin(cx);
    tid = sim_insert(cx, &t, (SimRow){1, 1, "x", 0});
    xid = txn_id(cx);
    SIM_OK(cx, page_pin(cx, cache_rel(cx, t.heap.branch, t.heap.relation), FORK_MAIN, tid_block(tid), &ref));
    memcpy(page, ref.page, PAGE_BYTES);
    memcpy(before, ref.page, PAGE_BYTES);
    page_unpin(cx, &ref);
    EXPECT_EQ(heap_least_raw(cx, page), xid);
    next = atomic_exchange(&ids->next, atomic_load(&ids->trimmed));
    id_table_fill(ids, true);
    EXPECT_EQ(heap_least_raw(cx, page), atomic_load(&ids->trimmed));
    EXPECT_EQ(heap_resolve_copy(cx, page), atomic_load(&ids->trimmed));
    EXPECT(memcmp(page, before, PAGE_BYTES) == 0);
    id_table_fill(ids, false);
    atomic_store(&ids->next, next);
    txn_abort(cx);
    EXPECT_EQ(heap_resolve_copy(cx, page), 0);
    EXPECT(memcmp(page, before, PAGE_BYTES) != 0);
}

/* The lock that a moving update begins with is not logged: after a crash a stored page may have one that nobody has kept the
 * id for. */
TEST(heap, a_row_lock_whose_id_is_forgotten_is_over)
{
    Ctx *cx = sim_session(sim_engine());
    IdTable *ids = &txn_shared(cx->proc)->ids;
    _Alignas(16) char page[PAGE_BYTES];
    HeapPage *p = (HeapPage *)(void *)page;
    bool resolvable = false;
    Snapshot snapshot;
    SimTable t;
    PageRef ref;
    uint16_t i;
    Xid xid, oldest;
    Csn csn;
    Tid tid;

    sim_table(cx, &t);
    sim_begin(cx);
    tid = sim_insert(cx, &t, (SimRow){1, 1, "x", 0});
    i = (uint16_t)(tid_slot(tid) - 1);
    xid = txn_id(cx);
    sim_commit(cx);
    SIM_OK(cx, page_pin(cx, cache_rel(cx, t.heap.branch, t.heap.relation), FORK_MAIN, tid_block(tid), &ref));
    memcpy(page, ref.page, PAGE_BYTES);
    page_unpin(cx, &ref);
    EXPECT_EQ(heap_resolve_copy(cx, page), 0);
    heap_deleters(p)[i] = WORD_RAW | xid;
    heap_flags(p)[i] |= SLOT_LOCK_ONLY | ROW_LOCK_NO_KEY_UPDATE;
    EXPECT_EQ(heap_least_raw(cx, page), xid);
    for (int n = 0; n < 3000; n++) {
        sim_begin(cx);
        sim_insert(cx, &t, (SimRow){n + 2, n, "y", 0});
        sim_commit(cx);
    }
    SIM_OK(cx, page_raw_visit(cx, heap_resolve, &oldest));
    id_trim(cx, ids, atomic_load(&ids->next));
    EXPECT(xid < atomic_load(&ids->trimmed));

    EXPECT_EQ(heap_least_raw(cx, page), 0);
    EXPECT_EQ(heap_mark_state(cx, p, i, &xid, &csn), MARK_STATE_NONE);
    sim_begin(cx);
    snapshot = sim_snapshot(cx);
    EXPECT_EQ(heap_version_sight(cx, p, i, &snapshot, UINT64_MAX, &resolvable), SIGHT_YES);
    sim_commit(cx);
    EXPECT_EQ(heap_resolve_copy(cx, page), 0);
    EXPECT(heap_deleters(p)[i] == WORD_NONE);
    EXPECT_EQ(heap_flags(p)[i] & (SLOT_LOCK_ONLY | SLOT_STRENGTH), 0);
}

TEST(heap, rows_of_what_is_rolled_back_count_as_dead)
{
    Ctx *cx = sim_session(sim_engine());
    SimTable t;
    HeapStats stats;

    sim_table(cx, &t);
    sim_begin(cx);
    sim_insert(cx, &t, (SimRow){1, 1, "x", 0});
    SIM_OK(cx, txn_savepoint(cx));
    sim_insert(cx, &t, (SimRow){2, 2, "x", 0});
    SIM_OK(cx, txn_savepoint(cx));
    sim_insert(cx, &t, (SimRow){3, 3, "x", 0});
    txn_release(cx, 2);
    sim_insert(cx, &t, (SimRow){4, 4, "x", 0});
    txn_rollback_to(cx, 1);
    heap_stats(cx, &t.heap, &stats);
    EXPECT_EQ(stats.live_rows, 1);
    EXPECT_EQ(stats.dead_rows, 3);
    SIM_OK(cx, txn_savepoint(cx));
    sim_insert(cx, &t, (SimRow){5, 5, "x", 0});
    txn_release(cx, 1);
    sim_commit(cx);
    heap_stats(cx, &t.heap, &stats);
    EXPECT_EQ(stats.live_rows, 2);
    EXPECT_EQ(stats.dead_rows, 3);
    sim_begin(cx);
    sim_insert(cx, &t, (SimRow){6, 6, "x", 0});
    sim_insert(cx, &t, (SimRow){7, 7, "x", 0});
    txn_abort(cx);
    heap_stats(cx, &t.heap, &stats);
    EXPECT_EQ(stats.live_rows, 2);
    EXPECT_EQ(stats.dead_rows, 5);
}

TEST(heap, visibility_alone_agrees_with_fetching)
{
    Engine *e = sim_engine();
    Ctx *cx = sim_session(e), *old = sim_session(e);
    SimTable t;
    Tid tids[200];
    Snapshot s, before;
    HeapStats stats;
    bool visible;

    sim_table(cx, &t);
    SIM_OK(old, txn_begin(old, ISOLATION_REPEATABLE_READ));
    before = sim_snapshot(old);
    sim_begin(cx);
    for (int i = 0; i < 200; i++)
        tids[i] = sim_insert(cx, &t, (SimRow){i, i, "x", 0});
    sim_commit(cx);
    for (int round = 0; round < 3; round++) {
        sim_begin(cx);
        s = sim_snapshot(cx);
        for (int i = 0; i < 200; i++) {
            RowChange ch;

            SIM_OK(cx, heap_is_visible(cx, &t.heap, tids[i], &s, &visible));
            EXPECT_EQ(visible, round < 2 || i % 3 != 0);
            SIM_OK(old, heap_is_visible(old, &t.heap, tids[i], &before, &visible));
            EXPECT(!visible);
            if (round == 1 && i % 3 == 0)
                SIM_OK(cx, heap_delete(cx, &t.heap, tids[i], &s, &ch));
        }
        sim_commit(cx);
        SIM_OK(cx, heap_vacuum(cx, &t.heap, &t.index, 1, &stats));
    }
    sim_commit(old);
    SIM_OK(cx, heap_vacuum(cx, &t.heap, &t.index, 1, &stats));
    sim_begin(cx);
    s = sim_snapshot(cx);
    for (int i = 0; i < 200; i++) { /* stubs are free slots now */
        SIM_OK(cx, heap_is_visible(cx, &t.heap, tids[i], &s, &visible));
        EXPECT_EQ(visible, i % 3 != 0);
    }
    sim_commit(cx);
}

/* ---- many rows at once: each page's are one record, which the checked redo does again ----------------------------- */

enum { RUN_ROWS = 300 };

typedef struct RunRow {
    int64_t id;
    int32_t n;
    int16_t small;
    bool yes;
    char text[600];
} RunRow;

/* Row `no` of a test, as cells: some nulls, some long texts. */
static void
run_row(RunRow *row, uint32_t no, Cell *cells)
{
    uint32_t bytes = no % 50 == 49 ? 500 : no % 7;

    *row = (RunRow){.id = no, .n = (int32_t)no * 3, .small = (int16_t)(no % 100), .yes = no % 2 != 0};
    memset(row->text, 'a' + (int)(no % 26), sizeof(row->text));
    cells[0] = (Cell){&row->id, 8};
    cells[1] = (Cell){no % 5 == 0 ? NULL : &row->n, 4};
    cells[2] = (Cell){no % 3 == 0 ? NULL : &row->small, 2};
    cells[3] = (Cell){&row->yes, 1};
    cells[4] = (Cell){no % 11 == 0 ? NULL : row->text, bytes};
}

static void
check_run_row(Ctx *cx, const HeapRel *rel, const Snapshot *s, Tid tid, uint32_t no)
{
    Cell want[5], got;
    RunRow row;
    HeapRow found;

    run_row(&row, no, want);
    SIM_OK(cx, heap_fetch(cx, rel, tid, s, &found));
    EXPECT(found.found);
    for (uint16_t c = 0; c < 5; c++) {
        SIM_OK(cx, heap_row_cell(cx, rel, &found, c, &got));
        EXPECT_EQ(got.data == NULL, want[c].data == NULL);
        if (got.data == NULL)
            continue;
        EXPECT_EQ(got.bytes, want[c].bytes);
        EXPECT(memcmp(got.data, want[c].data, got.bytes) == 0);
    }
    heap_row_release(cx, &found);
}

TEST(heap, rows_inserted_together_are_there_on_new_pages_and_in_slots_that_were_freed)
{
    Engine *e = sim_engine();
    Ctx *cx = sim_session(e);
    HeapColumn columns[5] = {{.width = 8}, {.width = 4}, {.width = 2}, {.width = 1}, {.width = 0}};
    HeapRel rel = {.branch = 1, .layout = {5, columns}};
    static RunRow rows[RUN_ROWS];
    static Cell cells[RUN_ROWS * 5];
    static Tid tids[2 * RUN_ROWS];
    HeapStats stats;
    BlockNo before;
    Snapshot s;

    for (uint32_t i = 0; i < RUN_ROWS; i++)
        run_row(&rows[i], i, cells + (size_t)i * 5);
    sim_begin(cx);
    SIM_OK(cx, rel_create(cx, 1, PERSIST_PERMANENT, &rel.relation));
    SIM_OK(cx, heap_insert_many(cx, &rel, cells, RUN_ROWS, tids));
    sim_commit(cx);
    sim_begin(cx);
    s = sim_snapshot(cx);
    for (uint32_t i = 0; i < RUN_ROWS; i++)
        check_run_row(cx, &rel, &s, tids[i], i);
    for (uint32_t i = 0; i < RUN_ROWS; i += 1 + i % 3) {
        RowChange ch;

        SIM_OK(cx, heap_delete(cx, &rel, tids[i], &s, &ch));
        EXPECT_EQ(ch.outcome, ROW_DONE);
        tids[i] = 0;
    }
    sim_commit(cx);
    SIM_OK(cx, heap_vacuum(cx, &rel, NULL, 0, &stats));
    before = rel_length(cx, 1, rel.relation, FORK_MAIN);
    sim_begin(cx);
    SIM_OK(cx, heap_insert_many(cx, &rel, cells, RUN_ROWS, tids + RUN_ROWS));
    txn_next_command(cx);
    s = sim_snapshot(cx);
    for (uint32_t i = 0; i < 2 * RUN_ROWS; i++) {
        if (tids[i] != 0)
            check_run_row(cx, &rel, &s, tids[i], i % RUN_ROWS);
    }
    EXPECT(rel_length(cx, 1, rel.relation, FORK_MAIN) < 2 * before); /* freed slots were used */
    sim_commit(cx);
    SIM_OK(cx, heap_check(cx, &rel));
    sim_end(cx);
    engine_destroy(e);
}

TEST(heap, a_run_that_does_not_fit_its_page_is_refused)
{
    _Alignas(16) static char page[PAGE_BYTES];
    HeapColumn columns[3] = {{.width = 8}, {.width = 4}, {.width = 0}};
    HeapLayout layout = {3, columns};
    uint64_t x = 1;
    HeapShape shape;
    int accepted = 0;

    heap_shape(&layout, true, 20, 0, &shape);
    for (int i = 0; i < 200000; i++) {
        uint8_t data[200];
        HeapRunRecord run = {.creator = 5};
        uint32_t bytes = sizeof(run) + (uint32_t)(i % 150);

        for (uint32_t at = 0; at < sizeof(data); at += 8) {
            x = hash_u64(x + 1);
            memcpy(data + at, &x, 8);
        }
        run.slot = (uint8_t)(data[0] % 6);
        run.count = (uint8_t)(data[1] % 6);
        memcpy(data, &run, sizeof(run));
        for (uint32_t at = sizeof(run); at < sizeof(data); at++)
            data[at] &= 3; /* small lengths are met more often */
        if (i % 100 == 0)
            heap_page_init((HeapPage *)(void *)page, &shape, 0);
        if (heap_redo_insert_run(page, data, bytes))
            accepted++;
        else
            heap_page_init((HeapPage *)(void *)page, &shape, 0); /* what is refused ends recovery */
    }
    EXPECT(accepted > 10);
}
