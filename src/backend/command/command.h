/* src/backend/command/command.h - statements that are neither queries nor definitions. */
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H
#include "backend/session/session.h"

MUST_CHECK Status command_copy(Session *s, const AstCopy *a, Sink *sink, const char **tag);
MUST_CHECK Status command_vacuum(Session *s, const AstVacuum *a, const char **tag);

#endif
