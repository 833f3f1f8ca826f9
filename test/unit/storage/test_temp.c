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
} Place;

static ssize_t
limited_pwrite(Env *env, int fd, const void *data, size_t bytes, off_t at)
{
    Place *p = (Place *)(void *)((char *)env - offsetof(Place, env));

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

static void
open_place(Place *p, bool with_folder)
{
    EngineOptions o = {.max_memory_bytes = 64 << 20, .max_slots = 4, .deadlock_timeout_us = 100000};

    *p = (Place){.folder = "/tmp/helios-temp-XXXXXX", .room = -1, .env = *env_system()};
    p->env.pwrite = limited_pwrite;
    EXPECT(mkdtemp(p->folder) != NULL);
    o.temp_folder = with_folder ? p->folder : NULL;
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
write_and_read(bool with_folder)
{
    static char made[BLOCK_MOST], read[BLOCK_MOST];
    uint64_t seed = test_seed();
    TempBlock blocks[BLOCKS];
    TempFile *file;
    Place p;

    open_place(&p, with_folder);
    EXPECT_OK(temp_file_create(p.cx, &p.budget, &file));
    for (uint64_t i = 0; i < BLOCKS; i++)
        EXPECT_OK(temp_file_write(p.cx, file, made, make_block(seed + i, made), &blocks[i]));
    EXPECT(files_in(&p) == 0);
    EXPECT(temp_file_bytes(file) == p.space.used_bytes);
    EXPECT(with_folder || p.budget.used_bytes > p.space.used_bytes);
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
    write_and_read(true);
}

TEST(temp_file, what_is_written_in_memory_comes_back_in_any_order)
{
    write_and_read(false);
}

TEST(temp_file, blocks_that_are_alike_take_little_room)
{
    static char block[BLOCK_MOST];

    for (int with_folder = 0; with_folder < 2; with_folder++) {
        TempFile *file;
        TempBlock at;
        Place p;

        open_place(&p, with_folder == 1);
        EXPECT_OK(temp_file_create(p.cx, &p.budget, &file));
        EXPECT_OK(temp_file_write(p.cx, file, block, BLOCK_MOST, &at));
        EXPECT(temp_file_bytes(file) < BLOCK_MOST / 10);
        temp_file_close(p.cx, file);
        close_place(&p);
    }
}

static void
expect_limit(bool with_folder, const char *sqlstate, uint64_t limit, uint64_t budget, ssize_t room)
{
    static char block[BLOCK_MOST], read[BLOCK_MOST];
    TempBlock first, next;
    TempFile *file;
    Status rc = ST_OK;
    Place p;

    for (uint32_t i = 0; i < BLOCK_MOST; i++)
        block[i] = (char)hash_u64(i);
    open_place(&p, with_folder);
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
    expect_limit(true, "53400", 150000, 0, -1);
    expect_limit(false, "53400", 150000, 0, -1);
}

TEST(temp_file, a_full_disk_is_53100)
{
    expect_limit(true, "53100", 0, 0, 150000);
}

TEST(temp_file, in_memory_a_used_up_budget_is_53200)
{
    expect_limit(false, "53200", 0, 150000, -1);
}

TEST(temp_file, damage_is_noticed)
{
    static char block[BLOCK_MOST], read[BLOCK_MOST];
    TempBlock at;
    TempFile *file;
    Place p;

    open_place(&p, true);
    EXPECT_OK(temp_file_create(p.cx, &p.budget, &file));
    EXPECT_OK(temp_file_write(p.cx, file, block, BLOCK_MOST, &at));
    at.at += 1; /* not where it is */
    EXPECT(temp_file_read(p.cx, file, at, read) == ST_CORRUPT);
    EXPECT_STR(p.cx->error.sqlstate, "XX001");
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

    open_place(&p, true);
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
