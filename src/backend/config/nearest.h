/* src/backend/config/nearest.h - "did you mean": the known name that is closest to a misspelt one. */
#ifndef CONFIG_NEAREST_H
#define CONFIG_NEAREST_H
#include "base/attr.h"

typedef struct Nearest {
    const char *wanted;
    const char *best; /* NULL = nothing is near enough to be worth saying */
    int distance;
} Nearest;

Nearest nearest_begin(const char *wanted);
void nearest_offer(Nearest *n, const char *name);

#endif
