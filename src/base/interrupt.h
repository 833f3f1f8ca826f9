/* src/base/interrupt.h - what a signal may do to the one session of this process.
 *
 * A server process serves one session at a time. Signal handlers reach it through two words kept
 * here: the interrupt word of its context, and the socket it may be asleep on. Told to end, the
 * handler shuts the socket for reading, so that a recv(2) that is about to sleep returns as well as
 * one that already does: no race, and no extra system call per message.
 *
 * The words are process-wide because handlers have no arguments. An embedding program never calls
 * interrupt_watch, and raising is then a no-op. */
#ifndef BASE_INTERRUPT_H
#define BASE_INTERRUPT_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* From now on handlers set bits in *word (cx->interrupt) and may shut `fd` (-1 = no socket). Bits
 * raised while nobody watched are not lost: they are set in *word now. `sem` (NULL = there is none) is set to 1 with them: who sleeps
 * on it while it is 0 does not sleep on. */
void interrupt_watch(int fd, _Atomic uint32_t *word, _Atomic uint32_t *sem);
/* To be called before the socket is closed or the word goes away. */
void interrupt_unwatch(void);
/* Async-signal-safe. `hang_up`: reading from the socket is over. */
void interrupt_raise(uint32_t bits, bool hang_up);

/* How much of its output the session has sent. Its owner says so through interrupt_outgoing; the handler reads it. */
typedef enum OutgoingState {
    OUTGOING_WHOLE, /* whole messages */
    OUTGOING_UNKNOWN, /* send(2) is about to be called, or has just returned: whole messages or not */
    OUTGOING_PART /* a message has left in part */
} OutgoingState;

typedef struct Outgoing {
    _Atomic uint32_t state; /* OutgoingState */
    _Atomic int held_signo; /* came while the state was unknown; 0 = none */
} Outgoing;

/* A signal that was held meanwhile comes again. */
void interrupt_outgoing(Outgoing *outgoing, OutgoingState state);

/* The watched socket may be given last words until interrupt_unwatch, if only whole messages have left. NULL: no longer. */
void interrupt_allow_last_words(Outgoing *outgoing);
/* Async-signal-safe, for the handler of `signo`: sends these bytes if they are allowed and the socket takes them at once. The process has
 * to end now; false: not yet, `signo` comes again in a moment. */
bool interrupt_last_words(int signo, const void *data, size_t bytes);

#endif
