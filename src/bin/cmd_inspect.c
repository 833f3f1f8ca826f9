/* cmd_inspect.c - heliosdb-nano wal-inspect DIR, page-inspect DIR BRANCH/RELATION/FORK/BLOCK: what is there, for people. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/env.h"
#include "base/log.h"
#include "bin/commands.h"
#include "bin/data_dir.h"
#include "bin/key_source.h"
#include "bin/options.h"
#include "shmem/pagecache/pagecache.h"
#include "storage/recover/describe.h"
#include "storage/store/store_view.h"
#include "storage/wal/wal_end.h"
#include "storage/wal/wal_reader.h"

enum { OPT_FROM, OPT_LIMIT, OPT_RELATION, OPT_STORED };

/* What is being looked at. */
typedef struct Place {
    const char *path;
    DataDir dir;
    SealKey *data_key; /* NULL = not encrypted */
} Place;

/* clang-format off */
const Flag check_flags[] = {
    CONFIG_FLAG,
    {{NULL}, 0, 0, NULL, NULL},
};
const Flag wal_inspect_flags[] = {
    {{"from"}, 0, OPT_FROM, "LSN", "begin at this place (hexadecimal) instead of at the last checkpoint's redo position"},
    {{"limit"}, 0, OPT_LIMIT, "N", "print at most so many records"},
    {{"relation"}, 0, OPT_RELATION, "N", "print only records about this relation"},
    CONFIG_FLAG,
    {{NULL}, 0, 0, NULL, NULL},
};
const Flag page_inspect_flags[] = {
    {{"stored"}, 0, OPT_STORED, NULL, "the page as it is stored, without what the log has done to it since"},
    CONFIG_FLAG,
    {{NULL}, 0, 0, NULL, NULL},
};
/* clang-format on */

/* ---- the log ----------------------------------------------------------------------------------------------------- */

typedef struct WalRequest {
    Lsn from; /* 0 = the redo position */
    uint64_t limit;
    RelationId relation; /* RELATION_NONE = all */
} WalRequest;

static Status
read_number(Ctx *cx, const FlagSet *flags, int id, int base, uint64_t most, uint64_t *out)
{
    const char *text = flags_value(flags, id);
    char *end = NULL;

    if (text == NULL)
        return ST_OK;
    errno = 0;
    *out = strtoull(text, &end, base);
    if (end == text || strchr(text, '-') != NULL || *end != '\0' || errno != 0 || *out > most)
        return fail(cx, ST_ERROR, "42601", "\"%s\" is not a number that can be used here", text);
    return ST_OK;
}

/* As the server shows it, 0/1A2B3C, or as one number. */
static Status
read_lsn(Ctx *cx, const FlagSet *flags, Lsn *out)
{
    const char *text = flags_value(flags, OPT_FROM);
    unsigned int high, low;
    int end = 0;

    if (text == NULL || strchr(text, '/') == NULL)
        return read_number(cx, flags, OPT_FROM, 16, UINT64_MAX, out);
    if (sscanf(text, "%8X/%8X%n", &high, &low, &end) != 2 || text[end] != '\0')
        return fail(cx, ST_ERROR, "42601", "\"%s\" is no place in the log: expected one like 0/1A2B3C8", text);
    *out = (Lsn)high << 32 | low;
    return ST_OK;
}

static Status
read_request(Ctx *cx, const FlagSet *flags, WalRequest *out)
{
    uint64_t relation = RELATION_NONE;

    *out = (WalRequest){.limit = UINT64_MAX};
    TRY(read_lsn(cx, flags, &out->from));
    TRY(read_number(cx, flags, OPT_LIMIT, 10, UINT64_MAX, &out->limit));
    TRY(read_number(cx, flags, OPT_RELATION, 10, UINT32_MAX, &relation));
    out->relation = (RelationId)relation;
    if (out->from % WAL_ALIGN != 0)
        return fail(cx, ST_ERROR, "42601", "a record begins at a multiple of %d", WAL_ALIGN);
    return ST_OK;
}

static void
print_record(const WalEntry *e)
{
    Buf text = {0};

    record_describe(e->record.kind, e->data, e->bytes, &text);
    printf("%llx %s", (unsigned long long)e->lsn, record_kind_name(e->record.kind));
    if (e->record.branch != 0 || e->record.relation != 0)
        printf(" %u/%u/%u/%u", e->record.branch, e->record.relation, e->record.fork, e->record.block);
    printf("%s%s\n", text.bytes > 0 ? ": " : "", buf_cstr(&text));
    buf_free(&text);
}

static Status
print_segment(Ctx *cx, const WalDir *dir, Lsn lsn)
{
    char path[WAL_PATH_MOST];
    WalSegmentHeader h = {0};
    WalSegment s;
    bool exists;

    TRY(wal_segment_open(cx, dir, lsn, false, &s, &exists));
    if (!exists)
        return ST_OK;
    wal_segment_path(dir, lsn, path);
    if (cx->env->pread(cx->env, s.fd, &h, sizeof(h), 0) == (ssize_t)sizeof(h))
        printf("segment \"%s\": version %u, system %016llx, incarnation %u, from %llx\n", path, h.version,
               (unsigned long long)h.system_id, h.incarnation, (unsigned long long)h.first);
    wal_segment_close(cx, &s);
    return ST_OK;
}

static Status
print_records(Ctx *cx, const WalDir *dir, WalReader *reader, const WalRequest *want, Lsn needed)
{
    Lsn segment = UINT64_MAX;
    uint64_t printed = 0;
    WalEntry e;
    bool found = true;

    while (printed < want->limit) {
        TRY(wal_reader_next(cx, reader, &e, &found));
        if (!found && e.lsn == want->from) {
            (void)fail(cx, ST_ERROR, "58P01", "no record of the log begins at %llx", (unsigned long long)e.lsn);
            fail_hint(cx,
                      "The log is needed from the superblock's redo position on; older files are used again.");
            return ST_ERROR;
        }
        if (wal_segment_first(e.lsn) != segment) {
            segment = wal_segment_first(e.lsn);
            TRY(print_segment(cx, dir, segment));
        }
        if (!found)
            break;
        if (want->relation != RELATION_NONE && e.record.relation != want->relation)
            continue;
        print_record(&e);
        printed++;
    }
    if (found)
        return ST_OK;
    printf("%llx end\n", (unsigned long long)e.lsn);
    return wal_verify_end(cx, dir, e.lsn, needed);
}

static Status
inspect_wal(Ctx *cx, const Place *place, const WalRequest *want)
{
    WalDir dir = {.path = arena_printf(cx->arena, "%s/wal", place->path), .data_key = place->data_key};
    StoreSuper super = {0};
    WalReader *reader;
    PageStore *store;
    bool found;
    Status rc;

    rc = store_view_open_store(cx, place->path, place->data_key, &store, &super, &found);
    if (rc == ST_OK) {
        store->methods->close(cx, store);
        printf("superblock: redo %llx, durable %llx, next id %llu, next OID %u, next relation %u, last csn "
               "%llu, epoch %llu%s\n",
               (unsigned long long)super.redo, (unsigned long long)super.durable,
               (unsigned long long)super.next_xid, super.next_oid, super.next_relation,
               (unsigned long long)super.last_csn, (unsigned long long)super.epoch,
               super.clean ? ", written by a shutdown" : "");
    } else if (want->from == 0) {
        return rc; /* where should we begin? */
    }
    ctx_error_clear(cx);
    dir.system_id = super.system_id;
    TRY(wal_reader_open(cx, &dir, want->from != 0 ? want->from : super.redo, &reader));
    rc = print_records(cx, &dir, reader, want, super.durable);
    wal_reader_close(cx, reader);
    return rc;
}

/* ---- pages ------------------------------------------------------------------------------------------------------- */

static Status
read_page_name(Ctx *cx, const char *text, PageId *out)
{
    unsigned int branch, relation, fork, block;
    int end = 0;

    if (sscanf(text, "%u/%u/%u/%u%n", &branch, &relation, &fork, &block, &end) != 4 || text[end] != '\0' ||
        fork >= FORK_COUNT)
        return fail(cx, ST_ERROR, "42601",
                    "\"%s\" is no page: expected BRANCH/RELATION/FORK/BLOCK, as in 3/16384/0/0", text);
    *out = (PageId){.branch = branch, .relation = relation, .fork = (uint8_t)fork, .block = block};
    return ST_OK;
}

static void
print_page(Ctx *cx, const char *page)
{
    Buf text = {0};

    page_describe(cx, page, &text);
    fputs(buf_cstr(&text), stdout);
    buf_free(&text);
}

static Status
inspect_stored(Ctx *cx, const Place *place, PageId id)
{
    _Alignas(16) char page[PAGE_BYTES];
    StoreRead read = {.id = id, .page = page};
    StoreSuper super;
    PageStore *store;
    bool found;
    Status rc;

    TRY(store_view_open_store(cx, place->path, place->data_key, &store, &super, &found));
    rc = store->methods->read(cx, store, &read, 1);
    store->methods->close(cx, store);
    TRY(rc);
    if (read.found == STORE_MISSING)
        return fail(cx, ST_ERROR, "58P01", "there is no such page in the store");
    if (read.found == STORE_DAMAGED)
        return fail(cx, ST_CORRUPT, "XX001", "the stored page is damaged");
    print_page(cx, page);
    return ST_OK;
}

static Status
show_page(Ctx *cx, PageId id)
{
    CacheRel *rel = cache_rel(cx, id.branch, id.relation);
    PageRef ref;

    if (rel == NULL)
        return fail(cx, ST_ERROR, "58P01", "there is no such relation");
    TRY(page_pin_shared(cx, rel, (Fork)id.fork, id.block, &ref));
    if (ref.page == NULL)
        return fail(cx, ST_ERROR, "58P01", "the relation has %u blocks", cache_rel_length(rel, (Fork)id.fork));
    print_page(cx, ref.page);
    page_unpin(cx, &ref);
    return ST_OK;
}

static Status
inspect_page(Ctx *cx, const Place *place, PageId id)
{
    StoreViewLog log;
    StoreView *view;
    Status rc;

    TRY(store_view_open(cx, place->path, place->data_key, true, &view, &log));
    if (!log.whole) {
        rc = fail(cx, ST_CORRUPT, "XX001", "%s", log.error);
        fail_hint(cx, "See the stored page with --stored.");
    } else {
        rc = engine_attach(cx, store_view_engine(view));
        if (rc == ST_OK)
            rc = show_page(cx, id);
        engine_detach(cx);
    }
    store_view_close(cx, view);
    return rc;
}

/* ---- the commands ------------------------------------------------------------------------------------------------ */

static Status
open_place(Ctx *cx, const FlagSet *flags, Place *out)
{
    Status rc;

    *out = (Place){.path = flags->words[0]};
    TRY(key_source_for_command(cx, out->path, flags, &out->data_key));
    rc = data_dir_look(cx, out->path, &out->dir);
    if (rc != ST_OK)
        seal_key_forget(out->data_key);
    return rc;
}

static int
finish(Ctx *cx, const Command *command, Place *place, Status rc)
{
    data_dir_unlock(&place->dir);
    seal_key_forget(place->data_key);
    fflush(stdout);
    return rc == ST_OK ? EXIT_DONE : command_complain(cx, command, EXIT_FAILED);
}

int
command_wal_inspect(Ctx *cx, const Command *command, char **argv, int argc)
{
    WalRequest want;
    FlagSet flags;
    Place place;
    int status;

    if (!command_read_flags(cx, command, 1, argv, argc, &flags, &status))
        return status;
    if (flags.word_count == 0)
        return command_misused(cx, command, "which data directory?");
    if (read_request(cx, &flags, &want) != ST_OK)
        return command_complain(cx, command, EXIT_USAGE);
    log_configure(&(LogOptions){.fd = 2, .level = LOG_FATAL});
    if (open_place(cx, &flags, &place) != ST_OK)
        return command_complain(cx, command, EXIT_FAILED);
    return finish(cx, command, &place, inspect_wal(cx, &place, &want));
}

int
command_page_inspect(Ctx *cx, const Command *command, char **argv, int argc)
{
    FlagSet flags;
    Place place;
    PageId id = {0};
    int status;

    if (!command_read_flags(cx, command, 2, argv, argc, &flags, &status))
        return status;
    if (flags.word_count < 2)
        return command_misused(cx, command, "which page of which data directory?");
    if (read_page_name(cx, flags.words[1], &id) != ST_OK)
        return command_complain(cx, command, EXIT_USAGE);
    log_configure(&(LogOptions){.fd = 2, .level = LOG_FATAL});
    if (open_place(cx, &flags, &place) != ST_OK)
        return command_complain(cx, command, EXIT_FAILED);
    return finish(cx, command, &place,
                  flags_value(&flags, OPT_STORED) != NULL ? inspect_stored(cx, &place, id)
                                                          : inspect_page(cx, &place, id));
}
