/* fuzz_client.h - a client as an Env: what is received are pieces of the input, what is sent is thrown away. */
#ifndef FUZZ_CLIENT_H
#define FUZZ_CLIENT_H
#include "base/env.h"

typedef struct FuzzClient {
    Env env; /* first: the Env is the client */
    const char *at, *end;
    bool in_pieces; /* not all that is asked for at once */
} FuzzClient;

/* The system's environment, except for the connection. At the end of the input the client hangs up. */
void fuzz_client_init(FuzzClient *client, const void *data, size_t bytes, bool in_pieces);

#endif
