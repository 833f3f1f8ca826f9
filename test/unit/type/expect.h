/* expect.h - runs files of cases whose results were produced by PostgreSQL 15.
 *
 * One case a line, fields separated by tabs; \N is null, \t \n \\ stand for themselves.
 *   SET   name value                           a setting for the lines below
 *   IN    type typmod text            result   text form in, text form out
 *   BIN   type text                   result   binary form in hexadecimal; read back and compared
 *   FN    oid result_type n (type text)*n result   a function call
 *   AGG   oid result_type n type... rows (text of row 1, arg 1)...  result
 *   SRF   oid result_type n (type text)*n count result...
 * A result that begins with ! is an error: SQLSTATE, a blank, the message. */
#ifndef EXPECT_H
#define EXPECT_H

typedef struct ExpectSum {
    int passed, failed;
} ExpectSum;

/* Prints what differs. */
ExpectSum expect_file(const char *path);

#endif
