/* src/backend/command/check.h - for `heliosdb-nano check`: do tables, indexes and long values agree, in every database, and is
 * nothing stored besides?
 *
 * Nobody changes anything meanwhile: the engine is a view (storage/store/store_view.h). */
#ifndef COMMAND_CHECK_H
#define COMMAND_CHECK_H
#include "base/ctx.h"

typedef struct CheckReport {
    /* `object`: what is damaged, by name and kind, with its database. */
    void (*found)(void *arg, const char *object, const char *what);
    void *arg;
    uint64_t databases, tables, indexes, sequences, pages, rows, entries, damages;
} CheckReport;

/* The context has a slot and neither transaction nor catalog. What is damaged is reported; a failure means that the check
 * could not go on. */
MUST_CHECK Status check_databases(Ctx *cx, CheckReport *report);

#endif
