/* timezone.c - reading TZif files and POSIX rules; see timezone.h.
 *
 * Zones that were read form a list that only grows: a new one is put in front with a compare-and-swap, so
 * readers need no lock, and two threads that read the same file at once leave a harmless duplicate. The
 * list is one of the agreed process-wide things: a cache of files, the same for every session. */
#include "backend/type/timezone.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/type/calendar.h"
#include "base/bytes.h"

enum {
    NAME_MOST = 255,
    ABBREV_MOST = 16,
    FILE_MOST = 1 << 20,
    RULE_HOURS_MOST = 167,
    UNIX_SECONDS_OF_2000 = 946684800,
};

/* When a POSIX rule switches: Mm.w.d, Jn or n; `seconds` of local time. */
typedef struct Switch {
    char kind; /* 'M', 'J', '0' */
    int month, week, day;
    int32_t seconds;
} Switch;

typedef struct Rule {
    bool present, has_dst;
    int32_t std_seconds, dst_seconds; /* east of UTC */
    char std_abbrev[ABBREV_MOST], dst_abbrev[ABBREV_MOST];
    Switch start, end;
} Rule;

typedef struct ZoneType {
    int32_t seconds;
    bool is_dst;
    uint8_t abbrev_at;
} ZoneType;

struct TimeZone {
    TimeZone *next;
    char name[NAME_MOST + 1];
    uint32_t transition_count, type_count;
    int64_t *transitions; /* seconds since 1970, ascending */
    uint8_t *types; /* of each transition */
    ZoneType *type_table;
    char *abbrevs;
    Rule rule; /* what holds after the last transition */
};

static _Atomic(TimeZone *) zones;

/* --- POSIX rules ------------------------------------------------------------------------------------------- */
static const char *
rule_abbrev(const char *p, char *out)
{
    size_t n = 0;
    bool quoted = *p == '<';

    if (quoted)
        p++;
    while (n < ABBREV_MOST - 1 && (quoted ? *p != '\0' && *p != '>' : isalpha((unsigned char)*p)))
        out[n++] = *p++;
    out[n] = '\0';
    if (quoted && *p++ != '>')
        return NULL;
    if (n == 0 && !quoted) /* "-05:30": an offset without a name */
        return *p == '+' || *p == '-' || isdigit((unsigned char)*p) ? p : NULL;
    return n >= 3 || (quoted && n > 0) ? p : NULL;
}

static const char *
rule_number(const char *p, int low, int high, int *out)
{
    char *end;
    long v;

    if (!isdigit((unsigned char)*p))
        return NULL;
    v = strtol(p, &end, 10);
    if (v < low || v > high)
        return NULL;
    *out = (int)v;
    return end;
}

static const char *
rule_time(const char *p, int hours_most, int32_t *out)
{
    int sign = 1, part = 0;
    int32_t total;

    if (*p == '+' || *p == '-')
        sign = *p++ == '-' ? -1 : 1;
    p = rule_number(p, 0, hours_most, &part);
    if (p == NULL)
        return NULL;
    total = part * 3600;
    for (int unit = 60; *p == ':' && unit >= 1; unit /= 60) {
        p = rule_number(p + 1, 0, 59, &part);
        if (p == NULL)
            return NULL;
        total += part * unit;
    }
    *out = sign * total;
    return p;
}

static const char *
rule_switch(const char *p, Switch *out)
{
    out->seconds = 7200;
    if (*p == 'M') {
        out->kind = 'M';
        if ((p = rule_number(p + 1, 1, 12, &out->month)) == NULL || *p++ != '.' ||
            (p = rule_number(p, 1, 5, &out->week)) == NULL || *p++ != '.' ||
            (p = rule_number(p, 0, 6, &out->day)) == NULL)
            return NULL;
    } else if (*p == 'J') {
        out->kind = 'J';
        p = rule_number(p + 1, 1, 365, &out->day);
    } else {
        out->kind = '0';
        p = rule_number(p, 0, 365, &out->day);
    }
    if (p != NULL && *p == '/')
        p = rule_time(p + 1, RULE_HOURS_MOST, &out->seconds);
    return p;
}

/* Daylight saving time without dates follows those of the United States, as it does in PostgreSQL. */
static bool
rule_parse(const char *p, Rule *out)
{
    int32_t west;

    memset(out, 0, sizeof(*out));
    p = rule_abbrev(p, out->std_abbrev);
    if (p == NULL || *p == '\0' || (p = rule_time(p, RULE_HOURS_MOST, &west)) == NULL)
        return false;
    out->present = true;
    out->std_seconds = -west;
    if (*p == '\0')
        return true;
    out->has_dst = true;
    if ((p = rule_abbrev(p, out->dst_abbrev)) == NULL)
        return false;
    out->dst_seconds = out->std_seconds + 3600;
    if (*p != '\0' && *p != ',') {
        if ((p = rule_time(p, RULE_HOURS_MOST, &west)) == NULL)
            return false;
        out->dst_seconds = -west;
    }
    if (*p == '\0')
        p = ",M3.2.0,M11.1.0";
    if (*p++ != ',' || (p = rule_switch(p, &out->start)) == NULL || *p++ != ',' ||
        (p = rule_switch(p, &out->end)) == NULL)
        return false;
    return *p == '\0';
}

/* Local seconds since 1970 at which a rule's switch happens in a year. */
static int64_t
switch_seconds(const Switch *s, int64_t year)
{
    int64_t day;

    if (s->kind == 'M') {
        int64_t first = days_from_civil(year, s->month, 1);
        int in_month = (s->day - weekday(first) + 7) % 7 + 7 * (s->week - 1);

        while (in_month >= days_of_month(year, s->month))
            in_month -= 7;
        day = first + in_month;
    } else if (s->kind == 'J') { /* February 29 is never counted */
        day = days_from_civil(year, 1, 1) + s->day - 1 + (is_leap_year(year) && s->day >= 60);
    } else {
        day = days_from_civil(year, 1, 1) + s->day;
    }
    return (day + UNIX_DAYS_OF_2000) * SECONDS_PER_DAY + s->seconds;
}

static bool
rule_is_dst(const Rule *r, int64_t unix_seconds)
{
    int64_t local = unix_seconds + r->std_seconds, start, end;
    int64_t year = civil_from_days(floor_div(local, SECONDS_PER_DAY) - UNIX_DAYS_OF_2000).year;

    start = switch_seconds(&r->start, year) - r->std_seconds;
    end = switch_seconds(&r->end, year) - r->dst_seconds;
    if (start < end)
        return unix_seconds >= start && unix_seconds < end;
    return unix_seconds >= start || unix_seconds < end;
}

static ZoneOffset
rule_at(const Rule *r, int64_t unix_seconds)
{
    if (r->has_dst && rule_is_dst(r, unix_seconds))
        return (ZoneOffset){r->dst_seconds, true, r->dst_abbrev};
    return (ZoneOffset){r->std_seconds, false, r->std_abbrev};
}

/* --- TZif ---------------------------------------------------------------------------------------------------- */
/* The counts of a TZif header, in the file's order. */
typedef struct Counts {
    uint32_t utc, wall, leap, transitions, types, chars;
} Counts;

enum { HEADER_BYTES = 44 };

static bool
read_counts(const char *p, const char *end, Counts *out)
{
    if (end - p < HEADER_BYTES || memcmp(p, "TZif", 4) != 0)
        return false;
    out->utc = get_be32(p + 20);
    out->wall = get_be32(p + 24);
    out->leap = get_be32(p + 28);
    out->transitions = get_be32(p + 32);
    out->types = get_be32(p + 36);
    out->chars = get_be32(p + 40);
    return out->transitions < 100000 && out->types > 0 && out->types <= 256 && out->chars <= 4096 &&
           out->leap < 10000 && out->utc <= 256 && out->wall <= 256;
}

static size_t
block_bytes(const Counts *c, size_t time_bytes)
{
    return c->transitions * (time_bytes + 1) + c->types * 6 + c->chars + c->leap * (time_bytes + 4) + c->wall +
           c->utc;
}

static bool
read_block(TimeZone *z, const Counts *c, const char *p, size_t time_bytes)
{
    z->transition_count = c->transitions;
    z->type_count = c->types;
    z->transitions = calloc(c->transitions + 1, sizeof(int64_t));
    z->types = calloc(c->transitions + 1, 1);
    z->type_table = calloc(c->types, sizeof(ZoneType));
    z->abbrevs = calloc(c->chars + 1, 1);
    if (z->transitions == NULL || z->types == NULL || z->type_table == NULL || z->abbrevs == NULL)
        return false;
    for (uint32_t i = 0; i < c->transitions; i++, p += time_bytes)
        z->transitions[i] = time_bytes == 8 ? (int64_t)get_be64(p) : (int32_t)get_be32(p);
    for (uint32_t i = 0; i < c->transitions; i++, p++) {
        z->types[i] = (uint8_t)*p;
        if (z->types[i] >= c->types)
            return false;
    }
    for (uint32_t i = 0; i < c->types; i++, p += 6) {
        z->type_table[i] = (ZoneType){(int32_t)get_be32(p), p[4] != 0, (uint8_t)p[5]};
        if (z->type_table[i].abbrev_at >= c->chars)
            return false;
    }
    memcpy(z->abbrevs, p, c->chars);
    return true;
}

/* Version 2 and later repeat everything with 64-bit times behind the first block, then the rule. */
static bool
read_tzif(TimeZone *z, const char *p, const char *end)
{
    Counts c;
    bool wide;
    char footer[128];
    const char *newline;

    if (!read_counts(p, end, &c))
        return false;
    wide = p[4] >= '2';
    if (!wide)
        return (size_t)(end - p) >= HEADER_BYTES + block_bytes(&c, 4) && read_block(z, &c, p + HEADER_BYTES, 4);
    if ((size_t)(end - p) < HEADER_BYTES + block_bytes(&c, 4))
        return false;
    p += HEADER_BYTES + block_bytes(&c, 4);
    if (!read_counts(p, end, &c) || (size_t)(end - p) < HEADER_BYTES + block_bytes(&c, 8) ||
        !read_block(z, &c, p + HEADER_BYTES, 8))
        return false;
    p += HEADER_BYTES + block_bytes(&c, 8);
    if (p < end && *p == '\n') {
        p++;
        newline = memchr(p, '\n', (size_t)(end - p));
        if (newline != NULL && newline > p && (size_t)(newline - p) < sizeof(footer)) {
            memcpy(footer, p, (size_t)(newline - p));
            footer[newline - p] = '\0';
            if (!rule_parse(footer, &z->rule))
                z->rule.present = false;
        }
    }
    return true;
}

/* --- finding files ------------------------------------------------------------------------------------------- */
static const char *
zone_directory(void)
{
    const char *dir = getenv("TZDIR");

    return dir != NULL && dir[0] == '/' ? dir : "/usr/share/zoneinfo";
}

/* Completes one component of the path with the directory's own spelling. */
static bool
find_component(const char *dir, const char *name, size_t bytes, char *out)
{
    DIR *d = opendir(dir);
    const struct dirent *e;
    bool found = false;

    if (d == NULL)
        return false;
    while (!found && (e = readdir(d)) != NULL) {
        if (e->d_name[0] != '.' && strlen(e->d_name) == bytes && strncasecmp(e->d_name, name, bytes) == 0) {
            memcpy(out, e->d_name, bytes + 1);
            found = true;
        }
    }
    closedir(d);
    return found;
}

/* The name as the files spell it, in `name`, which has it in any case. */
static bool
canonical_name(char *name)
{
    char path[1024], spelled[NAME_MOST + 1];
    size_t used = (size_t)snprintf(path, sizeof(path), "%s", zone_directory());

    if (used + NAME_MOST + 2 >= sizeof(path))
        return false;
    for (char *p = name;;) {
        size_t n = strcspn(p, "/");

        if (!find_component(path, p, n, spelled))
            return false;
        memcpy(p, spelled, n);
        path[used++] = '/';
        memcpy(path + used, p, n);
        used += n;
        path[used] = '\0';
        p += n;
        if (*p++ == '\0')
            return true;
    }
}

static char *
read_file(const char *path, size_t *bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    char *data = NULL;
    ssize_t n;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size < FILE_MOST)
        data = malloc((size_t)st.st_size);
    if (data != NULL) {
        n = read(fd, data, (size_t)st.st_size);
        if (n != st.st_size) {
            free(data);
            data = NULL;
        } else {
            *bytes = (size_t)n;
        }
    }
    close(fd);
    return data;
}

static void
zone_free(TimeZone *z)
{
    free(z->transitions);
    free(z->types);
    free(z->type_table);
    free(z->abbrevs);
    free(z);
}

static TimeZone *
load_file(const char *name)
{
    char path[1024], *data;
    size_t bytes = 0;
    TimeZone *z;

    snprintf(path, sizeof(path), "%s/%s", zone_directory(), name);
    data = read_file(path, &bytes);
    if (data == NULL)
        return NULL;
    z = calloc(1, sizeof(*z));
    if (z == NULL || !read_tzif(z, data, data + bytes)) {
        if (z != NULL)
            zone_free(z);
        free(data);
        return NULL;
    }
    free(data);
    snprintf(z->name, sizeof(z->name), "%s", name);
    return z;
}

static TimeZone *
load_rule(const char *name)
{
    TimeZone *z = calloc(1, sizeof(*z));

    if (z == NULL || !rule_parse(name, &z->rule)) {
        free(z);
        return NULL;
    }
    snprintf(z->name, sizeof(z->name), "%s", name);
    return z;
}

static const TimeZone *
cached(const char *name)
{
    for (const TimeZone *z = atomic_load(&zones); z != NULL; z = z->next)
        if (strcasecmp(z->name, name) == 0)
            return z;
    return NULL;
}

static bool
is_safe_name(const char *name, size_t bytes)
{
    if (bytes == 0 || bytes > NAME_MOST || name[0] == '/' || name[0] == '.' || name[bytes - 1] == '/')
        return false;
    for (size_t i = 0; i < bytes; i++)
        if (name[i] == '\0' || (name[i] == '.' && i + 1 < bytes && name[i + 1] == '.') ||
            (name[i] == '/' && name[i + 1] == '/'))
            return false;
    return true;
}

const TimeZone *
timezone_lookup(const char *name, size_t bytes)
{
    char copy[NAME_MOST + 2], upper[NAME_MOST + 1];
    const TimeZone *found;
    TimeZone *z;

    if (!is_safe_name(name, bytes))
        return NULL;
    memset(copy, 0, sizeof(copy));
    memcpy(copy, name, bytes);
    memcpy(upper, copy, bytes + 1);
    for (size_t i = 0; i < bytes; i++)
        upper[i] = (char)toupper((unsigned char)upper[i]);
    if ((found = cached(copy)) != NULL)
        return found;
    z = load_file(copy);
    if (z == NULL && canonical_name(copy))
        z = load_file(copy);
    if (z == NULL)
        z = load_rule(upper);
    if (z == NULL)
        return NULL;
    z->next = atomic_load(&zones);
    while (!atomic_compare_exchange_weak(&zones, &z->next, z))
        continue;
    return z;
}

Status
timezone_find(Ctx *cx, const char *name, size_t bytes, const TimeZone **out)
{
    const TimeZone *z = timezone_lookup(name, bytes);

    if (z == NULL)
        return fail(cx, ST_ERROR, "22023", "time zone \"%.*s\" not recognized", (int)bytes, name);
    *out = z;
    return ST_OK;
}

const TimeZone *
timezone_fixed(int32_t seconds)
{
    char name[80], offset[32];
    int32_t s = seconds < 0 ? -seconds : seconds;
    int n = snprintf(offset, sizeof(offset), "%02d", s / 3600);

    if (s % 3600 != 0)
        n += snprintf(offset + n, sizeof(offset) - (size_t)n, ":%02d", s / 60 % 60);
    if (s % 60 != 0)
        snprintf(offset + n, sizeof(offset) - (size_t)n, ":%02d", s % 60);
    snprintf(name, sizeof(name), "<%c%s>%c%s", seconds < 0 ? '-' : '+', offset, seconds < 0 ? '+' : '-',
             offset);
    return timezone_lookup(name, strlen(name));
}

const TimeZone *
timezone_of_setting(const char *text)
{
    char *end;
    double hours = strtod(text, &end);

    if (end == text || *end != '\0')
        return timezone_lookup(text, strlen(text));
    if (!(hours >= -RULE_HOURS_MOST && hours <= RULE_HOURS_MOST))
        return NULL;
    return timezone_fixed((int32_t)(hours * 3600));
}

const char *
timezone_name(const TimeZone *zone)
{
    return zone != NULL ? zone->name : "UTC";
}

/* --- offsets ----------------------------------------------------------------------------------------------------- */
static ZoneOffset
of_type(const TimeZone *z, uint8_t type)
{
    const ZoneType *t = &z->type_table[type];

    return (ZoneOffset){t->seconds, t->is_dst, z->abbrevs + t->abbrev_at};
}

/* How many transitions are at or before the moment. */
static uint32_t
transitions_upto(const TimeZone *z, int64_t unix_seconds)
{
    uint32_t low = 0, high = z->transition_count;

    while (low < high) {
        uint32_t mid = (low + high) / 2;

        if (z->transitions[mid] <= unix_seconds)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static ZoneOffset
at_unix(const TimeZone *z, int64_t unix_seconds)
{
    uint32_t n;

    if (z == NULL)
        return (ZoneOffset){0, false, "UTC"};
    n = transitions_upto(z, unix_seconds);
    if (n == z->transition_count && z->rule.present)
        return rule_at(&z->rule, unix_seconds);
    if (n > 0)
        return of_type(z, z->types[n - 1]);
    /* before the first transition: the first standard time */
    for (uint32_t i = 0; i < z->type_count; i++)
        if (!z->type_table[i].is_dst)
            return of_type(z, (uint8_t)i);
    return of_type(z, 0);
}

ZoneOffset
timezone_at_utc(const TimeZone *zone, int64_t t)
{
    return at_unix(zone, floor_div(t, MICROS_PER_SECOND) + UNIX_SECONDS_OF_2000);
}

/* The first moment in (from, upto] at which the offset changes; found by halving, since a rule has no
 * list of its moments. There is at most one within two days. */
static bool
next_change(const TimeZone *z, int64_t from, int64_t upto, int64_t *moment)
{
    ZoneOffset before = at_unix(z, from), after = at_unix(z, upto);

    if (before.seconds == after.seconds && before.is_dst == after.is_dst)
        return false;
    while (upto - from > 1) {
        int64_t mid = from + (upto - from) / 2;
        ZoneOffset o = at_unix(z, mid);

        if (o.seconds == before.seconds && o.is_dst == before.is_dst)
            from = mid;
        else
            upto = mid;
    }
    *moment = upto;
    return true;
}

ZoneOffset
timezone_at_local(const TimeZone *zone, int64_t t)
{
    int64_t local = floor_div(t, MICROS_PER_SECOND) + UNIX_SECONDS_OF_2000, change;
    ZoneOffset before, after;

    if (zone == NULL)
        return at_unix(zone, 0);
    before = at_unix(zone, local - SECONDS_PER_DAY);
    if (!next_change(zone, local - SECONDS_PER_DAY, local + SECONDS_PER_DAY, &change))
        return before;
    after = at_unix(zone, change);
    if (local - before.seconds < change && local - after.seconds < change)
        return before;
    if (local - before.seconds >= change && local - after.seconds >= change)
        return after;
    return before.seconds < after.seconds ? before : after;
}

/* --- abbreviations ------------------------------------------------------------------------------------------------- */
typedef struct Abbrev {
    const char *name;
    int32_t seconds;
    bool is_dst;
    const char *zone;
} Abbrev;

static const Abbrev *
find_abbrev(const char *name, size_t bytes)
{
#define ABBREV(name_, seconds_, is_dst_, zone_) {name_, seconds_, is_dst_, zone_},
    static const Abbrev table[] = {
#include "backend/type/tz_abbrevs.def"
    };
#undef ABBREV
    size_t low = 0, high = COUNT_OF(table);

    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = strncasecmp(table[mid].name, name, bytes);

        if (order == 0)
            order = table[mid].name[bytes] != '\0';
        if (order == 0)
            return &table[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

bool
timezone_abbrev_exists(const char *name, size_t bytes)
{
    return find_abbrev(name, bytes) != NULL;
}

/* What the zone called by this abbreviation at the time, or last before it. */
static bool
zone_abbrev(const TimeZone *z, const char *name, size_t bytes, int64_t local, ZoneOffset *out)
{
    ZoneOffset now = timezone_at_local(z, local);
    int64_t unix_seconds = floor_div(local, MICROS_PER_SECOND) + UNIX_SECONDS_OF_2000 - now.seconds;

    *out = now;
    if (strlen(now.abbrev) == bytes && strncasecmp(now.abbrev, name, bytes) == 0)
        return true;
    for (uint32_t n = transitions_upto(z, unix_seconds); n > 0; n--) {
        ZoneOffset o = of_type(z, z->types[n - 1]);

        if (strlen(o.abbrev) == bytes && strncasecmp(o.abbrev, name, bytes) == 0) {
            *out = o;
            return true;
        }
    }
    for (uint32_t i = 0; i < z->transition_count; i++) {
        ZoneOffset o = of_type(z, z->types[i]);

        if (strlen(o.abbrev) == bytes && strncasecmp(o.abbrev, name, bytes) == 0) {
            *out = o;
            return true;
        }
    }
    return true;
}

bool
timezone_abbrev(const char *name, size_t bytes, int64_t local, ZoneOffset *out)
{
    const Abbrev *a = find_abbrev(name, bytes);
    const TimeZone *z;

    if (a == NULL)
        return false;
    if (a->zone == NULL) {
        *out = (ZoneOffset){a->seconds, a->is_dst, a->name};
        return true;
    }
    z = timezone_lookup(a->zone, strlen(a->zone));
    return z != NULL && zone_abbrev(z, name, bytes, local, out);
}
