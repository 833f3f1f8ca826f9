/* region_limit.c - how much memory this machine, or this container, can spare (C5).
 *
 * A cgroup's limit counts for us as the machine's size does, whichever is smaller: a container that
 * passes it is killed without a word. Version 2 has one file per group, visible at the mount's root
 * inside a container and below our group's path outside; version 1 has a tree per controller. */
#include "shmem/region/region.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/env.h"

static bool
read_small_file(Env *env, const char *path, char *out, size_t bytes)
{
    int fd = env->open(env, path, O_RDONLY, 0);
    ssize_t n;

    if (fd < 0)
        return false;
    n = env->read(env, fd, out, bytes - 1);
    env->close(env, fd);
    if (n <= 0)
        return false;
    out[n] = '\0';
    return true;
}

/* The number in a limit file; UINT64_MAX for "max", a missing file, or version 1's "no limit". */
static uint64_t
read_limit(Env *env, const char *path)
{
    char text[64], *end;
    uint64_t bytes;

    if (!read_small_file(env, path, text, sizeof(text)))
        return UINT64_MAX;
    bytes = strtoull(text, &end, 10);
    if (end == text || bytes == 0)
        return UINT64_MAX;
    return bytes;
}

/* Our group's path below a hierarchy: the line of /proc/self/cgroup whose controller list is `name`
 * ("" is version 2's). */
static bool
group_path(const char *cgroups, const char *name, char *out, size_t bytes)
{
    const char *line = cgroups;

    while (*line != '\0') {
        const char *first = strchr(line, ':');
        const char *second = first != NULL ? strchr(first + 1, ':') : NULL;
        const char *end = strchr(line, '\n');

        if (end == NULL)
            end = line + strlen(line);
        if (second != NULL && second < end && (size_t)(second - first - 1) == strlen(name) &&
            memcmp(first + 1, name, strlen(name)) == 0) {
            snprintf(out, bytes, "%.*s", (int)(end - second - 1), second + 1);
            return true;
        }
        line = *end == '\0' ? end : end + 1;
    }
    return false;
}

/* The smallest limit of our group and all above it. */
static uint64_t
hierarchy_limit(Env *env, const char *mount, const char *group, const char *file)
{
    char path[1024], walk[512];
    uint64_t least = UINT64_MAX;

    snprintf(walk, sizeof(walk), "%s", group);
    for (;;) {
        char *slash;

        snprintf(path, sizeof(path), "%s%s/%s", mount, walk, file);
        least = MIN_OF(least, read_limit(env, path));
        slash = strrchr(walk, '/');
        if (slash == NULL)
            break;
        *slash = '\0';
    }
    return least;
}

uint64_t
region_machine_bytes(Ctx *cx)
{
    uint64_t ram = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE), group = UINT64_MAX;
    char cgroups[4096], path[512];

    if (read_small_file(cx->env, "/proc/self/cgroup", cgroups, sizeof(cgroups))) {
        if (group_path(cgroups, "", path, sizeof(path)))
            group = MIN_OF(group, hierarchy_limit(cx->env, "/sys/fs/cgroup", path, "memory.max"));
        if (group_path(cgroups, "memory", path, sizeof(path)))
            group =
                MIN_OF(group, hierarchy_limit(cx->env, "/sys/fs/cgroup/memory", path, "memory.limit_in_bytes"));
    }
    return MIN_OF(ram, group);
}

uint64_t
region_default_limit(Ctx *cx)
{
    return region_machine_bytes(cx) / 10 * 8;
}
