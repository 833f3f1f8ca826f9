/* damage.c - see damage.h. */
#include "storage/check/damage.h"

#include <stdarg.h>
#include <stdio.h>

void
damage_found(DamageReport *report, PageId where, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    report->count++;
    report->found(report->arg, where, text);
}
