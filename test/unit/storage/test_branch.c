/* The end of branches: the last one that was forked from another goes, and somebody is killed, or comes in between. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/stop_point.h"
#include "shmem/pagecache/pagecache.h"
#include "shmem/pagecache/pagecache_int.h"
#include "shmem/proc/slot.h"
#include "sim.h"
#include "storage/branch/fork.h"
#include "storage/rel/rel_upkeep.h"
#include "storage/txn/txn_shared.h"
#include "storage/wal/page_change.h"

enum { ROWS = 200, NEW_ROW = 1000, PATIENCE_MS = 10000 };

static const char *const points[] = {"branch.last_child_goes", "branch.origin_is_done"};

typedef struct Tree {
    Engine *engine;
    Ctx *cx;
    PageCache *cache;
    SimTable table; /* of branch 1 */
    BranchId last; /* the newest of the branches forked from it */
    uint64_t pages_before; /* there were none of any branch */
} Tree;

/* sim_insert changes the page, and the index, so that the image of before the fork is kept. */
static void
change(Ctx *cx, SimTable *t, int id)
{
    sim_begin(cx);
    sim_insert(cx, t, (SimRow){id, id, "came later", 0});
    sim_commit(cx);
}

static SimTable
table_in(const Tree *tree, BranchId branch)
{
    SimTable t = tree->table;

    t.heap.branch = t.index.branch = branch;
    return t;
}

static BranchId
fork_of(Tree *tree, BranchId parent)
{
    SimTable t;
    BranchId child;

    sim_begin(tree->cx);
    SIM_OK(tree->cx, engine_branch_fork(tree->cx, parent, &child));
    sim_commit(tree->cx);
    t = table_in(tree, parent);
    change(tree->cx, &t, NEW_ROW + (int)child);
    return child;
}

static bool
drop_branch(Ctx *cx, int branch, void *arg)
{
    (void)arg;
    sim_begin(cx);
    SIM_OK(cx, engine_branch_drop(cx, (BranchId)branch));
    sim_commit(cx);
    return true;
}

/* Branch 1 with a table, and `depth` branches each forked from the one before. */
static void
grow(Tree *tree, Engine *e, int depth)
{
    Ctx *cx = sim_session(e);
    BranchId root;

    *tree = (Tree){.engine = e, .cx = cx, .cache = page_cache(cx->proc)};
    tree->pages_before = atomic_load(&tree->cache->pages_live);
    sim_begin(cx);
    SIM_OK(cx, engine_branch_create(cx, &root));
    sim_commit(cx);
    EXPECT_EQ(root, 1); /* where sim_table makes its relations */
    sim_table(cx, &tree->table);
    sim_begin(cx);
    for (int i = 0; i < ROWS; i++)
        sim_insert(cx, &tree->table, (SimRow){i, i, "a row", 0});
    sim_commit(cx);
    tree->last = root;
    for (int i = 0; i < depth; i++)
        tree->last = fork_of(tree, tree->last);
}

static CacheRel *
heap_of(const Tree *tree, BranchId branch)
{
    return cache_rel(tree->cx, branch, tree->table.heap.relation);
}

static bool
keeps_images(const Tree *tree, BranchId branch)
{
    const CacheRel *rel = heap_of(tree, branch);
    bool keeps = false;
    PageRef ref;

    for (BlockNo i = 0; i < cache_rel_length(rel, FORK_MAIN); i++) {
        SIM_OK(tree->cx, page_pin_shared(tree->cx, rel, FORK_MAIN, i, &ref));
        keeps |= ref.frame->older != 0;
        page_unpin(tree->cx, &ref);
    }
    return keeps;
}

static bool
step_as_janitor(Ctx *cx, int no, void *arg)
{
    uint32_t idle;

    (void)no;
    (void)arg;
    SIM_OK(cx, engine_janitor_step(cx, &idle));
    return true;
}

static void
kill_now(const Tree *tree, pid_t pid)
{
    kill(pid, SIGKILL);
    EXPECT(!sim_join(pid));
    EXPECT_EQ(proc_mark_dead(proc_table(tree->engine), pid, false), PROC_DEATH_OUTSIDE);
}

static pid_t
stop_at(const Tree *tree, const char *point, SimChild fn, int no)
{
    pid_t pid;

    stop_point_arm(point, 0);
    pid = sim_fork(tree->engine, fn, no, NULL);
    EXPECT(stop_point_wait(point, PATIENCE_MS, NULL));
    return pid;
}

static void
kill_at(const Tree *tree, const char *point, SimChild fn, int no)
{
    kill_now(tree, stop_at(tree, point, fn, no));
    stop_point_release(point);
}

/* Did it end in time, and well? */
static bool
ends_soon(pid_t pid)
{
    for (int i = 0; i < PATIENCE_MS; i++) {
        int status;

        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFEXITED(status) && WEXITSTATUS(status) == 0;
        usleep(1000);
    }
    kill(pid, SIGKILL);
    return false;
}

/* The one who drops the last branch is killed, then the janitor while it does the rest. */
static void
kill_both(const Tree *tree, const char *point, const char *janitors_point)
{
    Ctx *janitor = sim_session(tree->engine);
    uint32_t idle;

    kill_at(tree, point, drop_branch, (int)tree->last);
    if (janitors_point != NULL)
        kill_at(tree, janitors_point, step_as_janitor, 0);
    SIM_OK(janitor, engine_janitor_step(janitor, &idle));
    EXPECT(heap_of(tree, tree->last) == NULL || atomic_load(&heap_of(tree, tree->last)->gone_lsn) != 0);
    sim_end(janitor);
}

static void
each_kill(void (*one)(const char *point, const char *janitors_point))
{
    EXPECT(stop_board_create());
    for (int i = 0; i < (int)COUNT_OF(points); i++) {
        one(points[i], NULL);
        for (int k = 0; k < (int)COUNT_OF(points); k++)
            one(points[i], points[k]);
    }
}

static void
kill_and_look_at_the_living(const char *point, const char *janitors_point)
{
    Tree tree;
    const CacheRel *rel;

    grow(&tree, sim_engine(), 1);
    EXPECT(keeps_images(&tree, 1));
    kill_both(&tree, point, janitors_point);
    rel = heap_of(&tree, 1);
    EXPECT_EQ(atomic_load(&rel->children), 0);
    EXPECT_EQ(atomic_load(&rel->kept_epoch), 0);
    EXPECT(!keeps_images(&tree, 1));
    change(tree.cx, &tree.table, NEW_ROW);
    EXPECT(!keeps_images(&tree, 1));
    sim_check(tree.cx, &tree.table);
    sim_end(tree.cx);
}

TEST(branch, the_end_of_its_last_child_reaches_a_branch_whoever_is_killed)
{
    each_kill(kill_and_look_at_the_living);
}

/* Two nameless branches above the last: all of them go. */
static void
kill_and_look_for_the_nameless(const char *point, const char *janitors_point)
{
    Tree tree;

    grow(&tree, sim_engine(), 2);
    EXPECT(drop_branch(tree.cx, 1, NULL));
    EXPECT(drop_branch(tree.cx, (int)tree.last - 1, NULL));
    EXPECT(heap_of(&tree, 1) != NULL);
    kill_both(&tree, point, janitors_point);
    for (BranchId b = 1; b <= tree.last; b++)
        EXPECT(heap_of(&tree, b) == NULL);
    EXPECT_EQ(atomic_load(&tree.cache->pages_live), tree.pages_before);
    sim_end(tree.cx);
}

TEST(branch, nameless_branches_go_with_the_last_child_whoever_is_killed)
{
    each_kill(kill_and_look_for_the_nameless);
}

/* What is_past (store_meta.c) asks: a checkpoint later than everything deletes it. */
static void
kill_and_look_at_the_stored(const char *point, const char *janitors_point)
{
    Tree tree;

    grow(&tree, sim_engine(), 2);
    EXPECT(drop_branch(tree.cx, 1, NULL));
    EXPECT(drop_branch(tree.cx, (int)tree.last - 1, NULL));
    tree.cache->page_frames =
        tree.cache->frame_count; /* nothing is read from here on: the store itself is not needed */
    kill_both(&tree, point, janitors_point);
    for (BranchId b = 1; b <= tree.last; b++) {
        const CacheRel *rel = heap_of(&tree, b);

        EXPECT(rel != NULL);
        EXPECT(atomic_load(&rel->gone_lsn) != 0);
        EXPECT_EQ(atomic_load(&rel->children), 0);
        EXPECT(rel->unlinked_lsn != UINT64_MAX);
        EXPECT_EQ(rel->origin, SHM_REF_NONE);
    }
    EXPECT_EQ(atomic_load(&tree.cache->pages_live), tree.pages_before);
    sim_end(tree.cx);
}

TEST(branch, with_a_store_nothing_holds_nameless_branches_whoever_is_killed)
{
    each_kill(kill_and_look_at_the_stored);
}

/* A checkpoint stored the nameless branch, then the last one was dropped and stored: what is loaded says of the one that it has
 * an origin, and of the other that it has none. */
TEST(branch, after_a_crash_no_nameless_branch_without_children_holds_its_origin)
{
    CacheRel *root, *nameless, *last;
    Tree tree;

    grow(&tree, sim_engine(), 2);
    EXPECT(drop_branch(tree.cx, (int)tree.last - 1, NULL));
    tree.cache->page_frames = tree.cache->frame_count; /* as with a store, which is not needed */
    root = heap_of(&tree, 1);
    nameless = heap_of(&tree, tree.last - 1);
    last = heap_of(&tree, tree.last);
    EXPECT(nameless->origin == root->self && last->origin == nameless->self);
    last->origin = SHM_REF_NONE;
    last->linked = 0;
    nameless->first_child = SHM_REF_NONE;
    atomic_store(&nameless->children, 0);
    rel_finish_crashed(tree.cx);
    EXPECT_EQ(nameless->origin, SHM_REF_NONE);
    EXPECT_EQ(atomic_load(&root->children), 0);
    EXPECT_EQ(atomic_load(&root->kept_epoch), 0);
    sim_end(tree.cx);
}

/* ---- one of several goes ---------------------------------------------------------------------------------------------- */

static uint64_t
count_images(const Tree *tree)
{
    uint64_t images = 0;

    for (uint32_t no = 1; no < tree->cache->high; no++)
        images += atomic_load(&cache_frame(tree->cache, no)->use) == FRAME_OLD;
    return images;
}

/* Of pages that had been changed since. */
static uint32_t
heap_images_after(const Tree *tree, uint64_t epoch)
{
    uint32_t images = 0;

    for (uint32_t no = 1; no < tree->cache->high; no++) {
        const Frame *f = cache_frame(tree->cache, no);

        images += atomic_load(&f->use) == FRAME_OLD && f->relation == tree->table.heap.relation &&
                  page_header_const(cache_frame_bytes(tree->cache, no))->epoch > epoch;
    }
    return images;
}

/* It was forked when there was the row of `newest`, and nothing later. */
static void
expect_reads(const Tree *tree, BranchId branch, int rows, int newest)
{
    SimTable t = table_in(tree, branch);
    Snapshot s;
    SimRow row;

    sim_begin(tree->cx);
    s = sim_snapshot(tree->cx);
    EXPECT_EQ(sim_count(tree->cx, &t, &s), rows);
    EXPECT(newest == 0 || sim_get(tree->cx, &t, &s, newest, &row, NULL));
    sim_commit(tree->cx);
    sim_check(tree->cx, &t);
}

/* Images of epochs 2, 4, 6 and the page as it is, of 9; forks at 8, 5 and 4. */
TEST(branch, who_was_forked_between_two_images_reads_the_first_of_them)
{
    const CacheForks forks = {.count = 3, .epochs = {8, 5, 4}}, none = {0};
    uint32_t at = 0;

    EXPECT(cache_fork_reads(&forks, &at, 6, 9));
    EXPECT(cache_fork_reads(&forks, &at, 4, 6));
    EXPECT(!cache_fork_reads(&forks, &at, 2, 4));
    at = 0;
    EXPECT(!cache_fork_reads(&forks, &at, 9, UINT64_MAX));
    EXPECT(!cache_fork_reads(&forks, &at, 6, 8));
    EXPECT(!cache_fork_reads(&none, &at, 1, UINT64_MAX));
}

/* Of each the root has an image, of the pages that were changed after it. */
TEST(branch, a_child_that_goes_takes_along_what_no_other_reads)
{
    BranchId child[5];
    uint64_t kept[6];
    Tree tree;

    grow(&tree, sim_engine(), 0);
    kept[0] = count_images(&tree);
    EXPECT_EQ(kept[0], 0);
    for (int i = 0; i < 5; i++) {
        child[i] = fork_of(&tree, 1);
        kept[i + 1] = count_images(&tree);
        EXPECT(kept[i + 1] > kept[i]);
    }
    EXPECT(drop_branch(tree.cx, (int)child[1], NULL));
    EXPECT(drop_branch(tree.cx, (int)child[2], NULL));
    EXPECT_EQ(count_images(&tree), kept[5] - (kept[3] - kept[1]));
    for (int i = 0; i < 5; i++) {
        if (i != 1 && i != 2)
            expect_reads(&tree, child[i], ROWS + i, i == 0 ? 0 : NEW_ROW + (int)child[i - 1]);
    }
    /* what is changed from now on nobody keeps for the last one */
    EXPECT(drop_branch(tree.cx, (int)child[4], NULL));
    EXPECT_EQ(count_images(&tree), kept[1] + kept[4] - kept[3]);
    EXPECT_EQ(atomic_load(&heap_of(&tree, 1)->kept_epoch), heap_of(&tree, child[3])->fork_epoch);
    change(tree.cx, &tree.table, NEW_ROW);
    EXPECT_EQ(count_images(&tree), kept[1] + kept[4] - kept[3]);
    EXPECT(drop_branch(tree.cx, (int)child[0], NULL));
    EXPECT_EQ(count_images(&tree), kept[4] - kept[3]);
    expect_reads(&tree, child[3], ROWS + 3, NEW_ROW + (int)child[2]);
    EXPECT(drop_branch(tree.cx, (int)child[3], NULL));
    EXPECT_EQ(count_images(&tree), 0);
    expect_reads(&tree, 1, ROWS + 6, NEW_ROW);
    sim_end(tree.cx);
}

static bool
fork_branch(Ctx *cx, int parent, void *arg)
{
    BranchId child;

    (void)arg;
    sim_begin(cx);
    SIM_OK(cx, engine_branch_fork(cx, (BranchId)parent, &child));
    sim_commit(cx);
    return true;
}

/* Recovery has links from what was stored last, and pages and the epoch from where the log begins. */
TEST(branch, no_image_is_kept_for_a_fork_that_the_log_has_not_come_to)
{
    CacheRel *index;
    uint64_t kept;
    SimTable t;
    Tree tree;

    grow(&tree, sim_engine(), 1);
    index = cache_rel(tree.cx, tree.last, tree.table.index.relation);
    EXPECT_EQ(index->fork_epoch + 1, atomic_load(&tree.cache->epoch));
    atomic_store(&index->kept_epoch, index->fork_epoch + 1);
    kept = count_images(&tree);
    t = table_in(&tree, tree.last);
    change(tree.cx, &t, NEW_ROW);
    EXPECT_EQ(count_images(&tree), kept);
    sim_end(tree.cx);
}

/* As in the end of a transaction that drops it. */
static bool
unlink_heap(Ctx *cx, int branch, void *arg)
{
    branch_unlink(cx, heap_of(arg, (BranchId)branch), 1);
    return true;
}

/* Both read the same images. A fork holds them up when each has said that it goes. */
TEST(branch, of_two_children_that_go_at_once_nothing_stays)
{
    pid_t forker, leaving[2];
    BranchId first;
    Tree tree;

    EXPECT(stop_board_create());
    grow(&tree, sim_engine(), 1); /* this one stays */
    EXPECT(drop_branch(tree.cx, (int)fork_of(&tree, 1), NULL));
    first = tree.last + 2;
    EXPECT(fork_branch(tree.cx, 1, NULL));
    EXPECT_EQ(fork_of(&tree, 1), first + 1);
    EXPECT(heap_images_after(&tree, heap_of(&tree, tree.last)->fork_epoch) > 0);
    forker = stop_at(&tree, "branch.forked", fork_branch, 1);
    for (int i = 0; i < 2; i++)
        leaving[i] = sim_fork(tree.engine, unlink_heap, (int)first + i, &tree);
    for (int ms = 0; !heap_of(&tree, first)->unlinks || !heap_of(&tree, first + 1)->unlinks; ms++) {
        EXPECT(ms < PATIENCE_MS);
        usleep(1000);
    }
    stop_point_release("branch.forked");
    EXPECT(ends_soon(forker) && ends_soon(leaving[0]) && ends_soon(leaving[1]));
    EXPECT_EQ(atomic_load(&heap_of(&tree, 1)->children), 2);
    EXPECT_EQ(heap_images_after(&tree, heap_of(&tree, tree.last)->fork_epoch), 0);
    expect_reads(&tree, tree.last, ROWS, 0);
    expect_reads(&tree, first + 2, ROWS + 3, NEW_ROW + (int)first + 1);
}

/* Of every page an image is kept for a change that is not made. */
static void
change_nothing(const Tree *tree)
{
    const CacheRel *rel = heap_of(tree, 1);
    PageRef ref;

    for (BlockNo i = 0; i < cache_rel_length(rel, FORK_MAIN); i++) {
        SIM_OK(tree->cx, page_pin(tree->cx, rel, FORK_MAIN, i, &ref));
        page_latch_exclusive(tree->cx, &ref);
        page_change_begin(tree->cx, &ref);
        page_change_cancel(tree->cx, &ref);
        page_unpin(tree->cx, &ref);
    }
}

/* It was in flight when the image was kept, and had committed when the second child was made. */
TEST(branch, an_image_that_was_kept_for_nothing_is_kept_anew_for_who_is_forked_since)
{
    Ctx *other;
    Tree tree;

    grow(&tree, sim_engine(), 1);
    other = sim_session(tree.engine);
    sim_begin(other);
    sim_insert(other, &tree.table, (SimRow){NEW_ROW, NEW_ROW, "in flight", 0});
    EXPECT(fork_branch(tree.cx, 1, NULL));
    change_nothing(&tree);
    EXPECT(keeps_images(&tree, 1));
    sim_commit(other);
    EXPECT(fork_branch(tree.cx, 1, NULL));
    change(other, &tree.table, NEW_ROW + 1); /* of the same page */
    expect_reads(&tree, tree.last + 2, ROWS + 2, NEW_ROW);
    expect_reads(&tree, tree.last + 1, ROWS + 1, NEW_ROW + (int)tree.last);
    sim_end(other);
    sim_end(tree.cx);
}

/* ---- others come in between --------------------------------------------------------------------------------------- */

TEST(branch, who_is_forked_while_the_last_child_goes_reads_what_was)
{
    Tree tree;
    SimTable t;
    Snapshot s;
    BranchId child;
    SimRow row;
    pid_t pid;

    EXPECT(stop_board_create());
    grow(&tree, sim_engine(), 1);
    pid = stop_at(&tree, "branch.last_child_goes", drop_branch, (int)tree.last);
    child = fork_of(&tree, 1);
    t = table_in(&tree, child);
    stop_point_release("branch.last_child_goes");
    EXPECT(sim_join(pid));
    EXPECT_EQ(atomic_load(&heap_of(&tree, 1)->children), 1);
    EXPECT(atomic_load(&heap_of(&tree, 1)->kept_epoch) != 0);
    sim_begin(tree.cx);
    s = sim_snapshot(tree.cx);
    EXPECT_EQ(sim_count(tree.cx, &t, &s), ROWS + 1);
    EXPECT(!sim_get(tree.cx, &t, &s, NEW_ROW + (int)child, &row, NULL));
    EXPECT_EQ(sim_count(tree.cx, &tree.table, &s), ROWS + 2);
    sim_commit(tree.cx);
    sim_check(tree.cx, &t);
}

/* Else it might take back what the fork has just set: that images are kept. */
TEST(branch, the_end_of_the_last_child_waits_for_a_fork_under_way)
{
    Tree tree;
    pid_t dropper, forker;

    EXPECT(stop_board_create());
    grow(&tree, sim_engine(), 1);
    dropper = stop_at(&tree, "txn.commit.before_locks_go", drop_branch, (int)tree.last);
    forker = stop_at(&tree, "branch.forked", fork_branch, 1);
    stop_point_arm("page.fork_is_on", 0);
    stop_point_release("txn.commit.before_locks_go");
    EXPECT(stop_point_wait("page.fork_is_on", PATIENCE_MS, NULL));
    EXPECT_EQ(atomic_load(&heap_of(&tree, 1)->children), 2);
    stop_point_release("branch.forked");
    stop_point_release("page.fork_is_on");
    EXPECT(ends_soon(forker) && ends_soon(dropper));
    EXPECT_EQ(atomic_load(&heap_of(&tree, 1)->children), 1);
    EXPECT(atomic_load(&heap_of(&tree, 1)->kept_epoch) != 0);
}

TEST(branch, who_comes_and_goes_while_the_last_child_goes_leaves_nothing)
{
    Tree tree;
    pid_t pid;

    EXPECT(stop_board_create());
    grow(&tree, sim_engine(), 1);
    pid = stop_at(&tree, "branch.origin_is_done", drop_branch, (int)tree.last);
    EXPECT(drop_branch(tree.cx, (int)fork_of(&tree, 1), NULL));
    stop_point_release("branch.origin_is_done");
    EXPECT(sim_join(pid));
    EXPECT_EQ(atomic_load(&heap_of(&tree, 1)->children), 0);
    EXPECT(!keeps_images(&tree, 1));
}

TEST(branch, a_branch_dropped_while_its_last_child_goes_goes_once)
{
    for (int i = 0; i < (int)COUNT_OF(points); i++) {
        Tree tree;
        pid_t pid;

        EXPECT(stop_board_create());
        grow(&tree, sim_engine(), 1);
        pid = stop_at(&tree, points[i], drop_branch, (int)tree.last);
        EXPECT(drop_branch(tree.cx, 1, NULL));
        stop_point_release(points[i]);
        EXPECT(sim_join(pid));
        EXPECT(heap_of(&tree, 1) == NULL);
        EXPECT(heap_of(&tree, tree.last) == NULL);
        EXPECT_EQ(atomic_load(&tree.cache->pages_live), tree.pages_before);
        sim_end(tree.cx);
    }
}

static bool
fork_root(Ctx *cx, int no, void *arg)
{
    BranchId child;

    (void)no;
    (void)arg;
    sim_begin(cx);
    SIM_OK(cx, engine_branch_fork(cx, 1, &child));
    sim_commit(cx);
    return child == 2;
}

static bool
drop_relation(Ctx *cx, int relation, void *arg)
{
    (void)arg;
    sim_begin(cx);
    SIM_OK(cx, rel_drop_at_commit(cx, 1, (RelationId)relation));
    sim_commit(cx);
    return true;
}

TEST(branch, a_drop_that_commits_while_its_branch_is_forked_leaves_what_the_child_reads)
{
    pid_t forker, dropper;
    Snapshot s;
    SimTable t;
    Tree tree;

    EXPECT(stop_board_create());
    grow(&tree, sim_engine(), 0);
    forker = stop_at(&tree, "branch.linking", fork_root, 0);
    dropper = sim_fork(tree.engine, drop_relation, (int)tree.table.heap.relation, NULL);
    /* It gets to the commit latch; if that were free, it would end. */
    for (int i = 0; i < 2000 && atomic_load(&txn_shared(tree.cx->proc)->commit_latch.word) != 2; i++)
        usleep(1000);
    stop_point_release("branch.linking");
    EXPECT(ends_soon(forker));
    EXPECT(ends_soon(dropper));
    t = table_in(&tree, 2);
    sim_begin(tree.cx);
    s = sim_snapshot(tree.cx);
    EXPECT_EQ(sim_count(tree.cx, &t, &s), ROWS);
    sim_commit(tree.cx);
    EXPECT(atomic_load(&heap_of(&tree, 1)->gone_lsn) != 0);
}

/* ---- a checkpoint without a log (S4) ------------------------------------------------------------------------------ */

static void *
hold_and_let_go(void *arg)
{
    Ctx *cx = arg;

    page_hold_begin(cx);
    page_hold_end(cx);
    return NULL;
}

static void
begin_to_hold(const Tree *tree, pthread_t *holder)
{
    EXPECT_EQ(pthread_create(holder, NULL, hold_and_let_go, sim_session(tree->engine)), 0);
    while (atomic_load(&tree->cache->hold_flag) == 0)
        sched_yield();
}

TEST(branch, the_end_of_the_last_child_and_a_checkpoint_do_not_wait_for_each_other)
{
    pthread_t holder;
    Tree tree;
    pid_t pid;

    EXPECT(stop_board_create());
    grow(&tree, sim_engine(), 1);
    tree.cache->unlogged_store = 1;
    pid = stop_at(&tree, "branch.last_child_goes", drop_branch, (int)tree.last);
    begin_to_hold(&tree, &holder);
    stop_point_release("branch.last_child_goes");
    EXPECT(ends_soon(pid));
    pthread_join(holder, NULL);
    EXPECT(!keeps_images(&tree, 1));
}

TEST(branch, the_janitor_and_a_checkpoint_do_not_wait_for_each_other)
{
    pthread_t holder;
    Tree tree;

    EXPECT(stop_board_create());
    grow(&tree, sim_engine(), 1);
    tree.cache->unlogged_store = 1;
    kill_at(&tree, "branch.last_child_goes", drop_branch, (int)tree.last);
    begin_to_hold(&tree, &holder);
    EXPECT(ends_soon(sim_fork(tree.engine, step_as_janitor, 0, NULL)));
    pthread_join(holder, NULL);
    EXPECT(!keeps_images(&tree, 1));
}

typedef struct Commits {
    _Atomic uint32_t stop, count;
} Commits;

static bool
commit_for_ever(Ctx *cx, int no, void *arg)
{
    Commits *c = arg;

    (void)no;
    while (atomic_load(&c->stop) == 0) {
        Xid xid;

        sim_begin(cx);
        SIM_OK(cx, txn_assign_id(cx, &xid));
        sim_commit(cx);
        atomic_fetch_add(&c->count, 1);
    }
    return true;
}

TEST(branch, transactions_that_end_all_the_time_do_not_keep_a_checkpoint_waiting)
{
    enum { SESSIONS = 4, HOLDS = 100 };
    Commits *c = sim_shared(sizeof(*c));
    Engine *e = sim_engine();
    Ctx *cx = sim_session(e);
    pid_t pids[SESSIONS];

    page_cache(cx->proc)->unlogged_store = 1;
    for (int i = 0; i < SESSIONS; i++)
        pids[i] = sim_fork(e, commit_for_ever, i, c);
    for (int i = 0; i < HOLDS; i++) {
        uint32_t before;

        page_hold_begin(cx);
        before = atomic_load(&c->count);
        usleep(200);
        EXPECT(atomic_load(&c->count) <= before + SESSIONS); /* who had committed and was about to count */
        page_hold_end(cx);
        while (atomic_load(&c->count) == before)
            sched_yield();
    }
    atomic_store(&c->stop, 1);
    EXPECT(sim_join_all(pids, SESSIONS));
}

/* ---- changing what was forked ------------------------------------------------------------------------------------------------ */

/* It has the page pinned, and nothing set aside: nobody had ever forked. Pages latched after the first may have to be kept, too. */
TEST(branch, a_first_fork_between_pin_and_latch_leaves_room_for_all_images)
{
    Tree tree;
    PageRef ref;
    Ctx *cx;

    grow(&tree, sim_engine(), 0);
    cx = sim_session(tree.engine);
    for (uint32_t stash = 0; stash < CACHE_KEPT_MOST; stash++) {
        SIM_OK(cx, page_pin(cx, heap_of(&tree, 1), FORK_MAIN, 0, &ref));
        SIM_OK(cx, frame_reserve(cx, CACHE_KEPT_MOST, false));
        while (cx->proc->stash_count > stash)
            frame_release(cx->proc, cx->proc->stash[--cx->proc->stash_count]);
        (void)fork_of(&tree, 1);
        EXPECT(!page_try_exclusive(cx, &ref));
        page_latch_exclusive(cx, &ref);
        EXPECT(cx->proc->stash_count >= CACHE_KEPT_MOST);
        page_unpin(cx, &ref);
    }
    sim_end(cx);
    sim_end(tree.cx);
}

enum { TWICE = 7777 };

static bool
insert_and_find_it_there(Ctx *cx, int branch, void *arg)
{
    const Tree *tree = arg;
    SimTable t = table_in(tree, (BranchId)branch);
    SimRow row = {TWICE, 1, "first to look", 0};
    Cell cells[3];
    Tid tid, conflict;
    uint8_t key[5];

    sim_begin(cx);
    sim_cells(&row, cells);
    SIM_OK(cx, heap_insert(cx, &t.heap, cells, &tid));
    stop_point_arm("branch.page_copied", getpid());
    SIM_OK(cx, btree_insert(cx, &t.index, sim_key(TWICE, key), tid, BTREE_UNIQUE_CHECK, &t.heap, &conflict));
    txn_abort(cx);
    return conflict != TID_NONE;
}

/* So that only its place tells it from the origin's frame. */
static void
give_same_version(Tree *tree, BranchId to)
{
    CacheRel *from_rel = cache_rel(tree->cx, 1, tree->table.index.relation);
    CacheRel *to_rel = cache_rel(tree->cx, to, tree->table.index.relation);
    PageRef from, own;

    SIM_OK(tree->cx, page_pin(tree->cx, from_rel, FORK_MAIN, 0, &from));
    SIM_OK(tree->cx, page_pin(tree->cx, to_rel, FORK_MAIN, 0, &own));
    EXPECT(!page_is_linked(&own));
    atomic_store(&own.frame->latch,
                 (uint64_t)page_version(&from) << 32 | (uint32_t)atomic_load(&own.frame->latch));
    page_unpin(tree->cx, &own);
    page_unpin(tree->cx, &from);
}

TEST(branch, who_makes_a_leaf_its_own_first_and_inserts_is_noticed)
{
    Tree tree;
    SimTable t;
    pid_t pid;

    EXPECT(stop_board_create());
    grow(&tree, sim_engine(), 0);
    sim_begin(tree.cx);
    SIM_OK(tree.cx, engine_branch_fork(tree.cx, 1, &tree.last));
    sim_commit(tree.cx);
    pid = sim_fork(tree.engine, insert_and_find_it_there, (int)tree.last, &tree);
    EXPECT(stop_point_wait("branch.page_copied", PATIENCE_MS, NULL));
    t = table_in(&tree, tree.last);
    change(tree.cx, &t, TWICE);
    give_same_version(&tree, tree.last);
    stop_point_release("branch.page_copied");
    EXPECT(ends_soon(pid));
    sim_check(tree.cx, &t);
    sim_end(tree.cx);
}
