/* statement_cache.c - see statement_cache.h.
 *
 * A hash table with chains and one list in order of use. Nothing in it is shared with other sessions, so
 * there are no locks; what other sessions change shows in the catalog version of the plan. */
#include "backend/session/statement_cache.h"

#include "base/hash.h"

enum { BUCKETS = 128, STATEMENTS_MOST = 128, SEEN = 256, BYTES_MOST = 2 * 1024 * 1024 };

typedef struct CachedStatement CachedStatement;
struct CachedStatement {
    CachedStatement *chain; /* same bucket */
    CachedStatement *newer, *older; /* order of use */
    Prepared *p;
    uint64_t hash, environment;
    const char *shape;
    size_t shape_bytes;
    const Oid *types;
    int type_count, literal_count;
    size_t bytes;
};

struct StatementCache {
    CachedStatement *buckets[BUCKETS];
    CachedStatement *newest, *oldest;
    int count;
    size_t bytes;
    uint64_t seen[SEEN]; /* hashes of texts; bit 0 set: refused */
};

StatementCache *
statement_cache_new(Arena *session)
{
    return arena_new(session, StatementCache);
}

StatementKey
statement_key(Session *s, const LiteralText *text, const Oid *types, int type_count)
{
    StatementKey k = {.text = text, .types = types, .type_count = type_count};

    k.environment =
        hash_combine(hash_combine(settings_plan_key(s->settings), catalog_role(s->cx)), catalog_branch(s->cx));
    k.hash = hash_bytes_seeded(text->shape, text->shape_bytes, k.environment);
    if (type_count > 0)
        k.hash = hash_combine(k.hash, hash_bytes(types, sizeof(*types) * (size_t)type_count));
    return k;
}

/* ---- the two orders ------------------------------------------------------------------------------------------ */

static void
unlink_use(StatementCache *c, CachedStatement *e)
{
    if (e->newer != NULL)
        e->newer->older = e->older;
    else
        c->newest = e->older;
    if (e->older != NULL)
        e->older->newer = e->newer;
    else
        c->oldest = e->newer;
}

static void
link_newest(StatementCache *c, CachedStatement *e)
{
    e->newer = NULL;
    e->older = c->newest;
    if (c->newest != NULL)
        c->newest->newer = e;
    else
        c->oldest = e;
    c->newest = e;
}

static void
remove_entry(StatementCache *c, CachedStatement *e)
{
    CachedStatement **at = &c->buckets[e->hash % BUCKETS];
    Prepared *p = e->p;

    while (*at != e)
        at = &(*at)->chain;
    *at = e->chain;
    unlink_use(c, e);
    c->count--;
    c->bytes -= e->bytes;
    p->cached = false;
    prepared_release(p); /* the entry lies in its arena */
}

/* ---- finding --------------------------------------------------------------------------------------------------- */

static bool
matches(const CachedStatement *e, const StatementKey *k)
{
    if (e->hash != k->hash || e->environment != k->environment || e->shape_bytes != k->text->shape_bytes ||
        e->type_count != k->type_count || memcmp(e->shape, k->text->shape, e->shape_bytes) != 0)
        return false;
    if (e->type_count > 0 && memcmp(e->types, k->types, sizeof(*e->types) * (size_t)e->type_count) != 0)
        return false;
    /* The bytes that stand for literals in a shape may stand in a text that is taken as it is. */
    if (e->literal_count != k->text->count)
        return false;
    for (int i = 0; i < k->text->count; i++) {
        const Literal *mine = &e->p->literals->items[i];

        if (mine->taken ? (mine->minus_at < 0) != (k->text->items[i].minus_at < 0)
                        : !literal_same(e->p->literals, k->text, i))
            return false;
    }
    return true;
}

Prepared *
statement_cache_find(Session *s, const StatementKey *k)
{
    StatementCache *c = s->cache;
    CachedStatement *e = c->buckets[k->hash % BUCKETS];

    while (e != NULL && !matches(e, k))
        e = e->chain;
    if (e == NULL)
        return NULL;
    if (e->p->plan != NULL && e->p->plan->catalog_version != catalog_version(s->cx)) {
        remove_entry(c, e);
        return NULL;
    }
    if (c->newest != e) {
        unlink_use(c, e);
        link_newest(c, e);
    }
    return e->p;
}

bool
statement_cache_wants(Session *s, const StatementKey *k)
{
    uint64_t *seen = &s->cache->seen[k->hash % SEEN], mark = k->hash & ~UINT64_C(1);

    if ((*seen & ~UINT64_C(1)) == mark)
        return (*seen & 1) == 0;
    *seen = mark;
    return false;
}

void
statement_cache_refuse(Session *s, const StatementKey *k)
{
    s->cache->seen[k->hash % SEEN] = k->hash | 1;
}

/* ---- keeping ----------------------------------------------------------------------------------------------------- */

void
statement_cache_put(Session *s, const StatementKey *k, Prepared *p)
{
    StatementCache *c = s->cache;
    CachedStatement *e = arena_new(&p->arena, CachedStatement);

    ASSERT(!p->cached);
    e->p = p;
    e->hash = k->hash;
    e->environment = k->environment;
    e->shape = arena_memdup(&p->arena, k->text->shape, k->text->shape_bytes);
    e->shape_bytes = k->text->shape_bytes;
    e->types = arena_memdup(&p->arena, k->types, sizeof(*k->types) * (size_t)k->type_count);
    e->type_count = k->type_count;
    e->literal_count = k->text->count;
    e->bytes = p->arena.total_bytes + p->plan_arena.total_bytes;
    e->chain = c->buckets[e->hash % BUCKETS];
    c->buckets[e->hash % BUCKETS] = e;
    link_newest(c, e);
    c->count++;
    c->bytes += e->bytes;
    p->cached = true;
    while (c->oldest != e && (c->count > STATEMENTS_MOST || c->bytes > BYTES_MOST))
        remove_entry(c, c->oldest);
}

void
statement_cache_clear(Session *s)
{
    while (s->cache->newest != NULL)
        remove_entry(s->cache, s->cache->newest);
}
