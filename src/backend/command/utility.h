/* src/backend/command/utility.h - see utility_more.c. */
#ifndef COMMAND_UTILITY_H
#define COMMAND_UTILITY_H
#include "backend/session/session.h"

MUST_CHECK Status utility_more(Session *s, const Ast *ast, Sink *sink, const char **tag);

#endif
