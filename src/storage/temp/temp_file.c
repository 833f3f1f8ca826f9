/* temp_file.c - see temp_file.h.
 *
 * Compressing is tried on every block until it has not paid, then on one of some: most rows that are sorted or
 * hashed look alike from the first block to the last.
 *
 * All bytes that go to a disk pass through seal() and come back through unseal(); nothing else knows what lies
 * behind a block's bytes there: 12 bytes that are 0 and a tag, when the directory is encrypted; else a checksum. A file's key is
 * made for it and dies with it. Blocks are never written twice, so their place is a nonce. */
#include "storage/temp/temp_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <lz4.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/env.h"
#include "base/hash.h"
#include "shmem/proc/slot.h"
#include "storage/engine/engine.h"
#include "storage/seal/seal.h"

enum { COMPRESS_LEAST = 256, COMPRESS_MOST = 16 * 1024 * 1024, SKIP_BLOCKS = 15, PATH_MOST = 4096 };

/* Of a file in memory; the bytes lie behind it. */
typedef struct MemoryBlock {
    struct MemoryBlock *previous, *next;
    uint64_t bytes; /* with this header */
} MemoryBlock;

struct TempFile {
    Env *env;
    TempSpace *space;
    int fd; /* -1: in memory */
    uint64_t end; /* of the file; in memory: bytes held now */
    uint64_t most; /* bytes taken at a time */
    uint32_t skip; /* blocks that compressing is not tried on */
    char *packed; /* room for what is written or read next */
    size_t packed_bytes;
    Sealer *sealer; /* NULL = blocks are not encrypted */
    Budget *budget;
    MemoryBlock blocks; /* head of the ring */
};

/* ---- the folder ------------------------------------------------------------------------------------------------ */

Status
temp_folder_prepare(Ctx *cx, const char *folder)
{
    struct dirent *entry;
    DIR *d;

    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return fail(cx, ST_IO, "58030", "could not create directory \"%s\": %s", folder, strerror(errno));
    d = opendir(folder);
    if (d == NULL)
        return fail(cx, ST_IO, "58030", "could not open directory \"%s\": %s", folder, strerror(errno));
    while ((entry = readdir(d)) != NULL) {
        char path[PATH_MOST];

        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        (void)unlink(path); /* a folder somebody has put there is not ours */
    }
    closedir(d);
    return ST_OK;
}

/* ---- making and ending ----------------------------------------------------------------------------------------- */

static Status
make_key(Ctx *cx, Sealer **out)
{
    SealKey key;
    Status rc;

    if (!cx->env->random(cx->env, &key, sizeof(key)))
        return fail(cx, ST_IO, "58030", "the system gives no random numbers");
    rc = sealer_open(cx, &key, out);
    seal_wipe(&key, sizeof(key));
    return rc;
}

static Status
open_file(Ctx *cx, const char *folder, TempFile *f)
{
    char path[PATH_MOST]; /* the address makes it the only one of this process */
    int n = snprintf(path, sizeof(path), "%s/%d.%p", folder, (int)getpid(), (void *)f);

    if (n < 0 || (size_t)n >= sizeof(path))
        return fail(cx, ST_IO, "58030", "the path of the folder for temporary files is too long");
    f->fd = f->env->open(f->env, path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (f->fd < 0)
        return fail_path(cx, "create temporary file", path);
    (void)f->env->unlink(f->env, path);
    return ST_OK;
}

Status
temp_file_create(Ctx *cx, Budget *budget, TempFile **out)
{
    const char *folder = cx->engine != NULL ? engine_temp_folder(cx->engine) : NULL;
    TempFile *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return fail_memory(cx, sizeof(*f));
    f->env = cx->env;
    f->space = cx->temp;
    f->fd = -1;
    f->budget = budget;
    f->blocks.previous = f->blocks.next = &f->blocks;
    if (folder != NULL) {
        Status rc = engine_seals_temp(cx->engine) ? make_key(cx, &f->sealer) : ST_OK;

        if (rc == ST_OK)
            rc = open_file(cx, folder, f);
        if (rc != ST_OK) {
            sealer_close(f->sealer);
            free(f);
            return rc;
        }
    }
    *out = f;
    return ST_OK;
}

static void
give_room(TempFile *f, uint64_t bytes)
{
    f->end -= bytes;
    if (f->space != NULL)
        f->space->used_bytes -= bytes;
    if (f->fd < 0)
        budget_give(f->budget, bytes);
}

static void
free_block(TempFile *f, MemoryBlock *m)
{
    m->previous->next = m->next;
    m->next->previous = m->previous;
    give_room(f, m->bytes);
    free(m);
}

void
temp_file_close(Ctx *cx, TempFile *f)
{
    if (f == NULL)
        return;
    while (f->blocks.next != &f->blocks)
        free_block(f, f->blocks.next);
    if (f->fd >= 0) {
        (void)f->env->close(f->env, f->fd);
        give_room(f, f->end);
    }
    if (cx->proc != NULL && f->most > 0) {
        proc_count(cx->proc, COUNT_TEMP_FILES, 1);
        proc_count(cx->proc, COUNT_TEMP_BYTES, f->most);
    }
    if (f->space != NULL && f->most > 0 && f->space->ended != NULL)
        f->space->ended(cx, f->most);
    budget_give(f->budget, f->packed_bytes);
    sealer_close(f->sealer);
    free(f->packed);
    free(f);
}

uint64_t
temp_file_bytes(const TempFile *f)
{
    return f->most;
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

static Status
take_room(Ctx *cx, TempFile *f, uint64_t bytes)
{
    TempSpace *s = f->space;

    if (s != NULL && s->limited && s->used_bytes + bytes > s->limit_bytes)
        return fail(cx, ST_ERROR, "53400", "temporary file size exceeds temp_file_limit (%llukB)",
                    (unsigned long long)(s->limit_bytes / 1024));
    if (f->fd < 0 && !budget_take(f->budget, bytes))
        return fail_memory(cx, bytes);
    if (s != NULL)
        s->used_bytes += bytes;
    f->end += bytes;
    f->most = MAX_OF(f->most, f->end);
    return ST_OK;
}

static Status
need_packed(Ctx *cx, TempFile *f, size_t bytes)
{
    char *bigger;

    if (bytes <= f->packed_bytes)
        return ST_OK;
    if (!budget_take(f->budget, bytes - f->packed_bytes))
        return fail_memory(cx, bytes);
    bigger = realloc(f->packed, bytes);
    if (bigger == NULL) {
        budget_give(f->budget, bytes - f->packed_bytes);
        return fail_memory(cx, bytes);
    }
    f->packed = bigger;
    f->packed_bytes = bytes;
    return ST_OK;
}

/* The bytes to be stored: *stored of them in f->packed, or as many as were given if they are to stay as they are. */
static Status
pack(Ctx *cx, TempFile *f, const void *data, uint32_t bytes, uint32_t *stored)
{
    int n;

    *stored = bytes;
    if (bytes < COMPRESS_LEAST || bytes > COMPRESS_MOST)
        return ST_OK;
    if (f->skip > 0) {
        f->skip--;
        return ST_OK;
    }
    TRY(need_packed(cx, f, (size_t)LZ4_compressBound((int)bytes) + TEMP_TRAILER_BYTES));
    n = LZ4_compress_fast(data, f->packed, (int)bytes, (int)f->packed_bytes - TEMP_TRAILER_BYTES, 2);
    if (n > 0 && (uint32_t)n < bytes - bytes / 4)
        *stored = (uint32_t)n;
    else
        f->skip = SKIP_BLOCKS;
    return ST_OK;
}

enum { TAG_AT = TEMP_TRAILER_BYTES - SEAL_TAG_BYTES };

/* Fills the trailer of a block whose bytes may be changed in place. */
static Status
seal(Ctx *cx, const TempFile *f, char *block, uint32_t bytes, uint64_t at)
{
    char *trailer = block + bytes;

    memset(trailer, 0, TEMP_TRAILER_BYTES);
    if (f->sealer != NULL)
        return sealer_seal(cx, f->sealer, at, (SealBound){0}, block, bytes, block, (uint8_t *)trailer + TAG_AT);
    put_be64(trailer, hash_bytes(block, bytes) ^ at);
    return ST_OK;
}

static bool
unseal(const TempFile *f, char *block, uint32_t bytes, uint64_t at)
{
    if (f->sealer != NULL)
        return sealer_unseal(f->sealer, at, (SealBound){0}, block, bytes, block,
                             (uint8_t *)block + bytes + TAG_AT);
    return get_be64(block + bytes) == (hash_bytes(block, bytes) ^ at);
}

static Status
fail_write(Ctx *cx, int error)
{
    bool full = env_is_full(error);

    (void)fail(cx, ST_IO, full ? "53100" : "58030", "could not write to a temporary file: %s", strerror(error));
    if (full)
        fail_hint(cx, "Free some space in the folder \"%s\".", engine_temp_folder(cx->engine));
    return ST_IO;
}

static Status
write_file(Ctx *cx, TempFile *f, uint32_t stored, TempBlock *out)
{
    size_t total = (size_t)stored + TEMP_TRAILER_BYTES, done = 0;
    uint64_t at = f->end;

    TRY(take_room(cx, f, total)); /* from here on the place is used up, whatever happens */
    TRY(seal(cx, f, f->packed, stored, at));
    while (done < total) {
        ssize_t n = f->env->pwrite(f->env, f->fd, f->packed + done, total - done, (off_t)(at + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail_write(cx, n == 0 ? ENOSPC : errno);
        done += (size_t)n;
    }
    out->at = at;
    return ST_OK;
}

static Status
write_memory(Ctx *cx, TempFile *f, const void *data, uint32_t stored, TempBlock *out)
{
    uint64_t total = sizeof(MemoryBlock) + stored;
    MemoryBlock *m;

    TRY(take_room(cx, f, total));
    m = malloc(total);
    if (m == NULL) {
        give_room(f, total);
        return fail_memory(cx, total);
    }
    *m = (MemoryBlock){f->blocks.previous, &f->blocks, total};
    m->previous->next = m;
    f->blocks.previous = m;
    memcpy(m + 1, data, stored);
    out->at = (uint64_t)(uintptr_t)m;
    return ST_OK;
}

Status
temp_file_write(Ctx *cx, TempFile *f, const void *data, uint32_t bytes, TempBlock *out)
{
    TempBlock b = {.bytes = bytes};

    TRY(pack(cx, f, data, bytes, &b.stored_bytes));
    if (f->fd < 0) {
        TRY(write_memory(cx, f, b.stored_bytes < bytes ? f->packed : data, b.stored_bytes, &b));
    } else {
        if (b.stored_bytes == bytes) {
            TRY(need_packed(cx, f, (size_t)bytes + TEMP_TRAILER_BYTES));
            memcpy(f->packed, data, bytes);
        }
        TRY(write_file(cx, f, b.stored_bytes, &b));
    }
    *out = b;
    return ST_OK;
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

static Status
fail_damaged(Ctx *cx)
{
    return fail(cx, ST_CORRUPT, "XX001", "a temporary file has been damaged");
}

static Status
read_file(Ctx *cx, TempFile *f, TempBlock b)
{
    size_t total = (size_t)b.stored_bytes + TEMP_TRAILER_BYTES, done = 0;

    TRY(need_packed(cx, f, total));
    while (done < total) {
        ssize_t n = f->env->pread(f->env, f->fd, f->packed + done, total - done, (off_t)(b.at + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(cx, ST_IO, "58030", "could not read from a temporary file: %s", strerror(errno));
        if (n == 0)
            return fail_damaged(cx);
        done += (size_t)n;
    }
    return unseal(f, f->packed, b.stored_bytes, b.at) ? ST_OK : fail_damaged(cx);
}

Status
temp_file_read(Ctx *cx, TempFile *f, TempBlock b, void *out)
{
    const char *stored;

    if (f->fd < 0) {
        stored = (const char *)((MemoryBlock *)(uintptr_t)b.at + 1);
    } else {
        TRY(read_file(cx, f, b));
        stored = f->packed;
    }
    if (b.stored_bytes == b.bytes)
        memcpy(out, stored, b.bytes);
    else if (LZ4_decompress_safe(stored, out, (int)b.stored_bytes, (int)b.bytes) != (int)b.bytes)
        return fail_damaged(cx);
    return ST_OK;
}

void
temp_file_drop(TempFile *f, TempBlock b)
{
    if (f->fd < 0)
        free_block(f, (MemoryBlock *)(uintptr_t)b.at);
}
