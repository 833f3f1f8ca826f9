/* src/storage/check/damage.h - what a check finds: reported, not asserted, so that one find does not hide the next. */
#ifndef DAMAGE_H
#define DAMAGE_H
#include "base/ctx.h"
#include "base/ids.h"

enum { DAMAGE_NO_BLOCK = UINT32_MAX }; /* of the relation as a whole */

typedef struct DamageReport {
    void (*found)(void *arg, PageId where, const char *what);
    void *arg;
    uint64_t count;
} DamageReport;

void damage_found(DamageReport *report, PageId where, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
