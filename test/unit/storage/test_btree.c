#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "storage/btree/btree_int.h"
#include "storage/check/damage.h"
#include "storage/recover/redo.h"
#include "sim.h"

typedef struct Tree {
    Engine *engine;
    Ctx *cx;
    BtreeRel index;
} Tree;

static Tree
tree(void)
{
    Tree t = {.engine = sim_engine()};

    t.cx = sim_session(t.engine);
    t.index.branch = 1;
    sim_begin(t.cx);
    SIM_OK(t.cx, rel_create(t.cx, 1, PERSIST_PERMANENT, &t.index.relation));
    return t;
}

static void
put(Tree *t, BtreeKey key, Tid tid)
{
    Tid conflict;

    SIM_OK(t->cx, btree_insert(t->cx, &t->index, key, tid, BTREE_UNIQUE_NO, NULL, &conflict));
}

static const BtreeBound no_bound = {{NULL, 0}, false};

/* All TIDs in range, in the scan's order. */
static uint32_t
collect(Tree *t, BtreeBound low, BtreeBound high, bool backward, uint32_t portion, Tid *out, BtreeKey *keys)
{
    BtreeScan *scan;
    uint32_t n = 0, count;

    SIM_OK(t->cx, btree_scan_open(t->cx, t->cx->arena, &t->index, low, high, backward, &scan));
    do {
        SIM_OK(t->cx, btree_scan_next(t->cx, scan, portion, out + n, keys != NULL ? keys : NULL, &count));
        if (keys != NULL && count > 0)
            keys += count;
        n += count;
    } while (count > 0);
    btree_scan_close(t->cx, scan);
    return n;
}

enum { MANY = 20000 };
static Tid got[MANY * 2];

TEST(btree, ascending_and_random_inserts_come_back_in_order)
{
    for (int order = 0; order < 3; order++) {
        Tree t = tree();
        uint64_t seed = test_seed();

        for (int i = 0; i < MANY; i++) {
            int32_t id = order == 0 ? i : order == 1 ? MANY - 1 - i : (int32_t)((uint64_t)i * 7919 % MANY);
            uint8_t key[5];

            put(&t, sim_key(id, key), (Tid)(id + 1));
        }
        (void)seed;
        SIM_OK(t.cx, btree_check(t.cx, &t.index));
        EXPECT_EQ(collect(&t, no_bound, no_bound, false, 100, got, NULL), MANY);
        for (int i = 0; i < MANY; i++)
            EXPECT_EQ(got[i], i + 1);
        EXPECT_EQ(collect(&t, no_bound, no_bound, true, 77, got, NULL), MANY);
        for (int i = 0; i < MANY; i++)
            EXPECT_EQ(got[i], MANY - i);
        sim_commit(t.cx);
        sim_end(t.cx);
        engine_destroy(t.engine);
    }
}

TEST(btree, ascending_inserts_fill_their_pages)
{
    Tree t = tree();
    uint8_t key[5];
    double per_entry;

    for (int i = 0; i < 100000; i++)
        put(&t, sim_key(i, key), (Tid)(i + 1));
    per_entry = rel_length(t.cx, 1, t.index.relation, FORK_MAIN) * 8192.0 / 100000;
    ck_assert_msg(per_entry < 16, "%.1f bytes per entry", per_entry);
    SIM_OK(t.cx, btree_check(t.cx, &t.index));
    sim_commit(t.cx);
}

/* Two sessions find the same page full. The first splits it, and leaves it as full as it was; what the second wanted there
 * belongs further right now. */
TEST(btree, a_full_page_that_another_session_has_split_is_left_alone)
{
    Tree t = tree();
    BtreeTarget start = {0}, next;
    uint8_t key[5], full[BTREE_FULL_MOST];
    CacheRel *cr;
    PageRef ref;
    uint32_t before;

    for (int i = 0; i < MANY; i++)
        put(&t, sim_key(i, key), (Tid)(i + 1));
    SIM_OK(t.cx, btree_open(t.cx, &t.index, false, &cr));
    SIM_OK(t.cx, btree_descend(t.cx, cr, &start, false, 0, &ref, NULL, NULL));
    before = btree_page(&ref)->count;
    page_unlatch(t.cx, &ref);
    next = (BtreeTarget){btree_full_key(sim_key(MANY - 100, key), MANY * 2, full), false};
    SIM_OK(t.cx, btree_split(t.cx, cr, &ref, &next));
    EXPECT_EQ(btree_page(&ref)->count, before);
    page_unpin(t.cx, &ref);
    SIM_OK(t.cx, btree_check(t.cx, &t.index));
    EXPECT_EQ(collect(&t, no_bound, no_bound, false, 100, got, NULL), MANY);
    sim_commit(t.cx);
}

/* One found no room on a page with long keys, and VACUUM has left it one entry before it is split. The fence alone takes as much
 * as a key. */
TEST(btree, a_page_with_one_long_entry_is_not_split)
{
    static uint8_t key[6][BTREE_KEY_MOST_BYTES], full[BTREE_FULL_MOST];

    for (uint32_t bytes = 2500; bytes <= BTREE_KEY_MOST_BYTES; bytes += BTREE_KEY_MOST_BYTES - 2500) {
        Tree t = tree();
        BtreeTarget at, next = {0};
        CacheRel *cr;
        PageRef ref;

        for (int i = 0; i < 6; i++) {
            memset(key[i], i == 0 || i == 5 ? 'a' : 'x', bytes);
            key[i][bytes - 1] = (uint8_t)i;
        }
        key[5][0] = 'x';
        next.key = btree_full_key((BtreeKey){key[5], bytes}, 9, full);
        for (int i = 0; i < 5; i++)
            put(&t, (BtreeKey){key[i], bytes}, (Tid)i + 1);
        SIM_OK(t.cx, btree_open(t.cx, &t.index, false, &cr));
        at = (BtreeTarget){{key[1], bytes}, false};
        SIM_OK(t.cx, btree_descend(t.cx, cr, &at, false, 0, &ref, NULL, NULL));
        EXPECT_EQ(btree_page(&ref)->count, 1);
        EXPECT(btree_page(&ref)->high_bytes >= bytes);
        page_unlatch(t.cx, &ref);
        SIM_OK(t.cx, btree_split(t.cx, cr, &ref, &next));
        EXPECT_EQ(btree_page(&ref)->count, 1);
        page_unpin(t.cx, &ref);
        put(&t, (BtreeKey){key[5], bytes}, 9);
        SIM_OK(t.cx, btree_check(t.cx, &t.index));
        EXPECT_EQ(collect(&t, no_bound, no_bound, false, 100, got, NULL), 6);
        sim_commit(t.cx);
        sim_end(t.cx);
        engine_destroy(t.engine);
    }
}

static void
ignore_place(void *arg, PageId where, const char *what)
{
    (void)arg;
    (void)where;
    (void)what;
}

static uint64_t
damaged_places(const Tree *t)
{
    DamageReport damage = {.found = ignore_place};
    BtreeVerified verified;

    SIM_OK(t->cx, btree_verify(t->cx, &t->index, &damage, &verified));
    return damage.count;
}

TEST(btree, the_list_of_unused_pages_ends_at_a_page_that_is_in_use)
{
    Tree t = tree();
    uint8_t key[5];
    CacheRel *cr;

    for (int i = 0; i < MANY; i++)
        put(&t, sim_key(i, key), (Tid)(i + 1));
    SIM_OK(t.cx, btree_open(t.cx, &t.index, false, &cr));
    atomic_store(&cr->free_pages, BTREE_ROOT + 1);
    EXPECT_EQ(damaged_places(&t), 1);
    for (int i = MANY; i < 2 * MANY; i++)
        put(&t, sim_key(i, key), (Tid)(i + 1));
    EXPECT_EQ(atomic_load(&cr->free_pages), 0);
    SIM_OK(t.cx, btree_check(t.cx, &t.index));
    sim_commit(t.cx);
}

static void
set_next_free(const Tree *t, CacheRel *cr, BlockNo block, BlockNo next_free)
{
    PageRef ref;

    SIM_OK(t->cx, page_pin(t->cx, cr, FORK_MAIN, block, &ref));
    page_latch_exclusive(t->cx, &ref);
    btree_page_mut(&ref)->next_free = next_free;
    page_unpin(t->cx, &ref);
}

/* What recovery makes of lists as it may find them: the head is of a checkpoint, pages have been taken since, and the store has them as
 * they are now. */
TEST(btree, a_list_that_leads_to_a_page_twice_or_to_one_in_use_is_dropped)
{
    Tree t = tree();
    static Tid dead[MANY];
    BtreeVerified good;
    DamageReport none = {.found = ignore_place};
    BlockNo head, last;
    uint8_t key[5];
    CacheRel *cr;
    PageRef ref;

    for (int i = 0; i < MANY; i++) {
        put(&t, sim_key(i, key), (Tid)(i + 1));
        dead[i] = (Tid)(i + 1);
    }
    SIM_OK(t.cx, btree_remove_many(t.cx, &t.index, dead, MANY));
    SIM_OK(t.cx, btree_open(t.cx, &t.index, false, &cr));
    SIM_OK(t.cx, btree_verify(t.cx, &t.index, &none, &good));
    EXPECT(good.unused > 3);
    head = atomic_load(&cr->free_pages);
    SIM_OK(t.cx, btree_settle_unused(t.cx, cr));
    EXPECT_EQ(atomic_load(&cr->free_pages), head);
    for (last = head;;) {
        BlockNo next;

        SIM_OK(t.cx, page_pin(t.cx, cr, FORK_MAIN, last - 1, &ref));
        next = btree_page(&ref)->next_free;
        page_unpin(t.cx, &ref);
        if (next == 0)
            break;
        last = next;
    }
    set_next_free(&t, cr, last - 1, head); /* round and round */
    EXPECT_EQ(damaged_places(&t), 1);
    SIM_OK(t.cx, btree_settle_unused(t.cx, cr));
    EXPECT_EQ(atomic_load(&cr->free_pages), 0);
    atomic_store(&cr->free_pages, head);
    set_next_free(&t, cr, last - 1, BTREE_ROOT + 1);
    SIM_OK(t.cx, btree_settle_unused(t.cx, cr));
    EXPECT_EQ(atomic_load(&cr->free_pages), 0);
    SIM_OK(t.cx, btree_check(t.cx, &t.index));
    sim_commit(t.cx);
}

TEST(btree, bounds_are_prefixes_and_may_be_open_or_closed)
{
    Tree t = tree();
    uint8_t key[5], lo[5], hi[5];

    for (int i = 0; i < 3000; i++)
        put(&t, sim_key(i, key), (Tid)(i + 1));
    for (int from = 0; from < 3000; from += 371) {
        for (int to = from; to < 3000; to += 499) {
            for (int kind = 0; kind < 4; kind++) {
                BtreeBound low = {sim_key(from, lo), (kind & 1) != 0},
                           high = {sim_key(to, hi), (kind & 2) != 0};
                int first = from + !(kind & 1), last = to - !(kind & 2);
                uint32_t want = last >= first ? (uint32_t)(last - first + 1) : 0;

                EXPECT_EQ(collect(&t, low, high, false, 64, got, NULL), want);
                for (uint32_t i = 0; i < want; i++)
                    EXPECT_EQ(got[i], first + (int)i + 1);
                EXPECT_EQ(collect(&t, low, high, true, 64, got, NULL), want);
                for (uint32_t i = 0; i < want; i++)
                    EXPECT_EQ(got[i], last - (int)i + 1);
            }
        }
    }
    { /* a prefix: ids 256 .. 511 share their first four bytes */
        BtreeKey k = sim_key(256, lo);
        BtreeBound b = {{k.data, 4}, true}, open = {{k.data, 4}, false};

        EXPECT_EQ(collect(&t, b, b, false, 64, got, NULL), 256);
        EXPECT_EQ(got[0], 257);
        EXPECT_EQ(collect(&t, open, no_bound, false, 64, got, NULL), 3000 - 512);
        EXPECT_EQ(got[0], 513);
        EXPECT_EQ(collect(&t, no_bound, open, true, 64, got, NULL), 256);
        EXPECT_EQ(got[0], 256);
    }
    sim_commit(t.cx);
}

TEST(btree, equal_keys_are_kept_in_tid_order)
{
    Tree t = tree();
    uint8_t key[5], lo[5];
    BtreeBound b = {sim_key(7, lo), true};

    for (int i = 0; i < 5000; i++) {
        put(&t, sim_key(7, key), (Tid)((uint64_t)i * 4001 % 5000 + 1));
        put(&t, sim_key(i % 3 * 5, key), (Tid)(i + 1));
    }
    SIM_OK(t.cx, btree_check(t.cx, &t.index));
    EXPECT_EQ(collect(&t, b, b, false, 33, got, NULL), 5000);
    for (int i = 0; i < 5000; i++)
        EXPECT_EQ(got[i], i + 1);
    EXPECT_EQ(collect(&t, b, b, true, 33, got, NULL), 5000);
    for (int i = 0; i < 5000; i++)
        EXPECT_EQ(got[i], 5000 - i);
    EXPECT(rel_length(t.cx, 1, t.index.relation, FORK_MAIN) < 36); /* posting lists */
    for (int i = 1; i <= 5000; i += 2)
        SIM_OK(t.cx, btree_remove(t.cx, &t.index, sim_key(7, key), (Tid)i));
    SIM_OK(t.cx, btree_check(t.cx, &t.index));
    EXPECT_EQ(collect(&t, b, b, false, 33, got, NULL), 2500);
    sim_commit(t.cx);
}

/* Rows have gone, and others come in their places: a page is filled to its end, and the one for what comes next has no entry yet.
 * Its fences agree on more than the key: on the first bytes of the TIDs, too. */
TEST(btree, equal_keys_come_in_ascending_order_between_others)
{
    Tree t = tree();
    uint8_t key[5], lo[5];
    BtreeBound b = {sim_key(7, lo), true};
    enum { N = 6000, GAP_FROM = N / 3, GAP_TO = 2 * N / 3, APART = 100 };
    uint32_t n = 0;

    for (int i = 0; i < N; i++)
        put(&t, sim_key(7, key), (Tid)(i * APART + 1));
    for (int i = GAP_FROM; i < GAP_TO; i++)
        SIM_OK(t.cx, btree_remove(t.cx, &t.index, sim_key(7, key), (Tid)(i * APART + 1)));
    for (int i = 0; i < N; i++)
        put(&t, sim_key(7, key), (Tid)(GAP_FROM * APART + 1 + i));
    SIM_OK(t.cx, btree_check(t.cx, &t.index));
    EXPECT_EQ(collect(&t, b, b, false, 33, got, NULL), N - (GAP_TO - GAP_FROM) + N);
    for (int i = 0; i < GAP_FROM; i++)
        EXPECT_EQ(got[n++], i * APART + 1);
    for (int i = 0; i < N; i++)
        EXPECT_EQ(got[n++], GAP_FROM * APART + 1 + i);
    for (int i = GAP_TO; i < N; i++)
        EXPECT_EQ(got[n++], i * APART + 1);
    sim_commit(t.cx);
}

static int
compare_keys(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

TEST(btree, keys_of_all_lengths_keep_their_order)
{
    Tree t = tree();
    uint64_t x = test_seed();
    enum { N = 3000 };
    static char *texts[N];
    static BtreeKey keys[N];
    int count = 0;

    for (int i = 0; i < N; i++) {
        uint32_t length, common;

        x = hash_u64(x + (uint64_t)i);
        length = x % 10 == 0 ? 1000 + (uint32_t)(x >> 8) % 1570 : 1 + (uint32_t)(x >> 8) % 60;
        texts[i] = calloc(1, length + 10);
        /* Many keys share long beginnings: that is what prefixes and separators must get right. */
        common = (uint32_t)(x >> 40) % length;
        for (uint32_t k = 0; k < length; k++) {
            x = hash_u64(x);
            texts[i][k] = k < common ? (char)('a' + (x % 50 == 0)) : (char)('a' + x % 26);
        }
        snprintf(texts[i] + length, 10, "%06d", i); /* all different */
        put(&t, (BtreeKey){texts[i], (uint32_t)strlen(texts[i]) + 1}, (Tid)(i + 1));
        if (i % 500 == 499)
            SIM_OK(t.cx, btree_check(t.cx, &t.index));
        count++;
    }
    SIM_OK(t.cx, btree_check(t.cx, &t.index));
    qsort(texts, N, sizeof(texts[0]), compare_keys);
    EXPECT_EQ(collect(&t, no_bound, no_bound, false, 10, got, NULL), N);
    {
        BtreeScan *scan;
        uint32_t n = 0, some;

        SIM_OK(t.cx, btree_scan_open(t.cx, t.cx->arena, &t.index, no_bound, no_bound, false, &scan));
        do {
            SIM_OK(t.cx, btree_scan_next(t.cx, scan, 7, got, keys, &some));
            for (uint32_t i = 0; i < some; i++, n++)
                EXPECT_STR((const char *)keys[i].data, texts[n]);
        } while (some > 0);
        EXPECT_EQ(n, N);
    }
    sim_commit(t.cx);
}

TEST(btree, the_longest_keys_can_always_be_inserted)
{
    for (int kind = 0; kind < 4; kind++) {
        Tree t = tree();
        static uint8_t key[BTREE_KEY_MOST_BYTES];

        for (int i = 0; i < 400; i++) {
            uint32_t v = (uint32_t)((uint64_t)i * 7919 % 400);

            memset(key, kind >= 2 ? 'a' + (int)(v % 3) : 'a', sizeof(key));
            put_be32(kind % 2 == 0 ? key + sizeof(key) - 4 : key, v);
            put(&t, (BtreeKey){key, sizeof(key)}, (Tid)(i + 1));
            for (int k = 0; k < 20 && i % 10 == 0; k++)
                put(&t, (BtreeKey){key, sizeof(key)}, (Tid)(1000 + k));
            SIM_OK(t.cx, btree_check(t.cx, &t.index));
        }
        sim_commit(t.cx);
        sim_end(t.cx);
        engine_destroy(t.engine);
    }
}

TEST(btree, a_key_that_is_too_long_is_refused)
{
    Tree t = tree();
    static uint8_t key[BTREE_KEY_MOST_BYTES + 1];
    Tid conflict;

    EXPECT_EQ(btree_insert(t.cx, &t.index, (BtreeKey){key, sizeof(key)}, 1, BTREE_UNIQUE_NO, NULL, &conflict),
              ST_ERROR);
    EXPECT_STR(t.cx->error.sqlstate, "54000");
    txn_abort(t.cx);
}

TEST(btree, a_built_tree_equals_an_inserted_one)
{
    Tree t = tree();
    BtreeBuild *build;
    uint8_t key[5];
    int n = 0;

    SIM_OK(t.cx, btree_build_begin(t.cx, t.cx->arena, &t.index, &build));
    for (int i = 0; i < MANY / 2; i++) {
        for (int k = 0; k < (i % 100 == 0 ? 50 : 1); k++)
            SIM_OK(t.cx, btree_build_add(t.cx, build, sim_key(i, key), (Tid)(++n)));
    }
    SIM_OK(t.cx, btree_build_finish(t.cx, build));
    SIM_OK(t.cx, btree_check(t.cx, &t.index));
    EXPECT_EQ(collect(&t, no_bound, no_bound, false, 100, got, NULL), n);
    for (int i = 0; i < n; i++)
        EXPECT_EQ(got[i], i + 1);
    for (int i = 0; i < 1000; i++) /* and it goes on living */
        put(&t, sim_key(i * 10 + 3, key), (Tid)(100000 + i));
    SIM_OK(t.cx, btree_check(t.cx, &t.index));
    EXPECT_EQ(collect(&t, no_bound, no_bound, true, 100, got, NULL), n + 1000);
    sim_commit(t.cx);
}

/* Keys share twelve bytes until the group changes: where that is near a page's end, the page's fences
 * share less than its keys do. */
TEST(btree, a_build_ends_pages_where_the_shared_prefix_does)
{
    Tree t = tree();
    BtreeBuild *build;
    int n = 0;

    SIM_OK(t.cx, btree_build_begin(t.cx, t.cx->arena, &t.index, &build));
    for (uint32_t group = 1; group <= 150; group++) {
        for (uint32_t i = 0; i < group * 7 % 600; i++) {
            uint8_t key[16] = {0};

            put_be32(key, group);
            put_be32(key + 12, i);
            SIM_OK(t.cx, btree_build_add(t.cx, build, (BtreeKey){key, 16}, (Tid)(++n)));
        }
    }
    SIM_OK(t.cx, btree_build_finish(t.cx, build));
    SIM_OK(t.cx, btree_check(t.cx, &t.index));
    sim_commit(t.cx);
}

TEST(btree, a_build_fills_leaves_as_it_is_told)
{
    static const uint8_t fills[] = {10, 50, 100};
    BlockNo pages[COUNT_OF(fills)];

    for (size_t f = 0; f < COUNT_OF(fills); f++) {
        Tree t = tree();
        BtreeBuild *build;
        uint8_t key[5];

        t.index.fill_percent = fills[f];
        SIM_OK(t.cx, btree_build_begin(t.cx, t.cx->arena, &t.index, &build));
        for (int i = 0; i < MANY; i++)
            SIM_OK(t.cx, btree_build_add(t.cx, build, sim_key(i, key), (Tid)(i + 1)));
        SIM_OK(t.cx, btree_build_finish(t.cx, build));
        SIM_OK(t.cx, btree_check(t.cx, &t.index));
        EXPECT_EQ(collect(&t, no_bound, no_bound, false, 100, got, NULL), MANY);
        pages[f] = rel_length(t.cx, 1, t.index.relation, FORK_MAIN);
        sim_commit(t.cx);
        sim_end(t.cx);
        engine_destroy(t.engine);
    }
    ck_assert_msg(pages[1] >= pages[2] * 1.9 && pages[1] <= pages[2] * 2.3, "%u and %u", pages[1], pages[2]);
    ck_assert_msg(pages[0] >= pages[2] * 9 && pages[0] <= pages[2] * 14, "%u and %u", pages[0], pages[2]);
}

TEST(btree, empty_and_tiny_trees_can_be_built)
{
    for (int count = 0; count < 3; count++) {
        Tree t = tree();
        BtreeBuild *build;
        uint8_t key[5];

        SIM_OK(t.cx, btree_build_begin(t.cx, t.cx->arena, &t.index, &build));
        for (int i = 0; i < count; i++)
            SIM_OK(t.cx, btree_build_add(t.cx, build, sim_key(i, key), (Tid)(i + 1)));
        SIM_OK(t.cx, btree_build_finish(t.cx, build));
        SIM_OK(t.cx, btree_check(t.cx, &t.index));
        EXPECT_EQ(collect(&t, no_bound, no_bound, false, 100, got, NULL), count);
        sim_commit(t.cx);
        sim_end(t.cx);
        engine_destroy(t.engine);
    }
}

TEST(btree, pages_emptied_by_vacuum_are_used_again)
{
    Tree t = tree();
    static Tid dead[MANY];
    BlockNo first = 0;
    uint8_t key[5];

    /* A queue: new entries on the right, old ones removed on the left. */
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < MANY; i++)
            put(&t, sim_key(round * MANY + i, key), (Tid)(i + 1) << 20 | (Tid)round);
        for (int i = 0; i < MANY; i++)
            dead[i] = (Tid)(i + 1) << 20 | (Tid)(round - 1);
        sim_commit(t.cx);
        sim_begin(t.cx);
        if (round > 0)
            SIM_OK(t.cx, btree_remove_many(t.cx, &t.index, dead, MANY));
        SIM_OK(t.cx, btree_check(t.cx, &t.index));
        EXPECT_EQ(collect(&t, no_bound, no_bound, false, 100, got, NULL), MANY);
        if (round == 3)
            first = rel_length(t.cx, 1, t.index.relation, FORK_MAIN);
        { /* a commit of something, so that the horizon moves on */
            Xid xid;

            SIM_OK(t.cx, txn_assign_id(t.cx, &xid));
        }
        sim_commit(t.cx);
        sim_begin(t.cx);
    }
    EXPECT(rel_length(t.cx, 1, t.index.relation, FORK_MAIN) <= first + first / 4);
    sim_commit(t.cx);
}

static int
by_key_and_tid(const void *a, const void *b)
{
    const BtreeNew *x = a, *y = b;
    int c = memcmp(x->key.data, y->key.data, x->key.bytes);

    return c != 0 ? c : (x->tid > y->tid) - (x->tid < y->tid);
}

TEST(btree, sorted_portions_make_the_same_tree_as_single_entries)
{
    enum { PORTION = 1500 };
    static uint8_t keys[PORTION][5];
    static BtreeNew entries[PORTION];
    Tree one = tree(), many = {one.engine, one.cx, one.index};
    uint64_t state = test_seed();
    static Tid expected[MANY * 2];
    uint32_t n;

    SIM_OK(many.cx, rel_create(many.cx, 1, PERSIST_PERMANENT, &many.index.relation));
    for (int portion = 0; portion < 12; portion++) {
        for (int i = 0; i < PORTION; i++) { /* few keys, many keys; all with several TIDs */
            uint32_t id = (uint32_t)(hash_u64(state++) % (portion % 2 == 0 ? 300 : 100000));

            entries[i] = (BtreeNew){sim_key((int32_t)id, keys[i]), (Tid)(hash_u64(state++) % 1000000 + 1),
                                    BTREE_UNIQUE_NO};
            put(&one, entries[i].key, entries[i].tid);
        }
        qsort(entries, PORTION, sizeof(*entries), by_key_and_tid);
        for (uint32_t at = 0; at < PORTION;) {
            uint32_t done;
            Tid conflict;

            SIM_OK(many.cx, btree_insert_many(many.cx, &many.index, entries + at, MIN_OF(PORTION - at, 700u),
                                              NULL, &done, &conflict));
            EXPECT_EQ(conflict, TID_NONE);
            at += done;
        }
    }
    SIM_OK(many.cx, btree_check(many.cx, &many.index));
    n = collect(&one, no_bound, no_bound, false, 100, expected, NULL);
    EXPECT_EQ(collect(&many, no_bound, no_bound, false, 100, got, NULL), n);
    for (uint32_t i = 0; i < n; i++)
        EXPECT_EQ(got[i], expected[i]);
    sim_commit(one.cx);
}

TEST(btree, a_portion_stops_at_a_key_that_is_taken)
{
    Ctx *cx = sim_session(sim_engine());
    SimTable t;
    BtreeNew entries[3];
    uint8_t keys[3][5];
    uint32_t done;
    Tid taken, conflict;

    sim_table(cx, &t);
    sim_begin(cx);
    taken = sim_insert(cx, &t, (SimRow){5, 1, "x", 0});
    sim_commit(cx);
    sim_begin(cx);
    for (int i = 0; i < 3; i++) {
        SimRow row = {4 + i, 1, "y", 0};
        Cell cells[3];

        sim_cells(&row, cells);
        entries[i] = (BtreeNew){sim_key(4 + i, keys[i]), TID_NONE, BTREE_UNIQUE_CHECK};
        SIM_OK(cx, heap_insert(cx, &t.heap, cells, &entries[i].tid));
    }
    SIM_OK(cx, btree_insert_many(cx, &t.index, entries, 3, &t.heap, &done, &conflict));
    EXPECT_EQ(done, 1);
    EXPECT_EQ(conflict, taken);
    SIM_OK(cx, btree_insert_many(cx, &t.index, entries + 2, 1, &t.heap, &done, &conflict));
    EXPECT_EQ(done, 1);
    EXPECT_EQ(conflict, TID_NONE);
    txn_abort(cx);
}

TEST(btree, pages_split_in_the_middle)
{
    Tree t = tree();
    uint8_t key[5];
    BlockNo pages;

    for (int i = 0; i < MANY; i++) /* in no order */
        put(&t, sim_key(i * 7919 % MANY, key), (Tid)(i + 1));
    SIM_OK(t.cx, btree_check(t.cx, &t.index));
    pages = rel_length(t.cx, 1, t.index.relation, FORK_MAIN);
    /* an entry takes 15 bytes, and a page is more than half full */
    ck_assert_msg(pages < MANY * 15 / 4096 + 3, "%u pages", pages);
    sim_commit(t.cx);
}

TEST(btree, estimates_are_near_the_truth)
{
    Tree t = tree();
    uint8_t key[5], lo[5], hi[5];
    double f;

    for (int i = 0; i < MANY; i++)
        put(&t, sim_key(i, key), (Tid)(i + 1));
    SIM_OK(t.cx, btree_estimate(t.cx, &t.index, (BtreeBound){sim_key(MANY / 4, lo), true},
                                (BtreeBound){sim_key(MANY / 2, hi), true}, &f));
    ck_assert_msg(f > 0.2 && f < 0.3, "%f", f);
    SIM_OK(t.cx, btree_estimate(t.cx, &t.index, no_bound, no_bound, &f));
    ck_assert_msg(f > 0.99, "%f", f);
    sim_commit(t.cx);
}

TEST(btree, a_unique_index_refuses_a_second_living_row_only)
{
    Ctx *cx = sim_session(sim_engine());
    SimTable t;
    SimRow row = {1, 1, "x", 0};
    Cell cells[3];
    Tid first, tid, conflict;
    uint8_t key[5];
    RowChange ch;
    Snapshot s;

    sim_table(cx, &t);
    sim_begin(cx);
    first = sim_insert(cx, &t, row);
    sim_commit(cx);
    sim_begin(cx);
    sim_cells(&row, cells);
    SIM_OK(cx, heap_insert(cx, &t.heap, cells, &tid));
    SIM_OK(cx, btree_insert(cx, &t.index, sim_key(1, key), tid, BTREE_UNIQUE_CHECK, &t.heap, &conflict));
    EXPECT_EQ(conflict, first);
    txn_abort(cx);
    sim_begin(cx);
    s = sim_snapshot(cx);
    SIM_OK(cx, heap_delete(cx, &t.heap, first, &s, &ch));
    sim_insert(cx, &t, row); /* own deletion counts */
    sim_commit(cx);
    sim_check(cx, &t);
}

TEST(btree, judging_many_dead_rows_can_be_cancelled)
{
    Ctx *cx = sim_session(sim_engine());
    SimRow row = {1, 1, "x", 0};
    uint8_t key[5];
    Tid conflict;
    SimTable t;

    sim_table(cx, &t);
    for (int i = 0; i < 300; i++) {
        sim_begin(cx);
        sim_insert(cx, &t, row);
        txn_abort(cx);
    }
    sim_begin(cx);
    sim_cancel_at(cx, 100);
    EXPECT_EQ(btree_find_equal(cx, &t.index, sim_key(1, key), &t.heap, &conflict), ST_CANCELED);
    sim_cancel_at(cx, 0);
    SIM_OK(cx, btree_find_equal(cx, &t.index, sim_key(1, key), &t.heap, &conflict));
    EXPECT_EQ(conflict, TID_NONE);
    sim_commit(cx);
}

TEST(btree, a_refused_row_can_be_taken_back)
{
    Ctx *cx = sim_session(sim_engine());
    SimRow row = {1, 2, "again", 0};
    SimTable t;
    Tid tid, conflict;
    Cell cells[3];
    uint8_t key[5];
    Snapshot s;

    sim_table(cx, &t);
    sim_begin(cx);
    sim_insert(cx, &t, (SimRow){1, 1, "first", 0});
    sim_commit(cx);
    sim_begin(cx);
    sim_cells(&row, cells);
    SIM_OK(cx, heap_insert(cx, &t.heap, cells, &tid));
    SIM_OK(cx, btree_insert(cx, &t.index, sim_key(1, key), tid, BTREE_UNIQUE_CHECK, &t.heap, &conflict));
    EXPECT(conflict != TID_NONE);
    SIM_OK(cx, heap_undo_insert(cx, &t.heap, tid));
    txn_next_command(cx);
    s = sim_snapshot(cx);
    EXPECT_EQ(sim_count(cx, &t, &s), 1);
    sim_commit(cx);
    sim_begin(cx);
    s = sim_snapshot(cx);
    EXPECT_EQ(sim_count(cx, &t, &s), 1);
    EXPECT_EQ(sim_sum(cx, &t, &s), 1);
    sim_commit(cx);
    sim_check(cx, &t);
}

/* The store may have a page as it was later than the record that is done again. */
TEST(btree, a_page_that_is_in_use_again_is_not_listed_when_its_retirement_is_done_again)
{
    _Alignas(16) static char page[PAGE_BYTES];
    BtreePage *p = (BtreePage *)(void *)page;
    BtreeRetired retired = {.deleted_csn = 5, .redirect = 1, .next_free = 2};
    const uint8_t *data = (const uint8_t *)(const void *)&retired;
    static CacheRel rel;

    p->h.magic = PAGE_MAGIC;
    p->h.kind = PAGE_KIND_BTREE;
    p->h.flags = BTREE_DELETED;
    p->deleted_csn = 5;
    p->next_free = 2;
    atomic_store(&rel.free_pages, 2);
    btree_redo_after(&rel, page, 7, RECORD_BTREE_RETIRE, data, sizeof(retired));
    EXPECT_EQ(atomic_load(&rel.free_pages), 8);
    atomic_store(&rel.free_pages, 2);
    p->deleted_csn = 6; /* it was used, and went again */
    btree_redo_after(&rel, page, 7, RECORD_BTREE_RETIRE, data, sizeof(retired));
    EXPECT_EQ(atomic_load(&rel.free_pages), 2);
    p->h.flags = 0;
    p->deleted_csn = 5;
    btree_redo_after(&rel, page, 7, RECORD_BTREE_RETIRE, data, sizeof(retired));
    EXPECT_EQ(atomic_load(&rel.free_pages), 2);
}
