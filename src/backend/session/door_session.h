/* src/backend/session/door_session.h - sessions behind the PostgreSQL door: what door.h asks for. */
#ifndef DOOR_SESSION_H
#define DOOR_SESSION_H
#include "backend/door/door.h"

MUST_CHECK Status door_session_begin(Door *door, DoorSession *s);
AuthDirectory *door_session_directory(Door *door, DoorSession *s);
void door_session_run(Door *door, DoorSession *s);
void door_session_end(Door *door, DoorSession *s);

#endif
