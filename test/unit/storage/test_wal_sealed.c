#include <stdio.h>
#include <unistd.h>

#include "base/hash.h"
#include "sim_log.h"
#include "storage/engine/engine_log.h"
#include "storage/wal/wal_reader.h"
#include "storage/wal/wal_shared.h"

enum { RECORDS_MOST = 100000, FLIPS = 150 };

typedef struct Places {
    Lsn at[RECORDS_MOST];
    uint8_t kind[RECORDS_MOST];
    uint32_t count;
    Lsn end;
} Places;

static Places *
read_places(Ctx *cx, const Log *log)
{
    Places *p = sim_shared(sizeof(*p));
    WalReader *reader;
    WalEntry e;
    bool found;

    SIM_OK(cx, wal_reader_open(cx, &log->dir, WAL_FIRST_LSN, &reader));
    for (;;) {
        SIM_OK(cx, wal_reader_next(cx, reader, &e, &found));
        p->end = e.end;
        if (!found)
            break;
        SIM_EXPECT(p->count < RECORDS_MOST);
        p->at[p->count] = e.lsn;
        p->kind[p->count++] = e.record.kind;
    }
    wal_reader_close(cx, reader);
    return p;
}

static uint32_t
count_kind(const Places *p, uint8_t kind)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < p->count; i++)
        n += p->kind[i] == kind;
    return n;
}

/* Some dozens of portions, one of them large. */
static void
write_some_portions(Log *log)
{
    pid_t pids[2];
    Ctx *cx;

    (void)sim_log_open(log, &cx, pids);
    sim_table(cx, &log->table);
    for (int round = 0; round < 60; round++) {
        sim_begin(cx);
        for (int i = 0; i < (round == 30 ? 3000 : 10); i++)
            sim_insert(cx, &log->table, (SimRow){round * 10000 + i, i, "what only its owner may read", 28});
        sim_commit(cx);
    }
    wal_wait_flushed(cx, wal_copied(cx->proc));
    sim_crash(pids, 2);
    engine_detach(cx);
}

TEST(wal_sealed, an_encrypted_log_shows_nothing)
{
    Log *log = sim_log_new_encrypted();
    Ctx *cx = sim_session(sim_engine_logged(0, NULL));
    char command[256];
    Places *p;

    write_some_portions(log);
    p = read_places(cx, log);
    EXPECT(count_kind(p, RECORD_SEAL) >= 60);
    EXPECT(count_kind(p, RECORD_COMMIT) >= 60);
    snprintf(command, sizeof(command), "grep -rqa 'its owner' %s", log->wal_path);
    EXPECT(system(command) != 0);
    sim_log_remove(log);
}

TEST(wal_sealed, an_encrypted_log_can_be_read_from_any_record_on)
{
    Log *log = sim_log_new_encrypted();
    Ctx *cx = sim_session(sim_engine_logged(0, NULL));
    Places *p;

    write_some_portions(log);
    p = read_places(cx, log);
    for (uint32_t i = 0; i < p->count; i += i % 500 < 400 ? 1 : 100) {
        WalReader *reader;
        WalEntry e;
        bool found;

        SIM_OK(cx, wal_reader_open(cx, &log->dir, p->at[i], &reader));
        for (uint32_t k = i; k < MIN_OF(i + 3, p->count); k++) {
            SIM_OK(cx, wal_reader_next(cx, reader, &e, &found));
            SIM_EXPECT(found);
            ck_assert_int_eq((long)e.lsn, (long)p->at[k]);
            ck_assert_int_eq(e.record.kind, p->kind[k]);
        }
        wal_reader_close(cx, reader);
    }
    sim_log_remove(log);
}

/* Has a portion end 24 bytes before the end of a file, unless the writer comes in between: there the next seal begins. */
static void
end_portion_at_end_of_file(Ctx *cx)
{
    Lsn end = wal_segment_first(wal_position(cx->proc)) + WAL_SEGMENT_BYTES;

    while (end - wal_position(cx->proc) > ADD_MOST)
        sim_log_add(cx, ADD_MOST / 2);
    wal_wait_flushed(cx, wal_position(cx->proc));
    /* It comes behind a seal that has its place already. */
    sim_log_add(cx, (uint32_t)(end - sizeof(WalRecord) - WAL_SEAL_BYTES - wal_position(cx->proc)));
    wal_wait_flushed(cx, wal_position(cx->proc));
}

/* From the record at `at` on there is one, and that is the first. */
static void
expect_readable(Ctx *cx, const Log *log, Lsn at)
{
    WalReader *reader;
    WalEntry e;
    bool found;

    SIM_OK(cx, wal_reader_open(cx, &log->dir, at, &reader));
    SIM_OK(cx, wal_reader_next(cx, reader, &e, &found));
    SIM_EXPECT(found);
    ck_assert_int_eq((long)e.lsn, (long)at);
    wal_reader_close(cx, reader);
}

TEST(wal_sealed, an_encrypted_log_can_be_read_from_behind_a_seal_that_lies_in_two_files)
{
    Log *log = sim_log_new_encrypted();
    Ctx *cx, *reading = sim_session(sim_engine_logged(0, NULL));
    uint32_t met = 0;
    pid_t pids[2];
    Places *p;

    (void)sim_log_open(log, &cx, pids);
    for (int round = 0; round < 4; round++) {
        end_portion_at_end_of_file(cx);
        for (int i = 0; i < 5; i++)
            sim_log_add(cx, 40);
        wal_wait_flushed(cx, wal_copied(cx->proc));
    }
    sim_crash(pids, 2);
    engine_detach(cx);
    p = read_places(reading, log);
    for (uint32_t i = 0; i + 4 < p->count; i++) {
        if (p->kind[i] != RECORD_SEAL ||
            wal_segment_first(p->at[i]) == wal_segment_first(p->at[i] + WAL_SEAL_BYTES - 1))
            continue;
        for (uint32_t k = i; k < i + 4; k++)
            expect_readable(reading, log, p->at[k]);
        met++;
    }
    EXPECT(met > 0);
    sim_log_remove(log);
}

static Status
recover_in_new_engine(Log *log, RecoverResult *result, const char **message)
{
    Ctx *cx = sim_session(sim_engine_logged(0, NULL));
    Status rc = recover_log(cx, &log->dir, WAL_FIRST_LSN, 0, result);

    *message = cx->error.message;
    return rc;
}

/* One bit at a time, then back again: either the log is refused with the place, or it was in the last portion. */
TEST(wal_sealed, a_flipped_bit_in_an_encrypted_log_is_found)
{
    Log *log = sim_log_new_encrypted();
    Ctx *cx = sim_session(sim_engine_logged(0, NULL));
    Lsn last = 0;
    Places *p;

    write_some_portions(log);
    p = read_places(cx, log);
    for (uint32_t i = 0; i < p->count; i++)
        last = p->kind[i] == RECORD_SEAL ? p->at[i] : last;
    for (uint64_t i = 0, x = log->seed; i < FLIPS; i++, x = hash_u64(x)) {
        pid_t pid = fork();

        if (pid == 0) {
            Lsn at = WAL_FIRST_LSN + x % (p->end - WAL_FIRST_LSN);
            RecoverResult result;
            const char *message;
            WalSegment s;
            bool exists;
            char byte;
            Status rc;

            SIM_OK(cx, wal_segment_open(cx, &log->dir, at, true, &s, &exists));
            SIM_EXPECT(pread(s.fd, &byte, 1, (off_t)wal_file_offset(at)) == 1);
            byte ^= (char)(1 << (x >> 40) % 8);
            SIM_EXPECT(pwrite(s.fd, &byte, 1, (off_t)wal_file_offset(at)) == 1);
            rc = recover_in_new_engine(log, &result, &message);
            byte ^= (char)(1 << (x >> 40) % 8);
            SIM_EXPECT(pwrite(s.fd, &byte, 1, (off_t)wal_file_offset(at)) == 1);
            if (at >= last)
                SIM_EXPECT(rc == ST_OK && result.end == last);
            else
                ck_assert_msg(rc == ST_CORRUPT && strstr(message, "is damaged at byte") != NULL, "%d %s", rc,
                              message != NULL ? message : "");
            _exit(0);
        }
        EXPECT(sim_join(pid));
    }
    sim_log_remove(log);
}

TEST(wal_sealed, plain_and_encrypted_logs_are_told_from_each_other)
{
    Log *log = sim_log_new_encrypted(), *plain = sim_log_new();
    Ctx *cx = sim_session(sim_engine_logged(0, NULL));
    WalSegment s;
    bool exists;

    write_some_portions(log);
    write_some_portions(plain);
    log->dir.data_key = NULL;
    plain->dir.data_key = &log->key;
    EXPECT_EQ(wal_segment_open(cx, &log->dir, WAL_FIRST_LSN, false, &s, &exists), ST_CORRUPT);
    EXPECT(strstr(cx->error.message, "is encrypted, unlike") != NULL);
    EXPECT_EQ(wal_segment_open(cx, &plain->dir, WAL_FIRST_LSN, false, &s, &exists), ST_CORRUPT);
    EXPECT(strstr(cx->error.message, "is not encrypted, unlike") != NULL);
    sim_log_remove(log);
    sim_log_remove(plain);
}
