/* src/base/attr.h - compiler attributes, assertions and the few macros everyone may use.
 *
 * ASSERT stays in production builds: it guards what only we can get wrong. Bytes from outside are
 * verified with a Status instead. */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK           __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, va) __attribute__((format(printf, fmt, va)))
#define NORETURN             __attribute__((noreturn))
#define LIKELY(x)            __builtin_expect(!!(x), 1)
#define UNLIKELY(x)          __builtin_expect(!!(x), 0)
#define COUNT_OF(a)          (sizeof(a) / sizeof((a)[0]))
#define MIN_OF(a, b)         TAKE_IF(a, <, b, __COUNTER__)
#define MAX_OF(a, b)         TAKE_IF(a, >, b, __COUNTER__)
/* Both are evaluated once; names with a number of their own let them nest. */
#define TAKE_IF(a, op, b, no) TAKE_IF_NAMED(a, op, b, PASTE(take_a, no), PASTE(take_b, no))
#define TAKE_IF_NAMED(a, op, b, x, y)                                                                          \
    ({                                                                                                         \
        __typeof__(1 ? (a) : (b)) x = (a);                                                                     \
        __typeof__(x) y = (b);                                                                                 \
        x op y ? x : y;                                                                                        \
    })
#define PASTE(a, b)       PASTE_NAMED(a, b)
#define PASTE_NAMED(a, b) a##b
#define ALIGN_UP(n, to)   (((n) + ((to)-1)) & ~((uintptr_t)(to)-1))

/* Logs the expression with its place and ends the process with SIGABRT (rule C2). */
NORETURN void assert_failed(const char *expression, const char *file, int line);

#define ASSERT(x)                                                                                              \
    do {                                                                                                       \
        if (UNLIKELY(!(x)))                                                                                    \
            assert_failed(#x, __FILE__, __LINE__);                                                             \
    } while (0)

#ifdef HELIOS_DEBUG
#define DEBUG_ASSERT(x) ASSERT(x)
#else
#define DEBUG_ASSERT(x) ((void)sizeof(x))
#endif

#endif
