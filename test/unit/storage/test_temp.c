/* Temporary files, below a folder and in memory: what is written comes back, limits hold, failures leave nothing. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/env.h"
#include "base/hash.h"
#include "harness.h"
#include "sim.h"
#include "storage/temp/temp_file.h"

enum { BLOCKS = 200, BLOCK_MOST = 40000 };

typedef struct Place {
    char folder[64];
    Engine *engine;
    Ctx *cx;
    TempSpace space;
    Budget budget;
    Env env;
    ssize_t room; /* bytes that may still be written; -1 = any number */
    char seen[BLOCK_MOST * 2]; /* what was written last */
    size_t seen_bytes;
    uint64_t flip_at; /* a bit of this byte is read wrong */
    int flip_bit; /* 0 = none */
} Place;

typedef enum Kind { IN_MEMORY, IN_FOLDER, ENCRYPTED, KINDS } Kind;

static ssize_t
limited_pwrite(Env *env, int fd, const void *data, size_t bytes, off_t at)
{
    Place *p = (Place *)(void *)((char *)env - offsetof(Place, env));

    p->seen_bytes = MIN_OF(bytes, sizeof(p->seen));
    memcpy(p->seen, data, p->seen_bytes);
    if (p->room == 0) {
        errno = ENOSPC;
        return -1;
    }
    if (p->room > 0) {
        bytes = MIN_OF(bytes, (size_t)p->room);
        p->room -= (ssize_t)bytes;
    }
    return env_system()->pwrite(env_system(), fd, data, bytes, at);
}

static ssize_t
flipping_pread(Env *env, int fd, void *out, size_t bytes, off_t at)
{
    Place *p = (Place *)(void *)((char *)env - offsetof(Place, env));
    ssize_t n = env_system()->pread(env_system(), fd, out, bytes, at);

    if (p->flip_bit != 0 && p->flip_at >= (uint64_t)at && n > 0 && p->flip_at < (uint64_t)at + (uint64_t)n)
        ((char *)out)[p->flip_at - (uint64_t)at] ^= (char)p->flip_bit;
    return n;
}

static void
open_place(Place *p, Kind kind)
{
    EngineOptions o = {.max_memory_bytes = 64 << 20, .max_slots = 4, .deadlock_timeout_us = 100000};

    *p = (Place){.folder = "/tmp/helios-temp-XXXXXX", .room = -1, .env = *env_system()};
    p->env.pwrite = limited_pwrite;
    p->env.pread = flipping_pread;
    EXPECT(mkdtemp(p->folder) != NULL);
    o.temp_folder = kind != IN_MEMORY ? p->folder : NULL;
    o.seal_temp = kind == ENCRYPTED;
    EXPECT_OK(engine_create(test_ctx(), &o, &p->engine));
    p->cx = sim_session(p->engine);
    p->cx->temp = &p->space;
    p->cx->env = &p->env;
}

static int
files_in(const Place *p)
{
    DIR *d = opendir(p->folder);
    int count = 0;

    while (readdir(d) != NULL)
        count++;
    closedir(d);
    return count - 2;
}

static void
close_place(Place *p)
{
    EXPECT_EQ(files_in(p), 0);
    EXPECT_EQ(p->space.used_bytes, 0);
    EXPECT_EQ(p->budget.used_bytes, 0);
    p->cx->env = env_system();
    sim_end(p->cx);
    engine_destroy(p->engine);
    rmdir(p->folder);
}

/* Some blocks are alike all over, some are noise. */
static uint32_t
make_block(uint64_t seed, char *out)
{
    uint32_t bytes = (uint32_t)(hash_u64(seed) % BLOCK_MOST);

    for (uint32_t i = 0; i < bytes; i++)
        out[i] = seed % 3 == 0 ? (char)hash_u64(seed * 100003 + i) : (char)(i / 100);
    return bytes;
}

static void
write_and_read(Kind kind)
{
    static char made[BLOCK_MOST], read[BLOCK_MOST];
    uint64_t seed = test_seed();
    TempBlock blocks[BLOCKS];
    TempFile *file;
    Place p;

    open_place(&p, kind);
    EXPECT_OK(temp_file_create(p.cx, &p.budget, &file));
    for (uint64_t i = 0; i < BLOCKS; i++)
        EXPECT_OK(temp_file_write(p.cx, file, made, make_block(seed + i, made), &blocks[i]));
    EXPECT(files_in(&p) == 0);
    EXPECT(temp_file_bytes(file) == p.space.used_bytes);
    EXPECT(kind != IN_MEMORY || p.budget.used_bytes > p.space.used_bytes);
    for (uint64_t i = BLOCKS; i-- > 0;) {
        uint32_t bytes = make_block(seed + i, made);

        EXPECT_EQ(blocks[i].bytes, bytes);
        EXPECT_OK(temp_file_read(p.cx, file, blocks[i], read));
        EXPECT(memcmp(made, read, bytes) == 0);
        if (i % 2 == 0)
            temp_file_drop(file, blocks[i]);
    }
    temp_file_close(p.cx, file);
    close_place(&p);
}

TEST(temp_file, what_is_written_below_a_folder_comes_back_in_any_order)
{
    write_and_read(IN_FOLDER);
}

TEST(temp_file, what_is_written_encrypted_comes_back_in_any_order)
{
    write_and_read(ENCRYPTED);
}

TEST(temp_file, what_is_written_in_memory_comes_back_in_any_order)
{
    write_and_read(IN_MEMORY);
}

TEST(temp_file, blocks_that_are_alike_take_little_room)
{
    static char block[BLOCK_MOST];

    for (int kind = 0; kind < KINDS; kind++) {
        TempFile *file;
        TempBlock at;
        Place p;

        open_place(&p, kind);
        EXPECT_OK(temp_file_create(p.cx, &p.budget, &file));
        EXPECT_OK(temp_file_write(p.cx, file, block, BLOCK_MOST, &at));
        EXPECT(temp_file_bytes(file) < BLOCK_MOST / 10);
        temp_file_close(p.cx, file);
        close_place(&p);
    }
}

static void
expect_limit(Kind kind, const char *sqlstate, uint64_t limit, uint64_t budget, ssize_t room)
{
    static char block[BLOCK_MOST], read[BLOCK_MOST];
    TempBlock first, next;
    TempFile *file;
    Status rc = ST_OK;
    Place p;

    for (uint32_t i = 0; i < BLOCK_MOST; i++)
        block[i] = (char)hash_u64(i);
    open_place(&p, kind);
    p.space.limited = limit > 0;
    p.space.limit_bytes = limit;
    p.budget.limit_bytes = budget;
    p.room = room;
    EXPECT_OK(temp_file_create(p.cx, &p.budget, &file));
    EXPECT_OK(temp_file_write(p.cx, file, block, BLOCK_MOST, &first));
    for (int i = 0; i < 10 && rc == ST_OK; i++)
        rc = temp_file_write(p.cx, file, block, BLOCK_MOST, &next);
    EXPECT(rc != ST_OK);
    EXPECT_STR(p.cx->error.sqlstate, sqlstate);
    EXPECT_OK(temp_file_read(p.cx, file, first, read));
    EXPECT(memcmp(block, read, BLOCK_MOST) == 0);
    temp_file_close(p.cx, file);
    close_place(&p);
}

TEST(temp_file, beyond_the_sessions_limit_is_53400)
{
    expect_limit(IN_FOLDER, "53400", 150000, 0, -1);
    expect_limit(IN_MEMORY, "53400", 150000, 0, -1);
}

TEST(temp_file, a_full_disk_is_53100)
{
    expect_limit(IN_FOLDER, "53100", 0, 0, 150000);
}

TEST(temp_file, in_memory_a_used_up_budget_is_53200)
{
    expect_limit(IN_MEMORY, "53200", 0, 150000, -1);
}

TEST(temp_file, damage_is_noticed)
{
    static char block[BLOCK_MOST], read[BLOCK_MOST];
    TempBlock at;
    TempFile *file;
    Place p;

    open_place(&p, IN_FOLDER);
    EXPECT_OK(temp_file_create(p.cx, &p.budget, &file));
    EXPECT_OK(temp_file_write(p.cx, file, block, BLOCK_MOST, &at));
    at.at += 1; /* not where it is */
    EXPECT(temp_file_read(p.cx, file, at, read) == ST_CORRUPT);
    EXPECT_STR(p.cx->error.sqlstate, "XX001");
    temp_file_close(p.cx, file);
    close_place(&p);
}

/* The bytes between a block and its tag say nothing. */
static bool
is_filler(size_t byte, size_t block_bytes)
{
    return byte >= block_bytes && byte < block_bytes + TEMP_TRAILER_BYTES - 16;
}

TEST(temp_file, an_encrypted_file_shows_nothing_and_notices_every_change)
{
    static char read[BLOCK_MOST];
    char block[] = "what only its owner may read";
    TempBlock at[2];
    TempFile *file;
    Place p;

    open_place(&p, ENCRYPTED);
    EXPECT_OK(temp_file_create(p.cx, &p.budget, &file));
    EXPECT_OK(temp_file_write(p.cx, file, block, sizeof(block), &at[0]));
    EXPECT(p.seen_bytes > sizeof(block));
    EXPECT(memmem(p.seen, p.seen_bytes, "owner", 5) == NULL);
    EXPECT_OK(temp_file_write(p.cx, file, block, sizeof(block), &at[1]));
    EXPECT_OK(temp_file_read(p.cx, file, at[1], read));
    EXPECT_STR(read, block);
    for (uint32_t bit = 0; bit < (sizeof(block) + TEMP_TRAILER_BYTES) * 8; bit++) {
        p.flip_at = at[0].at + bit / 8;
        p.flip_bit = 1 << bit % 8;
        EXPECT((temp_file_read(p.cx, file, at[0], read) == ST_CORRUPT) == !is_filler(bit / 8, sizeof(block)));
        ctx_error_clear(p.cx);
    }
    temp_file_close(p.cx, file);
    close_place(&p);
}

TEST(temp_file, a_new_engine_clears_the_folder)
{
    Place p;
    Engine *engine;
    EngineOptions o = {.max_memory_bytes = 64 << 20, .max_slots = 4, .deadlock_timeout_us = 100000};
    char path[128];
    FILE *left;

    open_place(&p, IN_FOLDER);
    snprintf(path, sizeof(path), "%s/99.0x5", p.folder);
    left = fopen(path, "w");
    EXPECT(left != NULL);
    fclose(left);
    EXPECT_EQ(files_in(&p), 1);
    o.temp_folder = p.folder;
    EXPECT_OK(engine_create(test_ctx(), &o, &engine));
    EXPECT_EQ(files_in(&p), 0);
    engine_destroy(engine);
    close_place(&p);
}
