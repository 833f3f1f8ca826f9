/* unicode.c - see unicode.h. Tables of ranges, because the C library's functions depend on a locale that
 * a process has only one of, and ICU takes 22 ms to load. */
#include "backend/type/unicode.h"

typedef struct CaseRange {
    uint32_t first, last;
    int32_t step, delta;
} CaseRange;

#define LOWER(first, last, step, delta)
#define ALNUM(first, last)
#define UPPER(first, last, step, delta) {first, last, step, delta},
static const CaseRange upper_ranges[] = {
#include "backend/type/unicode_ranges.def"
};
#undef UPPER
#undef LOWER
#define UPPER(first, last, step, delta)
#define LOWER(first, last, step, delta) {first, last, step, delta},
static const CaseRange lower_ranges[] = {
#include "backend/type/unicode_ranges.def"
};
#undef LOWER
#undef ALNUM
#define LOWER(first, last, step, delta)
#define ALNUM(first, last) {first, last},
static const uint32_t alnum_ranges[][2] = {
#include "backend/type/unicode_ranges.def"
};

static uint32_t
map(const CaseRange *ranges, size_t count, uint32_t c)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (c < ranges[mid].first)
            high = mid;
        else if (c > ranges[mid].last)
            low = mid + 1;
        else
            return (c - ranges[mid].first) % (uint32_t)ranges[mid].step == 0 ? c + (uint32_t)ranges[mid].delta
                                                                             : c;
    }
    return c;
}

uint32_t
unicode_upper(uint32_t c)
{
    if (c < 0x80)
        return c >= 'a' && c <= 'z' ? c - 32 : c;
    return map(upper_ranges, COUNT_OF(upper_ranges), c);
}

uint32_t
unicode_lower(uint32_t c)
{
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    return map(lower_ranges, COUNT_OF(lower_ranges), c);
}

bool
unicode_is_alnum(uint32_t c)
{
    size_t low = 0, high = COUNT_OF(alnum_ranges);

    if (c < 0x80)
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    while (low < high) {
        size_t mid = (low + high) / 2;

        if (c < alnum_ranges[mid][0])
            high = mid;
        else if (c > alnum_ranges[mid][1])
            low = mid + 1;
        else
            return true;
    }
    return false;
}
