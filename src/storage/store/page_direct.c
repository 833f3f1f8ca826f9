/* page_direct.c - see page_direct.h. */
#include "storage/store/page_direct.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/env.h"
#include "shmem/proc/slot.h"
#include "storage/store/page_store.h"
#include "storage/store/table_format.h"

typedef struct OpenFile {
    uint32_t no; /* 0 = none */
    int fd;
} OpenFile;

typedef struct PageDirect {
    PageReader base;
    const char *folder;
    uint32_t gone_count; /* page_spots_gone_count when the oldest of the files was opened */
    OpenFile files[DIRECT_FILES]; /* by number */
    char packed[TABLE_BLOCK_MOST + 1], plain[TABLE_BLOCK_MOST];
} PageDirect;

static void
close_file(Ctx *cx, OpenFile *file)
{
    (void)cx->env->close(cx->env, file->fd);
    file->no = 0;
    atomic_fetch_sub_explicit(&cx->proc->files_open, 1, memory_order_relaxed);
}

static void
close_all(Ctx *cx, PageDirect *d)
{
    for (int i = 0; i < DIRECT_FILES && atomic_load_explicit(&cx->proc->files_open, memory_order_relaxed) != 0;
         i++) {
        if (d->files[i].no != 0)
            close_file(cx, &d->files[i]);
    }
}

/* -1: it can not be opened. */
static int
file_of(Ctx *cx, PageDirect *d, uint32_t no)
{
    uint32_t gone = page_spots_gone_count(cx->proc);
    OpenFile *file = &d->files[no % DIRECT_FILES];
    char path[4096];
    int fd;

    if (UNLIKELY(gone != d->gone_count)) {
        close_all(cx, d);
        d->gone_count = gone;
    }
    if (LIKELY(file->no == no))
        return file->fd;
    if (file->no != 0)
        close_file(cx, file);
    snprintf(path, sizeof(path), "%s/%06u.sst", d->folder, no);
    fd = cx->env->open(cx->env, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    *file = (OpenFile){.no = no, .fd = fd};
    atomic_fetch_add_explicit(&cx->proc->files_open, 1, memory_order_relaxed);
    return fd;
}

static bool
read_packed(Ctx *cx, PageDirect *d, const PageSpot *spot, size_t bytes)
{
    int fd = file_of(cx, d, spot->file);
    ssize_t got;

    if (fd < 0)
        return false;
    proc_set_wait(cx->proc, WAIT_FILE_READ);
    got = cx->env->pread(cx->env, fd, d->packed, bytes, (off_t)spot->offset);
    proc_set_wait(cx->proc, WAIT_NONE);
    return got == (ssize_t)bytes;
}

static bool
read_page(Ctx *cx, PageReader *reader, PageId id, const PageSpot *spot, char *page)
{
    PageDirect *d = (PageDirect *)reader;
    uint8_t key[STORE_PAGE_KEY_MOST];
    uint32_t key_bytes = store_page_key(id, 0, key);
    size_t packed_bytes = (size_t)spot->bytes + 1, plain_bytes, value_bytes;
    const char *value;

    if (packed_bytes > sizeof(d->packed) || !read_packed(cx, d, spot, packed_bytes))
        return false;
    plain_bytes = table_plain_bytes(d->packed, packed_bytes);
    if (plain_bytes == 0 || plain_bytes > sizeof(d->plain) ||
        !table_unpack(d->packed, packed_bytes, d->plain, plain_bytes) ||
        table_find(d->plain, plain_bytes, key, key_bytes, &value, &value_bytes) != TABLE_FOUND ||
        value_bytes != STORE_PAGE_VALUE_BYTES)
        return false;
    memcpy(page, value, PAGE_BYTES);
    return get_u64(value + PAGE_BYTES) == store_checksum(id, page);
}

PageReader *
page_direct_open(const char *folder)
{
    PageDirect *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return NULL;
    d->base.read = read_page;
    d->folder = folder;
    return &d->base;
}

void
page_direct_close(Ctx *cx, PageReader *reader)
{
    if (reader == NULL)
        return;
    close_all(cx, (PageDirect *)reader);
    free(reader);
}

void
page_direct_rest(Ctx *cx)
{
    if (cx->page_reader != NULL)
        close_all(cx, (PageDirect *)cx->page_reader);
}
