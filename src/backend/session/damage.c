/* damage.c - errors of damaged pages name the table or index, and say what can be done. */
#include "backend/session/session.h"
#include "backend/session/session_int.h"

static void
say(Ctx *cx, const StorageOwner *o, const ErrorInfo *plain)
{
    bool damaged = strcmp(plain->sqlstate, "XX001") == 0;
    bool index = strcmp(o->kind, "index") == 0;

    (void)fail(cx, damaged ? ST_CORRUPT : ST_IO, plain->sqlstate, "block %u of %s%s \"%s.%s\" %s",
               plain->page.block, o->long_values ? "the long values of " : "", o->kind,
               o->schema != NULL ? o->schema : "?", o->name, damaged ? "is damaged" : "could not be read");
    fail_object(cx, o->schema, index ? NULL : o->name, NULL, index ? o->name : NULL);
    if (damaged && index)
        fail_hint(cx, "An index holds nothing that its table does not: drop it, and create it again.");
    else if (damaged)
        fail_hint(
            cx,
            "Other blocks can be read. What was in this one has to come from a copy of the data directory.");
}

void
session_name_damage(Session *s)
{
    Ctx *cx = s->cx;
    StorageOwner owner;
    ErrorInfo *plain;

    if (LIKELY(!cx->error.has_page) || cx->txn == NULL || cx->catalog == NULL)
        return;
    plain = ctx_error_copy(cx, cx->arena);
    cx->error.has_page = false;
    if (catalog_storage_owner(cx, plain->page.relation, &owner) == ST_OK && owner.name != NULL)
        say(cx, &owner, plain);
    else
        ctx_error_restore(cx, plain);
}
