/* fault_alloc.c - memory that may be refused (fault.h).
 *
 * The server is linked so that malloc, calloc and realloc of its own code come by here (--wrap); libraries that are loaded
 * keep their own. */
#include <stdlib.h>

#include "base/fault.h"

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);

static bool
refuses(void)
{
    Fault fault;

    return fault_meets(FAULT_MEMORY, &fault) && fault.action == FAULT_FAIL;
}

void *
__wrap_malloc(size_t bytes)
{
    return refuses() ? NULL : __real_malloc(bytes);
}

void *
__wrap_calloc(size_t count, size_t bytes)
{
    return refuses() ? NULL : __real_calloc(count, bytes);
}

void *
__wrap_realloc(void *old, size_t bytes)
{
    return refuses() ? NULL : __real_realloc(old, bytes);
}
