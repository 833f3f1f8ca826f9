/* replay.c - the corpus of each target, whole, cut short at every byte, and with bytes changed. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

typedef int (*Target)(const uint8_t *data, size_t bytes);

enum { SEED_MOST_BYTES = 65536 };

/* An exact allocation each time, so that a sanitizer sees a read behind the end. */
static void
run(Target target, const uint8_t *data, size_t bytes)
{
    uint8_t *copy = malloc(bytes > 0 ? bytes : 1);

    if (copy == NULL)
        abort();
    memcpy(copy, data, bytes);
    target(copy, bytes);
    free(copy);
}

/* Whole, `cuts` times cut short, `changes` times changed. */
static void
replay_seed(Target target, uint8_t *data, size_t bytes, int cuts, int changes, uint64_t *random)
{
    run(target, data, bytes);
    for (size_t n = 0; n < bytes; n += 1 + bytes / (size_t)cuts)
        run(target, data, n);
    for (int i = 0; i < changes && bytes > 0; i++) {
        uint8_t changed[SEED_MOST_BYTES];
        int count = 1 + (int)(*random >> 60) / 4;

        memcpy(changed, data, bytes);
        while (count-- > 0) {
            *random = *random * UINT64_C(6364136223846793005) + 1442695040888963407u;
            changed[(*random >> 20) % bytes] = (uint8_t)(*random >> 50);
        }
        run(target, changed, bytes);
    }
}

static int
replay(Target target, const char *name, int cuts, int changes)
{
    const char *source = getenv("HELIOS_SOURCE");
    char path[1024];
    uint64_t random = test_seed();
    struct dirent *entry;
    int count = 0;
    DIR *dir;

    snprintf(path, sizeof(path), "%s/test/fuzz/corpus/%s", source != NULL ? source : FUZZ_SOURCE, name);
    dir = opendir(path);
    EXPECT(dir != NULL);
    while ((entry = readdir(dir)) != NULL) {
        static uint8_t data[SEED_MOST_BYTES];
        char file[2048];
        size_t bytes;
        FILE *f;

        if (entry->d_name[0] == '.')
            continue;
        snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
        f = fopen(file, "rb");
        EXPECT(f != NULL);
        bytes = fread(data, 1, sizeof(data), f);
        fclose(f);
        replay_seed(target, data, bytes, cuts, changes, &random);
        count++;
    }
    closedir(dir);
    return count;
}

TEST(fuzz, wire_survives_its_corpus)
{
    EXPECT(replay(fuzz_wire, "wire", 256, 400) >= 8);
}

TEST(fuzz, toml_survives_its_corpus)
{
    EXPECT(replay(fuzz_toml, "toml", 256, 400) >= 4);
}

TEST(fuzz, copy_survives_its_corpus)
{
    EXPECT(replay(fuzz_copy, "copy", 256, 400) >= 7);
}

TEST(fuzz, sql_survives_its_corpus)
{
    EXPECT(replay(fuzz_sql, "sql", 12, 20) >= 30);
}

TEST(fuzz, types_survive_their_corpus)
{
    EXPECT(replay(fuzz_type, "type", 16, 60) >= 30);
}

TEST(fuzz, patterns_survive_their_corpus)
{
    EXPECT(replay(fuzz_pattern, "pattern", 16, 60) >= 20);
}
