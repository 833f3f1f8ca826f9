/* src/backend/type/timezone.h - time zones: which offset from UTC holds when.
 *
 * A zone comes from the system's TZif files (RFC 8536; $TZDIR or /usr/share/zoneinfo) or from a POSIX rule
 * ("UTC+3", "EST5EDT,M3.2.0,M11.1.0"). It is read once per process and never changes or goes away, so the
 * pointer may be kept. NULL stands for UTC. Safe from any thread. */
#ifndef TYPE_TIMEZONE_H
#define TYPE_TIMEZONE_H
#include "backend/type/type.h"

typedef struct ZoneOffset {
    int32_t seconds; /* east of UTC */
    bool is_dst;
    const char *abbrev; /* lives as long as the zone */
} ZoneOffset;

/* 22023 'time zone "x" not recognized'. Names are found whatever their case. */
MUST_CHECK Status timezone_find(Ctx *cx, const char *name, size_t bytes, const TimeZone **out);
/* The same; NULL when there is none. *out_of_memory is not told apart. */
const TimeZone *timezone_lookup(const char *name, size_t bytes);
/* As the setting TimeZone takes it: a name, a rule, or hours east of UTC ("3", "-4.5"). NULL: none of them. */
const TimeZone *timezone_of_setting(const char *text);
/* A zone of one offset, named in POSIX style: <+03>-03. Seconds east of UTC. */
const TimeZone *timezone_fixed(int32_t seconds);
const char *timezone_name(const TimeZone *zone);

/* `t` is a timestamp: microseconds since 2000-01-01. */
ZoneOffset timezone_at_utc(const TimeZone *zone, int64_t t);
/* For local time. In a gap the offset before it holds, in an overlap the one after it. */
ZoneOffset timezone_at_local(const TimeZone *zone, int64_t t);

/* An abbreviation as dates carry it ("EST"), at local time t; case does not matter. */
MUST_CHECK bool timezone_abbrev(const char *name, size_t bytes, int64_t local, ZoneOffset *out);
bool timezone_abbrev_exists(const char *name, size_t bytes);

#endif
