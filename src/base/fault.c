/* fault.c - see fault.h. */
#include "base/fault.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

FaultBoard *fault_board;

static bool
is_of_process(const FaultRule *r)
{
    char name[16] = {0};

    if (r->process[0] == '\0')
        return true;
    prctl(PR_GET_NAME, name);
    return strncmp(name, r->process, strnlen(r->process, sizeof(r->process))) == 0;
}

static void
delay(uint32_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

bool
fault_meets_slow(FaultKind kind, Fault *out)
{
    for (int i = 0; i < FAULT_RULES; i++) {
        FaultRule *r = &fault_board->rules[i];
        uint64_t call;

        if (atomic_load(&r->armed) == 0 || r->kind != kind || !is_of_process(r))
            continue;
        call = atomic_fetch_add(&r->calls, 1) + 1;
        if (call < r->first || (r->count != 0 && call >= r->first + r->count))
            continue;
        atomic_fetch_add(&r->hits, 1);
        switch ((FaultAction)r->action) {
        case FAULT_DELAY: delay(r->argument); continue;
        case FAULT_KILL: kill(getpid(), SIGKILL); continue;
        default: break;
        }
        *out = (Fault){.action = (FaultAction)r->action, .error = (int)r->argument};
        return true;
    }
    return false;
}

bool
fault_board_from_env(void)
{
    const char *path = getenv("HELIOS_STORE_FAULT");
    struct stat st;
    void *p = MAP_FAILED;
    int fd;

    if (path == NULL)
        return true;
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0 && (size_t)st.st_size >= sizeof(FaultBoard))
        p = mmap(NULL, sizeof(FaultBoard), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (p == MAP_FAILED)
        return false;
    if (((FaultBoard *)p)->magic != FAULT_MAGIC) {
        munmap(p, sizeof(FaultBoard));
        return false;
    }
    fault_board = p;
    fault_env_install(env_system());
    return true;
}
