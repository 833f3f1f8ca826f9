/* cmd_check.c - heliosdb-nano check DIR: is everything in a data directory as it should be? Writes nothing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "backend/command/check.h"
#include "base/log.h"
#include "bin/commands.h"
#include "bin/data_dir.h"
#include "bin/key_source.h"
#include "storage/store/store_check.h"
#include "storage/store/store_safe.h"
#include "storage/store/store_view.h"

static void
found(void *arg, const char *object, const char *what)
{
    (void)arg;
    printf("damaged: %s: %s\n", object, what);
}

static void
complain(CheckReport *report, const char *object, const char *what)
{
    report->damages++;
    found(NULL, object, what);
}

static void
print_log(const StoreViewLog *log)
{
    const RecoverResult *r = &log->result;

    printf("log: %llu records, %llu transactions, from the last checkpoint to %llx\n",
           (unsigned long long)r->records, (unsigned long long)r->commits, (unsigned long long)r->end);
}

typedef struct Part {
    CheckReport *report;
    const char *name;
} Part;

static void
found_in_part(void *arg, PageId where, const char *what)
{
    const Part *p = arg;

    if (where.block == DAMAGE_NO_BLOCK) {
        complain(p->report, p->name, what);
        return;
    }
    p->report->damages++;
    printf("damaged: %s: branch %u, relation %u, fork %u, block %u: %s\n", p->name, where.branch,
           where.relation, where.fork, where.block, what);
}

/* Rows and indexes can only be compared when the log is whole: pages are of different times else. */
static Status
check_contents(Ctx *cx, StoreView *view, CheckReport *report)
{
    Part part = {report, "table of transactions"};
    DamageReport damage = {.found = found_in_part, .arg = &part};
    uint64_t ids = 0;
    Status rc;

    TRY(engine_attach(cx, store_view_engine(view)));
    store_check_ids(cx, &damage, &ids);
    rc = check_databases(cx, report);
    engine_detach(cx);
    return rc;
}

static Status
check_stored(Ctx *cx, StoreView *view, CheckReport *report)
{
    Part part = {report, "page store"};
    DamageReport damage = {.found = found_in_part, .arg = &part};

    return store_check_pages(cx, store_view_store(view), &damage, &report->pages);
}

static Status
fail_open(Ctx *cx, const char *path)
{
    return fail(cx, ST_IO, "58030", "could not open \"%s\": %s", path, strerror(errno));
}

/* What may not be read is not damaged: nothing is known of it, and little could be said of the rest. What is missing is left to
 * those who need it. */
static Status
expect_readable(Ctx *cx, const char *folder)
{
    DIR *d = opendir(folder);
    const struct dirent *e;
    Status rc = ST_OK;

    if (d == NULL)
        return errno == ENOENT ? ST_OK : fail_open(cx, folder);
    while (rc == ST_OK && (e = readdir(d)) != NULL) {
        int fd = openat(dirfd(d), e->d_name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

        if (fd >= 0)
            close(fd);
        else if (errno != ENOENT)
            rc = fail_open(cx, arena_printf(cx->arena, "%s/%s", folder, e->d_name));
    }
    closedir(d);
    return rc;
}

static Status
expect_all_readable(Ctx *cx, const char *path)
{
    char store[STORE_SAFE_PATH_MOST];
    bool is_copy;

    TRY(store_safe_find(cx, path, store, &is_copy));
    TRY(expect_readable(cx, store));
    return expect_readable(cx, arena_printf(cx->arena, "%s/wal", path));
}

static Status
has_log(Ctx *cx, const char *path, bool *there)
{
    WalDir wal = {.path = arena_printf(cx->arena, "%s/wal", path)};
    Lsn first, last;

    TRY(wal_segments_range(cx, &wal, &first, &last));
    *there = first != 0;
    return ST_OK;
}

static bool
has_tables(const char *folder)
{
    DIR *d = opendir(folder);
    const struct dirent *e;
    bool there = false;

    if (d == NULL)
        return false;
    while (!there && (e = readdir(d)) != NULL)
        there = strstr(e->d_name, ".sst") != NULL;
    closedir(d);
    return there;
}

/* One that has no log, as init leaves it, or a first start that was killed: without a store, or with one that has no superblock,
 * which is written before the log begins. */
static Status
is_unused(Ctx *cx, const char *path, const SealKey *data_key, bool *unused)
{
    char folder[STORE_SAFE_PATH_MOST];
    bool is_copy, has_super;
    StoreSuper super;
    PageStore *store;

    TRY(store_safe_find(cx, path, folder, &is_copy));
    if (access(arena_printf(cx->arena, "%s/CURRENT", folder), F_OK) != 0) {
        *unused = !has_tables(folder);
        return ST_OK;
    }
    TRY(store_view_open_store(cx, path, data_key, &store, &super, &has_super));
    store->methods->close(cx, store);
    *unused = !has_super;
    return ST_OK;
}

static Status
check(Ctx *cx, const char *path, const SealKey *data_key, CheckReport *report)
{
    StoreViewLog log;
    StoreView *view;
    bool logged, unused = false;
    Status rc;

    TRY(expect_all_readable(cx, path));
    TRY(has_log(cx, path, &logged));
    rc = logged ? ST_OK : is_unused(cx, path, data_key, &unused);
    if (rc == ST_OK && unused) {
        printf("no server has ever been ready on it\n");
        return ST_OK;
    }
    if (rc == ST_OK)
        rc = store_view_open(cx, path, data_key, true, &view, &log);
    if (rc == ST_CORRUPT || rc == ST_IO) { /* there is nothing more to look at */
        complain(report, "page store", cx->error.message);
        ctx_error_clear(cx);
        return ST_OK;
    }
    TRY(rc);
    if (log.whole) {
        print_log(&log);
        rc = check_contents(cx, view, report);
    } else {
        complain(report, "log", log.error);
        rc = check_stored(cx, view, report);
    }
    store_view_close(cx, view);
    return rc;
}

int
command_check(Ctx *cx, const Command *command, char **argv, int argc)
{
    CheckReport report = {.found = found};
    SealKey *data_key;
    FlagSet flags;
    DataDir dir;
    Status rc;
    int status;

    if (!command_read_flags(cx, command, 1, argv, argc, &flags, &status))
        return status;
    if (flags.word_count == 0)
        return command_misused(cx, command, "which data directory?");
    log_configure(&(LogOptions){.fd = 2, .level = LOG_FATAL}); /* what is found is printed */
    if (key_source_for_command(cx, flags.words[0], &flags, &data_key) != ST_OK)
        return command_complain(cx, command, EXIT_FAILED);
    rc = data_dir_look(cx, flags.words[0], &dir);
    if (rc == ST_OK) {
        rc = check(cx, flags.words[0], data_key, &report);
        data_dir_unlock(&dir);
    }
    seal_key_forget(data_key);
    if (rc != ST_OK)
        return command_complain(cx, command, EXIT_FAILED);
    printf("%llu databases, %llu tables with %llu rows, %llu indexes with %llu entries, %llu sequences, %llu "
           "pages: ",
           (unsigned long long)report.databases, (unsigned long long)report.tables,
           (unsigned long long)report.rows, (unsigned long long)report.indexes,
           (unsigned long long)report.entries, (unsigned long long)report.sequences,
           (unsigned long long)report.pages);
    if (report.damages == 0)
        printf("clean\n");
    else
        printf("%llu damaged place%s\n", (unsigned long long)report.damages, report.damages == 1 ? "" : "s");
    return report.damages == 0 ? EXIT_DONE : EXIT_FAILED;
}
