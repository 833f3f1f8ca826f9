/* fuzz_pattern.c - texts that are little programs: regular expressions, LIKE, SIMILAR TO, templates of to_char and its
 * kin. The first byte chooses the function; then the subject, a NUL, and the pattern. */
#include "fuzz.h"

#include <string.h>

#include "base/attr.h"
#include "fuzz_session.h"

static const char *const statements[] = {
    "SELECT $1::text ~ $2",
    "SELECT $1::text ~* $2",
    "SELECT $1::text LIKE $2, $1::text ILIKE $2",
    "SELECT $1::text SIMILAR TO $2",
    "SELECT regexp_replace($1, $2, '<\\1\\&>', 'g')",
    "SELECT regexp_match($1, $2)",
    "SELECT regexp_split_to_array($1, $2)",
    "SELECT regexp_matches($1, $2, 'g')",
    "SELECT substring($1 from $2)",
    "SELECT to_char(1234567.891::numeric, $2), $1::text",
    "SELECT to_char(-12.5::float8, $2), to_char(1234, $2), $1::text",
    "SELECT to_char(timestamptz '2024-02-29 23:59:58.123456+05', $2), $1::text",
    "SELECT to_char(interval '1 year 2 months -3 days 04:05:06.7', $2), $1::text",
    "SELECT to_date($1, $2)",
    "SELECT to_timestamp($1, $2)",
    "SELECT to_number($1, $2)",
    "SELECT format($2, $1, 1, NULL)",
    "SELECT date_trunc($2, timestamp '2024-02-29 23:59:58'), $1::text",
    "SELECT extract(epoch from $1::interval), date_part($2, interval '1 day')",
    "SELECT $1::text LIKE $2 ESCAPE '!'",
};

int
fuzz_pattern(const uint8_t *data, size_t bytes)
{
    const char *sql, *second;
    SayParam p[2];
    Buf talk = {0};

    if (bytes < 2)
        return 0;
    sql = statements[data[0] % COUNT_OF(statements)];
    second = memchr(data + 1, 0, bytes - 1);
    if (second == NULL)
        return 0;
    p[0] = (SayParam){data + 1, (size_t)(second - (const char *)data) - 1};
    p[1] = (SayParam){second + 1, bytes - p[0].bytes - 2};
    say_parse(&talk, sql, SIZE_MAX);
    say_execute(&talk, p, 2, 0, 0);
    fuzz_session(&talk);
    return 0;
}
