/* fuzz_type.c - any bytes as a value of any type, as text or binary, and back in both forms.
 *
 * The first byte chooses the type, the second the format and a type modifier. */
#include "fuzz.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "fuzz_session.h"

static const char *const types[] = {
    "bool",         "bytea",
    "\"char\"",     "name",
    "int8",         "int2",
    "int4",         "regproc",
    "text",         "oid",
    "float4",       "float8",
    "varchar",      "varchar(3)",
    "bpchar",       "char(3)",
    "date",         "timestamp",
    "timestamptz",  "timestamp(1)",
    "interval",     "interval day to second(2)",
    "numeric",      "numeric(10,2)",
    "regclass",     "regtype",
    "regprocedure", "regoper",
    "regnamespace", "regrole",
    "int4[]",       "text[]",
    "numeric[]",    "timestamptz[]",
    "int2vector",   "oidvector",
    "tid",          "xid",
    "cid",          "interval[]",
    "record",       "bool[]",
    "bytea[]",      "float8[]",
    "date[]",       "char(3)[]",
    "varchar(2)[]", "unknown",
};

int
fuzz_type(const uint8_t *data, size_t bytes)
{
    char sql[100];
    SayParam p = {data + 2, bytes - 2};
    Buf talk = {0};

    if (bytes < 2)
        return 0;
    snprintf(sql, sizeof(sql), data[1] & 2 ? "SELECT $1::%s::text" : "SELECT $1::%s",
             types[data[0] % COUNT_OF(types)]);
    if (data[1] & 4)
        say_query(&talk,
                  "SET datestyle = 'SQL, DMY'; SET intervalstyle = iso_8601; SET timezone = 'Europe/Berlin'; "
                  "SET bytea_output = escape; SET extra_float_digits = 0",
                  SIZE_MAX);
    for (int result = 0; result < 2; result++) {
        say_parse(&talk, sql, sizeof(sql));
        say_execute(&talk, &p, 1, data[1] & 1, result);
    }
    fuzz_session(&talk);
    return 0;
}
