/* src/shmem/proc/follow.h - sessions that keep to the processor core on which their client works.
 *
 * A client and its session take turns. On one core each finds the other's bytes in the cache, and to wake it costs no message between
 * cores; the scheduler prefers an idle core for whoever wakes, which costs tens of microseconds on a virtual machine. So a session asks
 * to be kept where its client is (sched_setaffinity(2)) while its statements are short (decision 0030).
 *
 * No core is given more such sessions than the one with the fewest has: what many connections of one thread ask for is spread as ever. Who has
 * gone without a statement, or is in the same one, for as long as the janitor looks away, keeps to no core any more.
 *
 *   free --proc_follow--> at a core --proc_unfollow, proc_release--> free
 *                         at a core --another core, if it has place--> at that one
 *                         at a core --proc_follow_expire, by the janitor--> free
 *                         at a core --killed, and the slot is cleaned--> free
 *
 * The janitor and the owner may change it at the same moment, or one be killed between its note and its call to the system. Then the two say
 * different things until the owner's next proc_follow or proc_unfollow, both of which set it right. */
#ifndef PROC_FOLLOW_H
#define PROC_FOLLOW_H
#include "shmem/proc/proc.h"

/* From now on the session keeps to core number `core_no`. False: it does not, and to no other either, because it may not
 * (proc_set_may_follow), another core has fewer sessions, the server may not use that core, or the system does not let us. By the owner, in
 * the thread that works for it. */
bool proc_follow(Proc *proc, int core_no);

/* It works wherever the server may. Costs nothing when it does already. */
void proc_unfollow(Proc *proc);

/* The session's setting; true at first. */
void proc_set_may_follow(Proc *proc, bool may);

/* The janitor, every now and then: those who have begun no statement since the last call keep to no core. */
void proc_follow_expire(ProcTable *table);

#endif
