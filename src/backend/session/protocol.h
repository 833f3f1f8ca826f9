/* src/backend/session/protocol.h - the PostgreSQL protocol's main loop, on top of a session. */
#ifndef SESSION_PROTOCOL_H
#define SESSION_PROTOCOL_H
#include "backend/session/session.h"
#include "backend/wire/conn.h"

/* Runs until the client leaves or the session has to end; says good-bye where that is due. */
void protocol_run(Session *s, Conn *conn);

#endif
