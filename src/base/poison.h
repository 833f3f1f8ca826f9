/* src/base/poison.h - telling AddressSanitizer which bytes nobody may touch.
 *
 * An allocator of ours takes large pieces from malloc, inside which AddressSanitizer would see no mistake. So it marks
 * what it has not given out. Without the sanitizer all of this is nothing. */
#ifndef BASE_POISON_H
#define BASE_POISON_H

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define POISON_IS_ON 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define POISON_IS_ON 1
#endif

#ifdef POISON_IS_ON
#include <sanitizer/asan_interface.h>
#define POISON(p, bytes)   ASAN_POISON_MEMORY_REGION((p), (bytes))
#define UNPOISON(p, bytes) ASAN_UNPOISON_MEMORY_REGION((p), (bytes))
#define POISON_GAP_BYTES   16 /* left between two pieces, so that running over one's end is seen */
#else
#define POISON(p, bytes)   ((void)(p), (void)(bytes))
#define UNPOISON(p, bytes) ((void)(p), (void)(bytes))
#define POISON_GAP_BYTES   0
#endif

#endif
