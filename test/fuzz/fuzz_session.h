/* fuzz_session.h - a whole server in this process, for targets that speak to a session.
 *
 * The engine lives on from one input to the next (and is made anew now and then); each input is one connection: what
 * was collected in the conversation is sent all at once, and then the client hangs up. */
#ifndef FUZZ_SESSION_H
#define FUZZ_SESSION_H
#include <stddef.h>

#include "base/buf.h"

/* Messages of the client. */
void say_query(Buf *b, const char *sql, size_t bytes);
/* Parse, Describe of the unnamed statement; types may be 0. */
void say_parse(Buf *b, const char *sql, size_t bytes);
typedef struct SayParam {
    const void *data;
    size_t bytes;
} SayParam;
/* Bind, Execute, Sync. */
void say_execute(Buf *b, const SayParam *params, int count, int format, int result_format);

/* Runs the conversation; frees it. */
void fuzz_session(Buf *conversation);

#endif
