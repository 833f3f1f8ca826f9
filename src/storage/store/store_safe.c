/* store_safe.c - see store_safe.h.
 *
 * A copy's name is its number, in 16 hexadecimal digits. RocksDB makes it under another name, makes its files durable and
 * renames it: what has such a name is whole, and everything else in the folder is rubbish. */
#include "storage/store/store_safe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/env.h"
#include "base/stop_point.h"

enum { NAME_DIGITS = 16 };

static const char folder_name[] = "checkpoints";

/* 0 = it is no copy's name. */
static uint64_t
number_of(const char *name)
{
    if (strlen(name) != NAME_DIGITS || strspn(name, "0123456789abcdef") != NAME_DIGITS)
        return 0;
    return strtoull(name, NULL, 16);
}

static const char *
path_of(Ctx *cx, const char *data_dir, uint64_t no)
{
    return arena_printf(cx->arena, "%s/%s/%016llx", data_dir, folder_name, (unsigned long long)no);
}

static Status
sync_folder(Ctx *cx, const char *path)
{
    return env_sync_folder(cx->env, path) == 0 ? ST_OK : fail_path(cx, "flush directory", path);
}

/* A folder of files; it need not be there. */
static Status
remove_folder(Ctx *cx, const char *path)
{
    DIR *d = opendir(path);
    const struct dirent *e;

    if (d == NULL)
        return errno == ENOENT ? ST_OK : fail_path(cx, "open directory", path);
    while ((e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            (void)unlinkat(dirfd(d), e->d_name, 0);
    }
    closedir(d);
    return rmdir(path) == 0 ? ST_OK : fail_path(cx, "remove directory", path);
}

/* The newest copy, 0 = there is none. */
static Status
newest(Ctx *cx, const char *data_dir, uint64_t *no)
{
    const char *path = arena_printf(cx->arena, "%s/%s", data_dir, folder_name);
    DIR *d = opendir(path);
    const struct dirent *e;

    *no = 0;
    if (d == NULL)
        return errno == ENOENT ? ST_OK : fail_path(cx, "open directory", path);
    while ((e = readdir(d)) != NULL)
        *no = MAX_OF(*no, number_of(e->d_name));
    closedir(d);
    return ST_OK;
}

/* Removes all but this copy; the newest last, so that at no moment an older one seems to be it. */
static Status
remove_others(Ctx *cx, const char *data_dir, uint64_t keep)
{
    const char *path = arena_printf(cx->arena, "%s/%s", data_dir, folder_name);
    uint64_t last;
    DIR *d;
    const struct dirent *e;
    Status rc = ST_OK;

    TRY(newest(cx, data_dir, &last));
    d = opendir(path);
    if (d == NULL)
        return errno == ENOENT ? ST_OK : fail_path(cx, "open directory", path);
    while (rc == ST_OK && (e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (last == 0 || number_of(e->d_name) != last)
            rc = remove_folder(cx, arena_printf(cx->arena, "%s/%s", path, e->d_name));
    }
    closedir(d);
    if (rc == ST_OK && last != 0 && last != keep) {
        /* Its name goes first: half a copy must not look like one. */
        const char *rubbish = arena_printf(cx->arena, "%s/%s/old", data_dir, folder_name);

        if (cx->env->rename(cx->env, path_of(cx, data_dir, last), rubbish) != 0)
            return fail_path(cx, "rename", rubbish);
        TRY(sync_folder(cx, path));
        rc = remove_folder(cx, rubbish);
    }
    return rc;
}

Status
store_safe_find(Ctx *cx, const char *data_dir, char path[STORE_SAFE_PATH_MOST], bool *is_copy)
{
    uint64_t no;

    TRY(newest(cx, data_dir, &no));
    *is_copy = no != 0;
    snprintf(path, STORE_SAFE_PATH_MOST, "%s",
             no != 0 ? path_of(cx, data_dir, no) : arena_printf(cx->arena, "%s/pages", data_dir));
    return ST_OK;
}

/* Killed anywhere in between, the next one begins again, or has nothing left to do. */
Status
store_safe_restore(Ctx *cx, const char *data_dir, bool *restored)
{
    const char *pages = arena_printf(cx->arena, "%s/pages", data_dir);
    uint64_t no;

    TRY(newest(cx, data_dir, &no));
    *restored = no != 0;
    if (no == 0)
        return ST_OK;
    TRY(remove_others(cx, data_dir, no));
    TRY(remove_folder(cx, pages));
    stop_point("safe.pages_removed");
    if (cx->env->rename(cx->env, path_of(cx, data_dir, no), pages) != 0)
        return fail_path(cx, "rename", pages);
    TRY(sync_folder(cx, data_dir));
    return sync_folder(cx, arena_printf(cx->arena, "%s/%s", data_dir, folder_name));
}

Status
store_safe_make(Ctx *cx, PageStore *store, const char *data_dir)
{
    const char *folder = arena_printf(cx->arena, "%s/%s", data_dir, folder_name);
    uint64_t no;

    if (mkdir(folder, 0700) == 0)
        TRY(sync_folder(cx, data_dir));
    else if (errno != EEXIST)
        return fail_path(cx, "create directory", folder);
    TRY(newest(cx, data_dir, &no));
    TRY(remove_others(cx, data_dir, no));
    TRY(store->methods->copy(cx, store, path_of(cx, data_dir, no + 1)));
    stop_point("safe.copied");
    TRY(sync_folder(cx, folder));
    stop_point("safe.durable");
    return remove_others(cx, data_dir, no + 1);
}

Status
store_safe_forget(Ctx *cx, const char *data_dir)
{
    return remove_others(cx, data_dir, 0);
}
