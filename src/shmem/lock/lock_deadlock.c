/* lock_deadlock.c - looking for cycles among waiting sessions.
 *
 * Done by a session that has waited for deadlock_timeout, with every partition latched, so the graph
 * stands still. There are two kinds of edges from a waiter: hard ones to the holders it conflicts
 * with, and soft ones to sessions in front of it in the same queue whose wish conflicts with its own.
 *
 * 1. Search depth-first from ourselves for a path back to ourselves.
 * 2. If the cycle has a soft edge, try the other order of those two in their queue; if then neither
 *    of them is on a cycle, keep that order, grant what it allows, and nobody dies.
 * 3. Otherwise we are the victim. */
#include <stdio.h>

#include "base/buf.h"
#include "shmem/lock/lock_int.h"

enum { PATH_MOST = 4096 }; /* a cycle of more sessions is not found: the search is recursive */

typedef struct Edge {
    Proc *waiter, *blocker;
    LockKey key;
    LockMode mode;
    bool soft;
} Edge;

typedef struct Search {
    Proc *proc; /* who searches */
    Proc *start;
    uint64_t *visited; /* bit per slot */
    Edge *path, *cycle; /* path_most each */
    int path_most, depth, found; /* found: edges of the cycle */
} Search;

static bool search_from(Search *s, Proc *at);

static bool
follow(Search *s, Proc *at, const LockObject *o, Proc *blocker, bool soft)
{
    if (blocker == at || s->depth == s->path_most)
        return false;
    s->path[s->depth++] = (Edge){at, blocker, o->key, (LockMode)at->wait_mode, soft};
    if (blocker == s->start) {
        s->found = s->depth;
        return true;
    }
    if (search_from(s, blocker))
        return true;
    s->depth--;
    return false;
}

static bool
search_from(Search *s, Proc *at)
{
    const LockObject *o = lock_ptr(s->proc, at->wait_lock);
    ProcTable *procs = proc_table_of(s->proc);

    if (o == NULL || (s->visited[at->no / 64] >> (at->no % 64) & 1))
        return false;
    s->visited[at->no / 64] |= UINT64_C(1) << (at->no % 64);
    for (LockHolder *h = lock_ptr(s->proc, o->holders); h != NULL; h = lock_ptr(s->proc, h->object_next)) {
        if ((lock_conflicts[at->wait_mode] & h->mask) && follow(s, at, o, proc_slot(procs, h->proc_no), false))
            return true;
    }
    for (Proc *w = lock_ptr(s->proc, o->queue_first); w != NULL && w != at;
         w = lock_ptr(s->proc, w->wait_next)) {
        if ((lock_conflicts[at->wait_mode] >> w->wait_mode & 1) && follow(s, at, o, w, true))
            return true;
    }
    return false;
}

static bool
find_cycle(Search *s, Proc *start)
{
    memset(s->visited, 0, (proc_table_of(s->proc)->slot_count + 63) / 64 * sizeof(uint64_t));
    s->start = start;
    s->depth = s->found = 0;
    return search_from(s, start);
}

static void
move_before(Proc *proc, Proc *waiter, Proc *before)
{
    LockObject *o = lock_ptr(proc, waiter->wait_lock);
    LockMode mode = (LockMode)waiter->wait_mode;

    lock_queue_remove(proc, o, waiter);
    lock_queue_insert(proc, o, waiter, before, mode);
}

/* 2. Turns round one soft edge of the cycle, if that frees everybody concerned. */
static bool
turn_soft_edge(Search *s)
{
    int count = s->found;
    Edge *cycle = s->cycle;

    memcpy(cycle, s->path, sizeof(Edge) * (size_t)count);
    for (int i = 0; i < count; i++) {
        Proc *waiter = cycle[i].waiter, *ahead = cycle[i].blocker;
        Proc *old_next = lock_ptr(s->proc, waiter->wait_next);

        if (!cycle[i].soft)
            continue;
        move_before(s->proc, waiter, ahead);
        if (!find_cycle(s, waiter) && !find_cycle(s, ahead) && !find_cycle(s, s->proc)) {
            lock_queue_wake(s->proc, lock_ptr(s->proc, waiter->wait_lock));
            return true;
        }
        move_before(s->proc, waiter, old_next);
    }
    memcpy(s->path, cycle, sizeof(Edge) * (size_t)count);
    s->found = count;
    return false;
}

static void
describe_key(const LockKey *key, char *out, size_t bytes)
{
    switch (key->kind) {
    case LOCK_KIND_RELATION: snprintf(out, bytes, "relation %u of database %u", key->a, key->branch); break;
    case LOCK_KIND_TRANSACTION: snprintf(out, bytes, "transaction %llu", (unsigned long long)key->b); break;
    case LOCK_KIND_TUPLE:
    case LOCK_KIND_TUPLE_SHARED:
        snprintf(out, bytes, "tuple (%u,%u) of relation %u of database %u", tid_block(key->b), tid_slot(key->b),
                 key->a, key->branch);
        break;
    case LOCK_KIND_ADVISORY:
        snprintf(out, bytes, "advisory lock [%u,%u,%u,%u]", key->branch,
                 key->sub == 1 ? (uint32_t)(key->b >> 32) : key->a, (uint32_t)key->b, key->sub);
        break;
    default:
        if (key->sub == LOCK_OBJECT_NAME)
            snprintf(out, bytes, "a name in class %u of database %u", key->a, key->branch);
        else
            snprintf(out, bytes, "object %u of class %u of database %u", (uint32_t)key->b, key->a, key->branch);
    }
}

static void
report(Ctx *cx, const Search *s)
{
    Buf text = {0};
    Activity activity;

    for (int i = 0; i < s->found; i++) {
        const Edge *e = &s->path[i];
        char what[128];

        describe_key(&e->key, what, sizeof(what));
        buf_printf(&text, "%sProcess %d waits for %s on %s; blocked by process %d.", i > 0 ? "\n" : "",
                   proc_pid(e->waiter), lock_mode_name(e->mode), what, proc_pid(e->blocker));
    }
    proc_count(cx->proc, COUNT_DEADLOCKS, 1);
    (void)fail(cx, ST_DEADLOCK, "40P01", "deadlock detected");
    fail_detail(cx, "%s", buf_cstr(&text));
    for (int i = 0; i < s->found; i++) {
        const Proc *waiter = s->path[i].waiter;
        bool active = proc_activity_read(proc_table_of(cx->proc), proc_no(waiter), &activity);

        buf_printf(&text, "\nProcess %d: %s", proc_pid(waiter), active ? activity.query : "");
    }
    fail_detail_log(cx, "%s", buf_cstr(&text));
    fail_hint(cx, "See server log for query details.");
    buf_free(&text);
}

bool
lock_deadlock_check(Ctx *cx)
{
    Proc *proc = cx->proc;
    LockTable *t = lock_table(proc);
    /* Before the latches: nothing allocates below them (C1). */
    Search *s = arena_new(cx->arena, Search);
    uint32_t slots = proc_table_of(proc)->slot_count;
    bool dead = false;

    s->proc = proc;
    s->visited = arena_array(cx->arena, uint64_t, (slots + 63) / 64);
    s->path_most = (int)MIN_OF(slots, (uint32_t)PATH_MOST);
    s->path = arena_array(cx->arena, Edge, (size_t)s->path_most);
    s->cycle = arena_array(cx->arena, Edge, (size_t)s->path_most);
    for (int i = 0; i < LOCK_PARTITIONS; i++)
        latch_take(proc, &t->part[i].latch);
    if (atomic_load(&proc->wait_state) == LOCK_WAITING && find_cycle(s, proc))
        dead = !turn_soft_edge(s);
    if (dead) { /* out of the graph at once: nobody else shall die of the same cycle */
        LockObject *o = lock_ptr(proc, proc->wait_lock);

        lock_queue_give_up(proc, o, proc);
        lock_queue_wake(proc, o);
    }
    for (int i = LOCK_PARTITIONS - 1; i >= 0; i--)
        latch_drop(proc, &t->part[i].latch);
    if (dead)
        report(cx, s);
    return dead;
}
