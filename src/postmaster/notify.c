/* notify.c - see notify.h. */
#include "postmaster/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/env.h"

void
notify_send(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t bytes = path != NULL ? strlen(path) : 0;
    int fd;

    if (bytes < 2 || bytes >= sizeof(a.sun_path) || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(a.sun_path, path, bytes);
    if (path[0] == '@') /* the abstract name space starts with a NUL */
        a.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&a,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes));
    close(fd);
}

void
notify_ready(const char *status)
{
    char text[256];

    snprintf(text, sizeof(text), "READY=1\nSTATUS=%s\nMAINPID=%d\n", status, (int)getpid());
    notify_send(text);
}

void
notify_reloading(void)
{
    char text[96];

    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu\n",
             (unsigned long long)env_mono_us(env_system()));
    notify_send(text);
}

void
notify_stopping(void)
{
    notify_send("STOPPING=1\n");
}

uint64_t
notify_watchdog_us(void)
{
    const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

    if (us == NULL || getenv("NOTIFY_SOCKET") == NULL || (pid != NULL && atoi(pid) != (int)getpid()))
        return 0;
    return strtoull(us, NULL, 10) / 2;
}
