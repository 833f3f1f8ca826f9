/* src/postmaster/notify.h - telling a service manager how we are, and proving that we are alive.
 *
 * The protocol (sd_notify(3)) is one datagram of KEY=value lines to the socket named in $NOTIFY_SOCKET.
 * It is spoken directly: libsystemd would bring a handful of libraries to load at each start. */
#ifndef POSTMASTER_NOTIFY_H
#define POSTMASTER_NOTIFY_H
#include "base/attr.h"

/* A no-op without a service manager. */
void notify_send(const char *state);
void notify_ready(const char *status);
void notify_reloading(void);
void notify_stopping(void);
/* How often notify_send("WATCHDOG=1") is due; 0 = nobody is watching. */
uint64_t notify_watchdog_us(void);

#endif
