/* rel_options.c - storage parameters, as texts in pg_class and as what they mean.
 *
 * The same function judges a new list and reads a stored one, so nothing can be stored that is not understood. */
#include "backend/catalog/rel_options.h"

#include "backend/type/array.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FILL_LEAST = 10, FILL_MOST = 100, NUMBER_MOST_BYTES = 64 };

static const struct {
    const char *name;
    bool of[3]; /* by RelOptionKind */
} known[] = {
#define REL_OPTION(name, table, toast, btree) {#name, {table, toast, btree}},
#include "backend/catalog/rel_options.def"
#undef REL_OPTION
};

bool
rel_option_is_known(const char *name, size_t bytes, RelOptionKind kind)
{
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (strlen(known[i].name) == bytes && memcmp(known[i].name, name, bytes) == 0)
            return known[i].of[kind];
    }
    return false;
}

/* As settings are read: blanks around it, hexadecimal, and fractions, which are rounded. */
static bool
read_number(const char *text, int *out)
{
    char *end;
    double n;

    errno = 0;
    n = (double)strtoll(text, &end, 0);
    if (*end == '.' || *end == 'e' || *end == 'E' || errno == ERANGE) {
        errno = 0;
        n = strtod(text, &end);
    }
    if (end == text || errno != 0)
        return false;
    while (isspace((unsigned char)*end))
        end++;
    n = rint(n);
    if (*end != '\0' || !(n >= INT32_MIN && n <= INT32_MAX))
        return false;
    *out = (int)n;
    return true;
}

static Status
read_fill(Ctx *cx, const char *value, int bytes, uint8_t *fill)
{
    const char *text = arena_strndup(cx->arena, value, (size_t)bytes);
    int number;

    if (bytes >= NUMBER_MOST_BYTES || !read_number(text, &number))
        return fail(cx, ST_ERROR, "22023", "invalid value for integer option \"fillfactor\": %s", text);
    if (number < FILL_LEAST || number > FILL_MOST) {
        (void)fail(cx, ST_ERROR, "22023", "value %s out of bounds for option \"fillfactor\"", text);
        fail_detail(cx, "Valid values are between \"%d\" and \"%d\".", FILL_LEAST, FILL_MOST);
        return ST_ERROR;
    }
    *fill = (uint8_t)number;
    return ST_OK;
}

Status
rel_options_read(Ctx *cx, Value stored, RelOptionKind kind, RelOptions *out)
{
    RelOptions o = {0};
    ArrayView view;

    *out = o;
    if (stored.is_null)
        return ST_OK;
    view = array_open(stored.var);
    for (uint32_t i = 0; i < view.count; i++) {
        VarRef item = array_at(&view, i).var;
        const char *equals = memchr(item.data, '=', item.bytes);
        int name_bytes = (int)(equals != NULL ? (size_t)(equals - item.data) : item.bytes);

        if (equals == NULL || !rel_option_is_known(item.data, (size_t)name_bytes, kind))
            return fail(cx, ST_ERROR, "22023", "unrecognized parameter \"%.*s\"", name_bytes, item.data);
        if (name_bytes != 10 || memcmp(item.data, "fillfactor", 10) != 0)
            return fail_unsupported(cx, -1,
                                    arena_printf(cx->arena, "storage parameter \"%.*s\"", name_bytes,
                                                 item.data));
        if (o.fill_percent != 0)
            return fail(cx, ST_ERROR, "22023", "parameter \"%.*s\" specified more than once", name_bytes,
                        item.data);
        TRY(read_fill(cx, equals + 1, (int)item.bytes - name_bytes - 1, &o.fill_percent));
    }
    *out = o;
    return ST_OK;
}
