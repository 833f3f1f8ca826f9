/* page_direct.c - see page_direct.h. */
#include "storage/store/page_direct.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/env.h"
#include "storage/store/page_store.h"
#include "storage/store/table_format.h"

typedef struct OpenFile {
    uint32_t no; /* 0 = none */
    int fd;
} OpenFile;

typedef struct PageDirect {
    PageReader base;
    const char *folder;
    uint32_t gone_count; /* of page_spots_gone_count, when the first of those was opened */
    uint32_t open_count;
    OpenFile files[DIRECT_FILES]; /* by number */
    char packed[TABLE_BLOCK_MOST + 1], plain[TABLE_BLOCK_MOST];
} PageDirect;

static void
close_all(Env *env, PageDirect *d)
{
    for (int i = 0; i < DIRECT_FILES && d->open_count > 0; i++) {
        if (d->files[i].no == 0)
            continue;
        (void)env->close(env, d->files[i].fd);
        d->files[i].no = 0;
        d->open_count--;
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
        close_all(cx->env, d);
        d->gone_count = gone;
    }
    if (LIKELY(file->no == no))
        return file->fd;
    if (file->no != 0) {
        (void)cx->env->close(cx->env, file->fd);
        file->no = 0;
        d->open_count--;
    }
    snprintf(path, sizeof(path), "%s/%06u.sst", d->folder, no);
    fd = cx->env->open(cx->env, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    *file = (OpenFile){.no = no, .fd = fd};
    d->open_count++;
    return fd;
}

static bool
read_page(Ctx *cx, PageReader *reader, PageId id, const PageSpot *spot, char *page)
{
    PageDirect *d = (PageDirect *)reader;
    uint8_t key[STORE_PAGE_KEY_MOST];
    uint32_t key_bytes = store_page_key(id, 0, key);
    size_t packed_bytes = (size_t)spot->bytes + 1, plain_bytes, value_bytes;
    const char *value;
    int fd;

    if (packed_bytes > sizeof(d->packed))
        return false;
    fd = file_of(cx, d, spot->file);
    if (fd < 0 ||
        cx->env->pread(cx->env, fd, d->packed, packed_bytes, (off_t)spot->offset) != (ssize_t)packed_bytes)
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
    close_all(cx->env, (PageDirect *)reader);
    free(reader);
}

void
page_direct_rest(Ctx *cx)
{
    if (cx->page_reader != NULL)
        close_all(cx->env, (PageDirect *)cx->page_reader);
}

bool
page_direct_is_busy(const Ctx *cx)
{
    return cx->page_reader != NULL && ((const PageDirect *)cx->page_reader)->open_count > 0;
}
