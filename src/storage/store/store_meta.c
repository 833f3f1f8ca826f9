/* store_meta.c - see store_meta.h. Keys: "Msuper", "Mr" branch relation, "Mb" branch, "Mi" number of an id table's
 * frame; numbers big-endian. */
#include "storage/store/store_meta.h"

#include "base/bytes.h"
#include "base/env.h"
#include "base/hash.h"
#include "storage/branch/fork.h"
#include "storage/engine/engine_shared.h"
#include "storage/rel/rel_upkeep.h"
#include "storage/txn/txn_shared.h"
#include "storage/wal/wal.h"

static const char super_key[] = "Msuper";

static void
rel_key(BranchId branch, RelationId relation, char out[10])
{
    memcpy(out, "Mr", 2);
    put_be32((uint8_t *)out + 2, branch);
    put_be32((uint8_t *)out + 6, relation);
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

typedef struct Collect {
    StoreBatch *batch;
    Lsn redo;
} Collect;

/* Is what is stored of it of no use any more? The latch: its last child leaves and says when, in one (branch_unlink). */
static bool
is_past(Ctx *cx, CacheRel *rel, Lsn redo)
{
    bool past;

    latch_take(cx->proc, &rel->extend);
    past = atomic_load(&rel->gone_lsn) != 0 && atomic_load(&rel->gone_lsn) <= redo &&
           rel->unlinked_lsn <= redo && atomic_load(&rel->children) == 0;
    latch_drop(cx->proc, &rel->extend);
    return past;
}

static StoredOld
stored_old(Ctx *cx, CacheRel *rel)
{
    return !rel->old_stored ? OLD_NONE : cache_rel_has_unread(cx, rel) ? OLD_UNREAD : OLD_STORED;
}

/* As of the redo position: a branch that was forked between there and its maker's commit does not have it. */
static Xid
maker_of(const CacheRel *rel, Lsn redo)
{
    Lsn made = atomic_load(&rel->made_lsn);

    return made != 0 && made <= redo ? 0 : atomic_load(&rel->made_xid);
}

static void
collect_rel(Ctx *cx, void *arg, CacheRel *rel)
{
    const Collect *c = arg;
    Lsn gone;
    RelMeta m = {.persistence = rel->persistence, .kind = rel->kind};
    char key[10];
    uint64_t hash;

    if (rel->relation == RELATION_NONE)
        return;
    rel_key(rel->branch, rel->relation, key);
    /* What was dropped after the redo position is still there for the log, and for links that were written before the drop. */
    if (is_past(cx, rel, c->redo)) {
        store_batch_delete(c->batch, key, sizeof(key));
        store_batch_delete_pages(c->batch, rel->branch, rel->relation);
        rel->leaving = 1;
        return;
    }
    if (rel->old_stored && atomic_load(&rel->children) == 0) { /* nobody needs its older images any more */
        store_batch_delete_old(c->batch, rel->branch, rel->relation);
        rel->old_stored = 0;
    }
    gone = atomic_load(&rel->gone_lsn);
    rel->gone_stored |= gone != 0 && gone <= c->redo;
    m.gone = rel->gone_stored;
    m.old_stored = stored_old(cx, rel);
    if (rel->origin != SHM_REF_NONE) {
        m.origin = ((const CacheRel *)region_ptr(proc_region(cx->proc), rel->origin))->branch;
        m.linked = rel->linked;
        m.fork_epoch = rel->fork_epoch;
        m.fork_csn = rel->fork_csn;
    }
    for (int fork = 0; fork < FORK_COUNT; fork++)
        m.length[fork] = cache_rel_length(rel, (Fork)fork);
    m.creator = maker_of(rel, c->redo);
    m.oldest_raw = rel->evicted_raw;
    if (rel->cached_raw != 0 && (m.oldest_raw == 0 || rel->cached_raw < m.oldest_raw))
        m.oldest_raw = rel->cached_raw;
    m.live_rows = atomic_load(&rel->live_rows);
    m.dead_rows = atomic_load(&rel->dead_rows);
    m.row_var_bytes = atomic_load(&rel->row_var_bytes);
    m.nulls_seen = atomic_load(&rel->nulls_seen);
    m.free_pages = atomic_load(&rel->free_pages);
    m.space_hint = atomic_load(&rel->space_hint);
    m.counter = atomic_load(&rel->counter);
    hash = hash_bytes(&m, sizeof(m)) | 1;
    if (hash == rel->stored_hash)
        return;
    rel->stored_hash = hash;
    store_batch_put(c->batch, key, sizeof(key), &m, sizeof(m));
}

static void
collect_branches(Ctx *cx, StoreBatch *batch)
{
    EngineShared *s = engine_shared(cx->engine);

    for (uint32_t i = 0; i < s->branch_high; i++) {
        const BranchEntry *e = &s->branches[i];
        BranchMeta m = {.parent = e->parent,
                        .fork_epoch = e->fork_epoch,
                        .fork_csn = e->fork_csn,
                        .creator = atomic_load(&e->creator_xid)};
        char key[6] = "Mb";

        put_be32((uint8_t *)key + 2, e->id);
        if (e->state == BRANCH_LIVE)
            store_batch_put(batch, key, sizeof(key), &m, sizeof(m));
        else
            store_batch_delete(batch, key, sizeof(key));
    }
}

static void
id_key(uint64_t no, char out[10])
{
    memcpy(out, "Mi", 2);
    put_be32((uint8_t *)out + 2, (uint32_t)(no >> 32));
    put_be32((uint8_t *)out + 6, (uint32_t)no);
}

void
store_meta_collect_ids(Ctx *cx, StoreBatch *batch, Xid from, Xid trimmed)
{
    IdTable *t = &txn_shared(cx->proc)->ids;
    const PageCache *cache = page_cache(cx->proc);
    Xid next = atomic_load(&t->next);
    char key[10], first[10], last[10];

    for (uint64_t no = from / ID_PER_FRAME; no * ID_PER_FRAME < next; no++) {
        uint32_t frame;

        latch_take(cx->proc, &t->latch); /* against trimming */
        frame = atomic_load(&t->directory[no % ID_DIRECTORY]);
        id_key(no, key);
        if (frame != 0 && no >= atomic_load(&t->trimmed) / ID_PER_FRAME)
            store_batch_put(batch, key, sizeof(key), cache_frame_bytes(cache, frame), PAGE_BYTES);
        latch_drop(cx->proc, &t->latch);
    }
    id_key(0, first);
    id_key(trimmed / ID_PER_FRAME, last);
    store_batch_delete_range(batch, first, sizeof(first), last, sizeof(last));
}

void
store_super_put(StoreBatch *batch, const StoreSuper *super)
{
    store_batch_put(batch, super_key, sizeof(super_key) - 1, super, sizeof(*super));
}

void
store_meta_collect(Ctx *cx, StoreBatch *batch, const StoreSuper *super)
{
    Collect c = {batch, super->redo};

    cache_rel_each(cx, collect_rel, &c);
    collect_branches(cx, batch);
}

static void
forget_stored(Ctx *cx, void *arg, CacheRel *rel)
{
    (void)cx;
    (void)arg;
    rel->stored_hash = 0;
    rel->leaving = 0;
    rel->old_stored = 1; /* perhaps: their deletion may have been in it */
}

void
store_meta_forget_stored(Ctx *cx)
{
    cache_rel_each(cx, forget_stored, NULL);
}

/* Not whoever is past the redo position by now: who dropped it may have said so only after we had collected it as living. */
static void
forget_gone(Ctx *cx, void *arg, CacheRel *rel)
{
    (void)arg;
    if (rel->relation != RELATION_NONE && rel->leaving)
        cache_rel_forget(cx, rel);
}

void
store_meta_forget_gone(Ctx *cx)
{
    cache_rel_each(cx, forget_gone, NULL);
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static Status
fail_super(Ctx *cx, const char *what, uint64_t value)
{
    return fail(cx, ST_CORRUPT, "XX001", "the page store's superblock is damaged: %s (%llx)", what,
                (unsigned long long)value);
}

/* What others take for granted of it. */
static Status
verify_super(Ctx *cx, const StoreSuper *s)
{
    if (s->redo < WAL_FIRST_LSN || s->redo % WAL_ALIGN != 0)
        return fail_super(cx, "no log record begins at its redo position", s->redo);
    if (s->redo >
        MAX_OF(s->durable, WAL_FIRST_LSN)) /* a store that has no checkpoint yet knows of no durable log */
        return fail_super(cx, "the log was not durable up to its redo position", s->redo);
    if (s->trimmed < XID_FIRST || s->trimmed > s->next_xid)
        return fail_super(cx, "it has forgotten transactions that there never were", s->trimmed);
    if (s->next_xid - s->trimmed > UINT64_C(2) * ID_DIRECTORY * ID_PER_FRAME)
        return fail_super(cx, "it knows more transactions than there can be", s->next_xid);
    if (s->last_csn >= UINT64_C(1) << 63) /* T1 */
        return fail_super(cx, "its last commit number is none", s->last_csn);
    return ST_OK;
}

Status
store_super_read(Ctx *cx, PageStore *store, StoreSuper *out, bool *found)
{
    Buf value = {0};
    Status rc = store->methods->get(cx, store, super_key, sizeof(super_key) - 1, &value, found);

    if (rc == ST_OK && *found) {
        if (value.bytes == 0)
            rc = fail(cx, ST_CORRUPT, "XX001", "the page store's superblock is damaged");
        else if (value.bytes != sizeof(*out))
            rc = fail(cx, ST_CORRUPT, "XX001", "the page store's superblock has %zu bytes", value.bytes);
        else
            memcpy(out, value.data, sizeof(*out));
    }
    buf_free(&value);
    TRY(rc);
    if (*found && out->version != STORE_FORMAT_VERSION)
        return fail(cx, ST_CORRUPT, "XX001", "the page store has format version %u, this server knows %d",
                    out->version, STORE_FORMAT_VERSION);
    if (*found && out->features != 0)
        return fail(cx, ST_CORRUPT, "XX001", "the page store has features this server does not know: %llx",
                    (unsigned long long)out->features);
    return *found ? verify_super(cx, out) : ST_OK;
}

static Status
take_rel_meta(Ctx *cx, const char *key, size_t key_bytes, const char *value, size_t value_bytes, RelMeta *out)
{
    if (key_bytes != 10 || value_bytes != sizeof(*out) || get_be32((const uint8_t *)key + 6) == RELATION_NONE)
        return fail(cx, ST_CORRUPT, "XX001", "the page store has a damaged entry of a relation");
    memcpy(out, value, sizeof(*out));
    return ST_OK;
}

static Status
load_rel(Ctx *cx, void *arg, const char *key, size_t key_bytes, const char *value, size_t value_bytes)
{
    CacheRel *rel;
    RelMeta m;

    (void)arg;
    TRY(take_rel_meta(cx, key, key_bytes, value, value_bytes, &m));
    TRY(cache_rel_make(cx, get_be32((const uint8_t *)key + 2), get_be32((const uint8_t *)key + 6),
                       (Persistence)m.persistence, &rel));
    rel->kind = m.kind;
    for (int fork = 0; fork < FORK_COUNT; fork++)
        atomic_store(&rel->forks[fork].length, m.length[fork]);
    rel_set_maker(rel, m.creator);
    rel->evicted_raw = m.oldest_raw;
    atomic_store(&rel->live_rows, m.live_rows);
    atomic_store(&rel->dead_rows, m.dead_rows);
    atomic_store(&rel->row_var_bytes, m.row_var_bytes);
    atomic_store(&rel->nulls_seen, m.nulls_seen);
    atomic_store(&rel->free_pages, m.free_pages);
    atomic_store(&rel->space_hint, m.space_hint);
    atomic_store(&rel->counter, m.counter);
    rel->old_stored = m.old_stored != OLD_NONE;
    rel->children_gone = m.old_stored == OLD_UNREAD;
    rel->gone_stored = m.gone;
    if (m.gone)
        atomic_store(&rel->gone_lsn, 1);
    return ST_OK;
}

/* When all relations are there: the links between them. */
static Status
load_link(Ctx *cx, void *arg, const char *key, size_t key_bytes, const char *value, size_t value_bytes)
{
    CacheRel *child, *origin;
    RelMeta m;

    (void)arg;
    TRY(take_rel_meta(cx, key, key_bytes, value, value_bytes, &m)); /* it is read a second time */
    if (m.origin == 0)
        return ST_OK;
    child = cache_rel(cx, get_be32((const uint8_t *)key + 2), get_be32((const uint8_t *)key + 6));
    origin = cache_rel(cx, m.origin, get_be32((const uint8_t *)key + 6));
    if (child != NULL && origin == NULL && m.fork_epoch >= atomic_load(&page_cache(cx->proc)->epoch))
        return ST_OK; /* both are younger than the redo position: the log will make the origin, and the link */
    if (child == NULL || origin == NULL)
        return fail(cx, ST_CORRUPT, "XX001", "relation %u of branch %u is not where it was forked from",
                    get_be32((const uint8_t *)key + 6), m.origin);
    branch_link(cx, child, origin, m.fork_epoch, m.fork_csn, m.linked);
    return ST_OK;
}

static Status
load_branch(Ctx *cx, void *arg, const char *key, size_t key_bytes, const char *value, size_t value_bytes)
{
    BranchMeta m;

    (void)arg;
    if (key_bytes != 6 || value_bytes != sizeof(m))
        return fail(cx, ST_CORRUPT, "XX001", "the page store has a damaged entry of a branch");
    memcpy(&m, value, sizeof(m));
    {
        BranchEntry *e;

        TRY(branch_restore(cx, get_be32((const uint8_t *)key + 2), m.creator, &e));
        e->parent = m.parent;
        e->fork_epoch = m.fork_epoch;
        e->fork_csn = m.fork_csn;
    }
    return ST_OK;
}

static Status
load_ids(Ctx *cx, void *arg, const char *key, size_t key_bytes, const char *value, size_t value_bytes)
{
    IdTable *t = &txn_shared(cx->proc)->ids;
    uint64_t no;
    uint32_t frame;

    (void)arg;
    if (key_bytes != 10 || value_bytes != PAGE_BYTES)
        return fail(cx, ST_CORRUPT, "XX001", "the page store has a damaged part of the id table");
    no = (uint64_t)get_be32((const uint8_t *)key + 2) << 32 | get_be32((const uint8_t *)key + 6);
    frame = atomic_load(&t->directory[no % ID_DIRECTORY]);
    if (no < atomic_load(&t->trimmed) / ID_PER_FRAME || no * ID_PER_FRAME >= atomic_load(&t->next) ||
        frame == 0)
        return ST_OK;
    memcpy(cache_frame_bytes(page_cache(cx->proc), frame), value, PAGE_BYTES);
    return ST_OK;
}

Status
store_meta_load(Ctx *cx, PageStore *store, const StoreSuper *super)
{
    EngineShared *e = engine_shared(cx->engine);
    TxnShared *s = txn_shared(cx->proc);

    atomic_store(&page_cache(cx->proc)->epoch, super->epoch);
    atomic_store(&page_cache(cx->proc)->rels.next_relation, super->next_relation);
    atomic_store(&e->next_oid, super->next_oid);
    e->next_branch = super->next_branch;
    s->last_csn = super->last_csn;
    atomic_store(&s->ids.trimmed, super->trimmed);
    atomic_store(&s->ids.next, super->trimmed);
    TRY(id_restore(cx, &s->ids, super->next_xid));
    TRY(store->methods->scan(cx, store, "Mi", 2, load_ids, NULL));
    id_forget_open_subs(cx, &s->ids);
    atomic_store(&s->recover_floor, id_least_open(cx, &s->ids));
    TRY(store->methods->scan(cx, store, "Mb", 2, load_branch, NULL));
    TRY(store->methods->scan(cx, store, "Mr", 2, load_rel, NULL));
    return store->methods->scan(cx, store, "Mr", 2, load_link, NULL);
}
