/* stop_point.c - the board of armed points.
 *
 * Each entry is a small state machine in shared memory:
 *   FREE --arm--> ARMED --a process arrives--> STOPPED --release--> FREE
 * The process that arrived waits for the state to leave STOPPED. Polling with short sleeps is enough:
 * only tests come here. */
#include "base/stop_point.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { POINTS_MOST = 64, NAME_BYTES = 56 };
enum { POINT_FREE, POINT_ARMED, POINT_STOPPED };

typedef struct Point {
    _Atomic uint32_t state; /* atomic */
    int pid; /* armed: who shall stop, 0 = anyone; stopped: who did */
    char name[NAME_BYTES]; /* written before the state becomes ARMED */
} Point;

struct StopBoard {
    Point points[POINTS_MOST];
};

StopBoard *stop_board;

static void
nap(void)
{
    struct timespec t = {.tv_nsec = 200 * 1000};

    nanosleep(&t, NULL);
}

static bool
map_board(int fd, int flags)
{
    void *p = mmap(NULL, sizeof(StopBoard), PROT_READ | PROT_WRITE, flags, fd, 0);

    if (p == MAP_FAILED)
        return false;
    stop_board = p;
    return true;
}

bool
stop_board_create(void)
{
    return map_board(-1, MAP_SHARED | MAP_ANONYMOUS);
}

bool
stop_board_open(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bool ok;

    if (fd < 0)
        return false;
    ok = ftruncate(fd, sizeof(StopBoard)) == 0 && map_board(fd, MAP_SHARED);
    close(fd);
    return ok;
}

bool
stop_board_from_env(void)
{
    const char *path = getenv("HELIOS_STOP_BOARD");

    return path == NULL || stop_board_open(path);
}

void
stop_point_slow(const char *name)
{
    for (int i = 0; i < POINTS_MOST; i++) {
        Point *p = &stop_board->points[i];
        uint32_t armed = POINT_ARMED;

        if (atomic_load(&p->state) != POINT_ARMED || strcmp(p->name, name) != 0)
            continue;
        if (p->pid != 0 && p->pid != (int)getpid())
            continue;
        if (!atomic_compare_exchange_strong(&p->state, &armed, POINT_STOPPED))
            continue;
        p->pid = (int)getpid();
        while (atomic_load(&p->state) == POINT_STOPPED)
            nap();
        return;
    }
}

void
stop_point_arm(const char *name, int pid)
{
    ASSERT(stop_board != NULL);
    ASSERT(strlen(name) < NAME_BYTES);
    for (int i = 0; i < POINTS_MOST; i++) {
        Point *p = &stop_board->points[i];

        if (atomic_load(&p->state) != POINT_FREE)
            continue;
        p->pid = pid;
        memcpy(p->name, name, strlen(name) + 1);
        atomic_store(&p->state, POINT_ARMED);
        return;
    }
    ASSERT(!"more stop points than the board has room for");
}

static Point *
find(const char *name, uint32_t state)
{
    for (int i = 0; i < POINTS_MOST; i++) {
        Point *p = &stop_board->points[i];

        if (atomic_load(&p->state) == state && strcmp(p->name, name) == 0)
            return p;
    }
    return NULL;
}

bool
stop_point_wait(const char *name, int timeout_ms, int *pid)
{
    ASSERT(stop_board != NULL);
    for (int i = 0; i < timeout_ms * 5; i++) {
        Point *p = find(name, POINT_STOPPED);

        if (p != NULL) {
            if (pid != NULL)
                *pid = p->pid;
            return true;
        }
        nap();
    }
    return false;
}

void
stop_point_release(const char *name)
{
    Point *p;

    ASSERT(stop_board != NULL);
    while ((p = find(name, POINT_STOPPED)) != NULL || (p = find(name, POINT_ARMED)) != NULL)
        atomic_store(&p->state, POINT_FREE);
}
