/* src/backend/type/regnames.h - names of catalog objects, as the reg* types read and show them.
 *
 * regclass, regtype, regproc and their kin are OIDs with a face. Numbers need nothing; a face needs the
 * catalog, which lies above this folder. So whoever owns the catalog puts a RegNames into the session's
 * FormatSettings; without one, only numbers (and built-in types for regtype, built-in functions for
 * regproc) are understood. */
#ifndef TYPE_REGNAMES_H
#define TYPE_REGNAMES_H
#include "backend/type/type.h"

typedef struct RegNames RegNames;
struct RegNames {
    /* The object of the reg type `reg_type` (TYPE_REGCLASS, ...) that `text` names, as written by the
     * user (quotes, schema, argument list and all). Fails with PostgreSQL's error when there is none,
     * or answers OID_NONE if `missing_ok`. */
    Status (*find)(Ctx *cx, Oid reg_type, const char *text, size_t bytes, bool missing_ok, Oid *oid);
    /* Appends the name, qualified and quoted as needed; *found = false when the OID has no object (the
     * caller then shows the number). */
    Status (*name)(Ctx *cx, Oid reg_type, Oid oid, Buf *to, bool *found);
};

#endif
