/* fuzz_sql.c - any text as a statement: the copy of the grammar's tree, binder, planner, executor, commands; once in the
 * simple protocol and once in the extended one, where the answer is asked for in binary. */
#include "fuzz.h"

#include "fuzz_session.h"

int
fuzz_sql(const uint8_t *data, size_t bytes)
{
    Buf talk = {0};

    say_query(&talk, (const char *)data, bytes);
    say_parse(&talk, (const char *)data, bytes);
    say_execute(&talk, NULL, 0, 0, 1);
    fuzz_session(&talk);
    return 0;
}
