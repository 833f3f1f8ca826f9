/* src/base/fault.h - the outside world going wrong at the n-th call, for tests.
 *
 * A board is a file that the server maps when it is started with HELIOS_STORE_FAULT=FILE; the file has to be there and to
 * be a board, so nobody gets one by accident. A test writes rules into it, also while the server runs: which kind of call,
 * in which processes, from which call on and how often, and what happens to it. All processes count together. Without a
 * board nothing is wrapped but allocations, which pay one predictable load.
 *
 * Where calls pass by: files through the environment (fault_env_install), pages through storage/store/store_fault.h,
 * memory through fault_alloc.c. */
#ifndef FAULT_H
#define FAULT_H
#include <stdatomic.h>

#include "base/env.h"

typedef enum FaultKind {
#define FAULT_KIND(id, name, doc) id,
#include "base/fault_kinds.def"
#undef FAULT_KIND
    FAULT_KIND_COUNT
} FaultKind;

typedef enum FaultAction {
    FAULT_FAIL, /* nothing happens, and the call says so */
    FAULT_DELAY, /* it takes longer */
    FAULT_TEAR, /* the first half happens, and the call fails; of a page: it says it has succeeded */
    FAULT_CORRUPT, /* one bit is another, and nobody is told */
    FAULT_KILL, /* the process is killed before the call */
    FAULT_ACTION_COUNT
} FaultAction;

enum { FAULT_RULES = 30, FAULT_RULE_BYTES = 128 };
#define FAULT_MAGIC UINT64_C(0x31746c7561466548) /* "HeFault1" */

typedef struct FaultRule {
    _Atomic uint32_t armed; /* atomic: 1 = it counts; written last */
    uint32_t kind, action; /* before `armed` */
    uint32_t argument; /* before `armed`: errno, or milliseconds */
    uint64_t first,
        count; /* before `armed`: the first call that is met, from 1; how many, 0 = all from there on */
    _Atomic uint64_t calls, hits; /* atomic: seen, and met, since it was armed */
    char process[16]; /* before `armed`: the process's name begins so; "" = every process */
    char spare[64];
} FaultRule;
static_assert(sizeof(FaultRule) == FAULT_RULE_BYTES, "tests write rules by their offsets");

typedef struct FaultBoard {
    uint64_t magic;
    char spare[FAULT_RULE_BYTES - 8];
    FaultRule rules[FAULT_RULES];
} FaultBoard;

/* Process-wide, set before threads or children start (base/README.md). NULL = no board. */
extern FaultBoard *fault_board;

typedef struct Fault {
    FaultAction action; /* FAIL, TEAR or CORRUPT: others have happened already */
    int error; /* errno */
} Fault;

/* Counts this call. True: the caller does to it what *out says. */
bool fault_meets_slow(FaultKind kind, Fault *out);
static inline bool
fault_meets(FaultKind kind, Fault *out)
{
    return UNLIKELY(fault_board != NULL) && fault_meets_slow(kind, out);
}

/* Opens what HELIOS_STORE_FAULT names and wraps the environment; true when it names nothing. False: it is no board. */
MUST_CHECK bool fault_board_from_env(void);
/* From now on calls for files of the log and temporary files pass by the board. */
void fault_env_install(Env *env);

#endif
