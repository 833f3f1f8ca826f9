/* wire_pair.h - a connection and the client's end of it, in one process. */
#ifndef WIRE_PAIR_H
#define WIRE_PAIR_H
#include "backend/wire/conn.h"

typedef struct WirePair {
    Conn conn;
    int client;
} WirePair;

WirePair *wire_pair(void);
/* The client sends bytes, or a typed message with its length put in. */
void wire_send(WirePair *p, const void *data, size_t bytes);
void wire_send_message(WirePair *p, char type, const void *body, size_t bytes);
/* Start-up packets: length and code are put in. */
void wire_send_startup(WirePair *p, uint32_t code, const void *body, size_t bytes);
/* The client receives everything that is there. */
Buf *wire_receive(WirePair *p);
/* Flushes and returns the body of the first message of that type the client has got; NULL: none. */
const char *wire_expect(WirePair *p, char type, size_t *bytes);

#endif
