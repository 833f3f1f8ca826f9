/* src/shmem/proc/proc.h - process slots: one for each session and background worker.
 *
 * A slot says who it is, whether it is inside a critical section (C1), what it holds (pins, locks,
 * waits) and what somebody wants of it (interrupts). The postmaster creates the slots with the region,
 * marks a slot DEAD when its process was killed, and reads whether that was inside a critical
 * section; the janitor cleans up after it (C3).
 *
 *   FREE --claim--> ACTIVE --release--> FREE
 *                   ACTIVE --postmaster saw a kill--> DEAD --janitor--> FREE */
#ifndef PROC_H
#define PROC_H
#include "base/ctx.h"
#include "base/ids.h"
#include "shmem/proc/wait_event.h"

typedef struct Proc Proc;
typedef struct ProcTable ProcTable;

typedef enum ProcKind { PROC_BACKEND, PROC_JANITOR, PROC_STORE, PROC_WAL_WRITER } ProcKind;
typedef enum ProcState { PROC_FREE, PROC_ACTIVE, PROC_DEAD } ProcState;

/* Bits of the interrupt word; cleared by the session when it has acted. */
enum {
    INTERRUPT_CANCEL = 1, /* 57014 canceling statement due to user request */
    INTERRUPT_TERMINATE = 2, /* 57P01 */
    INTERRUPT_RELOAD = 4, /* configuration changed */
    INTERRUPT_WAKE = 8, /* look at your queues */
    INTERRUPT_DEATH = 16, /* for the janitor: somebody was killed, and others may wait for what it held */
    INTERRUPT_ORPHANED = 32, /* with TERMINATE: because the postmaster is gone */
};

/* What pg_stat_activity shows; written by the owner only, read by all with proc_activity_read. */
typedef enum ActivityState {
    ACTIVITY_STARTING,
    ACTIVITY_IDLE,
    ACTIVITY_ACTIVE,
    ACTIVITY_IDLE_IN_TRANSACTION,
    ACTIVITY_IDLE_IN_ABORTED,
} ActivityState;
typedef struct Activity {
    int pid;
    ProcKind kind;
    uint32_t database_oid, role_oid;
    BranchId branch;
    char database[64], role[64], application[64], client_addr[64];
    int client_port; /* -1 = Unix socket */
    int64_t backend_start_us, xact_start_us, query_start_us, state_change_us; /* wall clock, 0 = none */
    ActivityState state;
    Xid xid;
    uint32_t wait_event; /* of wait_events.def, 0 = none */
    char query[1024];
    char tls_version[16], tls_cipher[48]; /* "" = no TLS */
    int tls_bits;
} Activity;

/* What a session has done since it took its slot. */
typedef enum SessionCounter {
    COUNT_COMMITS,
    COUNT_ROLLBACKS,
    COUNT_PAGES, /* looked at */
    COUNT_INSERTED,
    COUNT_UPDATED,
    COUNT_DELETED,
    COUNT_DEADLOCKS, /* it was the victim of */
    COUNT_TEMP_FILES,
    COUNT_TEMP_BYTES, /* that temporary files have taken */
    COUNT_SESSIONS, /* 1 once it has logged in */
    COUNT_ROWS_READ, /* scanned, in tables and indexes */
    COUNT_ROWS_FOUND, /* that an index led to */
    COUNT_PAGES_LOADED, /* it asked the store for */
    COUNT_PAGES_READ, /* of those it has then read by itself */
    COUNT_PAGES_DAMAGED, /* it was refused for */
    COUNT_DAMAGED_US, /* not counted: wall clock of the last of them, 0 = there was none */
    COUNT_LOG_RECORDS,
    COUNT_LOG_FULL, /* waits for room in the log's buffer */
    COUNT_ACTIVE_US, /* running statements; fast-path calls included */
    COUNT_IDLE_IN_TRANSACTION_US,
    COUNT_SESSION_US, /* logged in; of sessions that have ended */
    COUNT_ABANDONED, /* 1: the client was lost */
    COUNT_FATAL, /* 1: an error ended it */
    COUNT_KILLED, /* 1: it was told to end */
    SESSION_COUNTERS
} SessionCounter;

/* How a relation was read; shmem/pagecache/rel_counts.h. */
typedef enum RelCount {
    REL_SCANS, /* begun */
    REL_ROWS_READ, /* a table's by scanning it all; an index's entries */
    REL_ROWS_FOUND, /* an index's: rows it led to */
    REL_PINS, /* pages looked at */
    REL_LOADS, /* pages that had to be read */
    REL_COUNTS
} RelCount;

ProcTable *proc_table(struct Engine *engine);
uint32_t proc_slot_count(const ProcTable *table);

/* ---- the owner ------------------------------------------------------------------------------------ */
/* engine_attach and engine_detach call these. */
MUST_CHECK Status proc_claim(Ctx *cx, ProcTable *table, ProcKind kind, Proc **out);
void proc_release(Proc *proc);
uint32_t proc_no(const Proc *proc);
uint32_t proc_cancel_secret(const Proc *proc); /* random, for BackendKeyData */
_Atomic uint32_t *proc_sem(Proc *proc); /* what proc_sleep sleeps on, for interrupt_watch */
/* The session is logged in; transactions it took for that do not count. */
void proc_count_session(Proc *proc);
/* For those who have no business with the slot itself. */
void proc_count_more(Proc *proc, SessionCounter counter, uint64_t n);
uint64_t proc_page_count(const Proc *proc); /* pages looked at so far; only ever grows */
/* Seqlock write: between the two calls the owner may change the Activity it gets. */
Activity *proc_activity_begin(Proc *proc);
void proc_activity_end(Proc *proc);

/* What others see it wait for; WAIT_NONE when that is over. One store. */
void proc_set_wait(Proc *proc, WaitEvent event);

/* Sleeps until woken (proc_wake, proc_interrupt) or the monotonic deadline; may return early. */
void proc_sleep(Ctx *cx, Proc *proc, uint64_t deadline_us);

/* The error is passed over, but who was told to stop is told again at the next ctx_poll. `deadline_us`: cx's, before the call that
 * failed with `rc`. */
void proc_pass_over(Ctx *cx, Status rc, uint64_t deadline_us);

/* C1. Cheap: one store in the own slot. Nests. */
void proc_critical_enter(Proc *proc);
void proc_critical_leave(Proc *proc);

/* ---- others --------------------------------------------------------------------------------------- */
/* Sessions and the janitor, who change pages. */
bool proc_anybody_works(const ProcTable *table);
MUST_CHECK bool proc_activity_read(const ProcTable *table, uint32_t slot_no,
                                   Activity *out); /* false: not active */
/* What the slot's owner has counted; *branch is its database's. */
void proc_read_counters(const ProcTable *table, uint32_t slot_no, BranchId *branch,
                        uint64_t out[SESSION_COUNTERS]);
/* Sets bits and wakes the session if it sleeps on a futex. */
void proc_interrupt(ProcTable *table, uint32_t slot_no, uint32_t bits);
/* Files have been deleted: who keeps some open (Proc.files_open) is told to close them, so that the disk gets its space back. */
void proc_tell_files_gone(ProcTable *table);
/* By pid: false when there is no such session; workers are none. */
bool proc_interrupt_pid(ProcTable *table, int pid, uint32_t bits);
/* A cancel request: pid and secret must both fit. */
bool proc_cancel(ProcTable *table, int pid, uint32_t secret);

/* ---- the postmaster ------------------------------------------------------------------------------- */
typedef enum ProcDeath {
    PROC_DEATH_UNKNOWN_PID, /* had no slot: nothing to clean */
    PROC_DEATH_CLEAN, /* had given its slot back */
    PROC_DEATH_OUTSIDE, /* outside a critical section: slot is DEAD now, janitor woken */
    PROC_DEATH_INSIDE, /* inside one: shared memory can not be trusted */
} ProcDeath;
/* After waitpid. `fatal_signal`: died of SIGSEGV, SIGBUS, SIGABRT, SIGILL (counts as inside, C2). */
ProcDeath proc_mark_dead(ProcTable *table, int pid, bool fatal_signal);

#endif
