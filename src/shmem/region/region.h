/* src/shmem/region/region.h - one mapping that all processes of a server share.
 *
 * The postmaster creates it and every child inherits it, at the same address; nothing inside relies on
 * that: things in it are named by their offset (ShmRef). The mapping is a memfd (never a file in
 * /dev/shm, C5), reserved huge and touched little.
 *
 *   | Region | carved parts: slots, hash heads, ... | frame descriptors | frames of 8 KiB ... |
 *
 * Parts are carved once, before the first fork, and are zero. Whatever grows later takes frames from
 * the page cache (shmem/pagecache), which is also what the ceiling counts. */
#ifndef REGION_H
#define REGION_H
#include "base/ctx.h"
#include "base/ids.h"

typedef uint64_t ShmRef; /* offset from the region's start; 0 = none */
#define SHM_REF_NONE ((ShmRef)0)

/* Who has carved what; one root per module. */
typedef enum RegionPart {
    PART_PROC,
    PART_CACHE,
    PART_LOCK,
    PART_TXN,
    PART_REL,
    PART_ENGINE,
    PART_WAL,
    PART_STORE,
    PART_SPOTS,
    PART_COUNT
} RegionPart;

#define REGION_MAGIC UINT32_C(0x48656c69)

typedef struct Region {
    uint32_t magic; /* set once at start */
    uint32_t max_slots; /* set once at start */
    uint64_t mapped_bytes; /* set once at start */
    uint64_t carved_bytes; /* start-up only */
    uint64_t frame_count; /* set once at start: frames the mapping has room for */
    ShmRef part[PART_COUNT]; /* set once at start */
    /* C5: bytes of touched frames and of the budgets of all sessions, and their ceiling. */
    _Atomic uint64_t used_bytes __attribute__((aligned(64))); /* atomic */
    _Atomic uint64_t limit_bytes; /* atomic */
    _Atomic uint32_t was_short; /* atomic: somebody was refused memory since the janitor last looked */
} Region;

typedef struct RegionOptions {
    uint64_t limit_bytes; /* ceiling of C5; 0 = region_default_limit() */
    uint64_t part_bytes; /* room for carved parts, frame descriptors excluded */
    uint32_t frame_descriptor_bytes;
    uint32_t max_slots;
} RegionOptions;

/* 53200 when the system gives no mapping. */
MUST_CHECK Status region_create(Ctx *cx, const RegionOptions *options, Region **out);
/* Unmaps it in this process. */
void region_destroy(Region *region);
/* min(80 % of RAM, cgroup limit - 20 %) */
uint64_t region_default_limit(Ctx *cx);
/* What there is: the machine's memory, or the container's. */
uint64_t region_machine_bytes(Ctx *cx);

/* Zeroed bytes for a module's part. Start-up only; asserts that part_bytes was enough. */
void *region_carve(Region *region, uint64_t bytes, uint64_t alignment);
/* Tells the system that these bytes are not needed; they read as zero afterwards. */
void region_give_back(Region *region, void *start, uint64_t bytes);

static inline void *
region_ptr(const Region *region, ShmRef ref)
{
    return ref == SHM_REF_NONE ? NULL : (char *)region + ref;
}
static inline ShmRef
region_ref(const Region *region, const void *p)
{
    return p == NULL ? SHM_REF_NONE : (ShmRef)((const char *)p - (const char *)region);
}
static inline void *
region_part(const Region *region, RegionPart part)
{
    return (char *)region + region->part[part];
}

#endif
