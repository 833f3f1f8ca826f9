/* region.c - mapping, carving and giving back.
 *
 * A memfd has no name and no size limit of a mounted file system, and it lives as long as somebody
 * maps it: nothing to clean up after a crash. MAP_NORESERVE lets us reserve room for every frame the
 * ceiling allows; the kernel gives a page when it is first touched. */
#include "shmem/region/region.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CARVE_FIRST_BYTES = 4096 };

static_assert(sizeof(Region) <= CARVE_FIRST_BYTES, "the header has the first page for itself");

Status
region_create(Ctx *cx, const RegionOptions *options, Region **out)
{
    uint64_t limit = options->limit_bytes != 0 ? options->limit_bytes : region_default_limit(cx);
    /* A slack above the ceiling: freed frames given back to the system leave holes. */
    uint64_t frames = limit / PAGE_BYTES + limit / PAGE_BYTES / 8 + 1024;
    uint64_t bytes = CARVE_FIRST_BYTES + options->part_bytes + frames * options->frame_descriptor_bytes;
    Region *region;
    int fd;

    ASSERT(options->frame_descriptor_bytes > 0);
    bytes = ALIGN_UP(bytes, UINT64_C(2) << 20) + frames * PAGE_BYTES;
    fd = memfd_create("heliosdb", MFD_CLOEXEC);
    if (fd < 0)
        return fail(cx, ST_NO_MEMORY, "53200", "could not create shared memory: %s", strerror(errno));
    if (ftruncate(fd, (off_t)bytes) != 0) {
        int saved = errno;

        close(fd);
        (void)fail(cx, ST_NO_MEMORY, "53200", "could not reserve %llu MB of shared memory: %s",
                   (unsigned long long)(bytes >> 20), strerror(saved));
        if (saved == EFBIG)
            fail_hint(cx,
                      "Shared memory counts as a file, most of which is never used: \"ulimit -f unlimited\".");
        return ST_NO_MEMORY;
    }
    region = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (region == MAP_FAILED) {
        int saved = errno;

        close(fd);
        return fail(cx, ST_NO_MEMORY, "53200", "could not map %llu MB of shared memory: %s",
                    (unsigned long long)(bytes >> 20), strerror(saved));
    }
    close(fd); /* the mapping keeps it */
    madvise(region, bytes, MADV_DONTDUMP); /* core files of a database are read by strangers */
    region->magic = REGION_MAGIC;
    region->max_slots = options->max_slots;
    region->mapped_bytes = bytes;
    region->carved_bytes = CARVE_FIRST_BYTES;
    region->frame_count = frames;
    atomic_init(&region->used_bytes, 0);
    atomic_init(&region->limit_bytes, limit);
    *out = region;
    return ST_OK;
}

void
region_destroy(Region *region)
{
    if (region == NULL)
        return;
    ASSERT(region->magic == REGION_MAGIC);
    munmap(region, region->mapped_bytes);
}

void *
region_carve(Region *region, uint64_t bytes, uint64_t alignment)
{
    uint64_t at = ALIGN_UP(region->carved_bytes, alignment);

    ASSERT((alignment & (alignment - 1)) == 0);
    ASSERT(at + bytes <= region->mapped_bytes - region->frame_count * PAGE_BYTES);
    region->carved_bytes = at + bytes;
    return (char *)region + at;
}

void
region_give_back(Region *region, void *start, uint64_t bytes)
{
    ASSERT((char *)start >= (char *)region);
    ASSERT((char *)start + bytes <= (char *)region + region->mapped_bytes);
    ASSERT((uintptr_t)start % 4096 == 0);
    /* A kernel that refuses keeps the bytes: then they are only reused, not returned. */
    if (madvise(start, bytes, MADV_REMOVE) != 0)
        memset(start, 0, bytes);
}
