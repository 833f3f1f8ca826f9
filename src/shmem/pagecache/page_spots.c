/* page_spots.c - see page_spots.h. A hash table of buckets, two cache lines each, that overwrite their oldest entry. */
#include "shmem/pagecache/page_spots.h"

#include "shmem/pagecache/pagecache.h"

enum { PER_FRAME = 3, SPOTS = 5, LATCHES = 64 };

typedef struct SpotEntry {
    BranchId branch;
    RelationId relation; /* 0 = free */
    BlockNo block;
    uint32_t file, offset;
    uint16_t bytes;
    uint8_t fork, spare;
} SpotEntry;

typedef struct SpotBucket {
    SpotEntry entries[SPOTS];
    uint32_t next; /* to be overwritten when all are taken */
    uint32_t spare;
} SpotBucket;

static_assert(sizeof(SpotBucket) == 128, "two cache lines");

/* Part PART_SPOTS. */
typedef struct PageSpots {
    uint32_t bucket_count; /* set once at start */
    _Atomic uint32_t gone; /* atomic */
    Latch latches[LATCHES]; /* of every LATCHES-th bucket */
    SpotBucket buckets[] __attribute__((aligned(128))); /* latches */
} PageSpots;

uint64_t
page_spots_bytes(uint32_t page_frames)
{
    return sizeof(PageSpots) + 128 + (uint64_t)page_frames * PER_FRAME * sizeof(SpotBucket);
}

void
page_spots_carve(Region *region, uint32_t page_frames)
{
    PageSpots *t = region_carve(region, page_spots_bytes(page_frames) - 128, 128);

    t->bucket_count = page_frames * PER_FRAME;
    for (int i = 0; i < LATCHES; i++)
        latch_init(&t->latches[i], LATCH_PAGE_SPOTS);
    region->part[PART_SPOTS] = region_ref(region, t);
}

static PageSpots *
spots(const Proc *proc)
{
    return region_ptr(proc_region(proc), proc_region(proc)->part[PART_SPOTS]);
}

static uint32_t
bucket_of(const PageSpots *t, PageId id)
{
    uint64_t h = ((uint64_t)id.branch << 32 | id.relation) * UINT64_C(0x9e3779b97f4a7c15);

    h = (h ^ h >> 32 ^ ((uint64_t)id.fork << 32 | id.block)) * UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(((h >> 32) * t->bucket_count) >> 32);
}

static bool
is_of(const SpotEntry *e, PageId id)
{
    return e->relation == id.relation && e->block == id.block && e->branch == id.branch && e->fork == id.fork;
}

void
page_spots_put(Proc *proc, PageId id, const PageSpot *spot)
{
    PageSpots *t = spots(proc);
    SpotBucket *b;
    SpotEntry *e;
    uint32_t no;
    int free = -1;

    if (t == NULL || t->bucket_count == 0)
        return;
    ASSERT(id.relation != RELATION_NONE);
    ASSERT(spot->file != 0);
    ASSERT(spot->bytes <= PAGE_SPOT_BYTES_MOST);
    no = bucket_of(t, id);
    b = &t->buckets[no];
    latch_take(proc, &t->latches[no % LATCHES]);
    for (int i = SPOTS - 1; i >= 0; i--) {
        ASSERT(!is_of(&b->entries[i], id)); /* it has been in memory, so there is none */
        if (b->entries[i].relation == RELATION_NONE)
            free = i;
    }
    if (free < 0)
        free = (int)(b->next++ % SPOTS);
    e = &b->entries[free];
    *e = (SpotEntry){.branch = id.branch,
                     .relation = id.relation,
                     .block = id.block,
                     .fork = id.fork,
                     .file = spot->file,
                     .offset = spot->offset,
                     .bytes = (uint16_t)spot->bytes};
    latch_drop(proc, &t->latches[no % LATCHES]);
}

bool
page_spots_take(Proc *proc, PageId id, PageSpot *out)
{
    PageSpots *t = spots(proc);
    bool found = false;
    SpotBucket *b;
    uint32_t no;

    if (t == NULL || t->bucket_count == 0)
        return false;
    no = bucket_of(t, id);
    b = &t->buckets[no];
    latch_take(proc, &t->latches[no % LATCHES]);
    for (int i = 0; i < SPOTS && !found; i++) {
        SpotEntry *e = &b->entries[i];

        if (!is_of(e, id))
            continue;
        *out = (PageSpot){.file = e->file, .offset = e->offset, .bytes = e->bytes};
        e->relation = RELATION_NONE;
        found = true;
    }
    latch_drop(proc, &t->latches[no % LATCHES]);
    return found;
}

void
page_spots_files_gone(Proc *proc)
{
    PageSpots *t = spots(proc);

    if (t == NULL)
        return;
    atomic_fetch_add(&t->gone, 1);
    proc_tell_files_gone(proc_table_of(proc));
}

uint32_t
page_spots_gone_count(const Proc *proc)
{
    const PageSpots *t = spots(proc);

    return t != NULL ? atomic_load_explicit(&t->gone, memory_order_relaxed) : 0;
}
