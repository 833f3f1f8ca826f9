/* src/backend/catalog/rel_options.h - storage parameters of a relation: what pg_class.reloptions says. */
#ifndef CATALOG_REL_OPTIONS_H
#define CATALOG_REL_OPTIONS_H
#include "backend/type/type.h"

typedef enum RelOptionKind { REL_OPTION_TABLE, REL_OPTION_TOAST, REL_OPTION_BTREE } RelOptionKind;

typedef struct RelOptions {
    uint8_t fill_percent; /* of a page, by inserts or a build; 0 = not given */
} RelOptions;

/* `stored` is a text[] of "name=value", or null. 22023 for what PostgreSQL does not know or take, 0A000 for
 * what only we do not. */
MUST_CHECK Status rel_options_read(Ctx *cx, Value stored, RelOptionKind kind, RelOptions *out);
/* Does PostgreSQL know a parameter of that name? */
bool rel_option_is_known(const char *name, size_t bytes, RelOptionKind kind);

#endif
