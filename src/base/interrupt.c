/* interrupt.c - see the header. A raise between two sessions is kept in `pending` and handed to the
 * next watcher, because "end" may arrive while the process has no session.
 *
 * Invariant: a raise that happens after interrupt_watch() has returned is visible in the word; one
 * that happens during it is seen either by the handler's own store or by the exchange at the end. */
#include "base/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

static _Atomic(_Atomic uint32_t *) watched_word;
static _Atomic(_Atomic uint32_t *) watched_sem;
static _Atomic int watched_fd = -1;
static _Atomic(Outgoing *) last_words_after;
static _Atomic uint32_t pending;
static _Atomic bool hang_up_pending;

static void
set(_Atomic uint32_t *word, uint32_t bits)
{
    _Atomic uint32_t *sem = atomic_load(&watched_sem);

    atomic_fetch_or(word, bits);
    if (sem != NULL)
        atomic_store(sem, 1); /* after the bits; the signal itself ends a sleep that has begun */
}

void
interrupt_watch(int fd, _Atomic uint32_t *word, _Atomic uint32_t *sem)
{
    uint32_t bits;

    atomic_store(&watched_fd, fd);
    atomic_store(&watched_sem, sem);
    atomic_store(&watched_word, word);
    bits = atomic_exchange(&pending, 0);
    if (bits != 0)
        set(word, bits);
    if (atomic_exchange(&hang_up_pending, false) && fd >= 0)
        shutdown(fd, SHUT_RD);
}

void
interrupt_unwatch(void)
{
    atomic_store(&last_words_after, NULL);
    atomic_store(&watched_word, NULL);
    atomic_store(&watched_sem, NULL);
    atomic_store(&watched_fd, -1);
}

void
interrupt_raise(uint32_t bits, bool hang_up)
{
    _Atomic uint32_t *word = atomic_load(&watched_word);
    int fd = atomic_load(&watched_fd);
    int saved = errno;

    if (word != NULL)
        set(word, bits);
    else
        atomic_fetch_or(&pending, bits);
    if (hang_up && fd >= 0)
        shutdown(fd, SHUT_RD);
    else if (hang_up)
        atomic_store(&hang_up_pending, true);
    errno = saved;
}

void
interrupt_outgoing(Outgoing *outgoing, OutgoingState state)
{
    int signo;

    /* Only a handler of this thread looks: the compiler's order is enough. */
    atomic_store_explicit(&outgoing->state, state, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    signo = atomic_load_explicit(&outgoing->held_signo, memory_order_relaxed);
    if (signo != 0 && state != OUTGOING_UNKNOWN)
        raise(signo);
}

void
interrupt_allow_last_words(Outgoing *outgoing)
{
    atomic_store(&last_words_after, outgoing);
}

bool
interrupt_last_words(int signo, const void *data, size_t bytes)
{
    Outgoing *after = atomic_load(&last_words_after);
    OutgoingState state = after != NULL ? atomic_load(&after->state) : OUTGOING_PART;

    if (state == OUTGOING_UNKNOWN)
        atomic_store(&after->held_signo, signo);
    if (state == OUTGOING_WHOLE)
        (void)send(atomic_load(&watched_fd), data, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    return state != OUTGOING_UNKNOWN;
}
