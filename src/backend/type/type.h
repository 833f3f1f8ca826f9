/* src/backend/type/type.h - what a type can do.
 *
 * One TypeInfo per row of types.def; the same rows are the static part of pg_type. Everything here is
 * read-only and shared by all sessions. */
#ifndef TYPE_TYPE_H
#define TYPE_TYPE_H
#include "backend/type/value.h"
#include "base/buf.h"
#include "base/ctx.h"

typedef struct TimeZone TimeZone;

/* How values are shown and read; belongs to the session, reached through cx->format. */
typedef enum DateStyle { DATESTYLE_ISO, DATESTYLE_SQL, DATESTYLE_POSTGRES, DATESTYLE_GERMAN } DateStyle;
typedef enum DateOrder { DATEORDER_MDY, DATEORDER_DMY, DATEORDER_YMD } DateOrder;
typedef enum IntervalStyle {
    INTERVALSTYLE_POSTGRES,
    INTERVALSTYLE_POSTGRES_VERBOSE,
    INTERVALSTYLE_SQL_STANDARD,
    INTERVALSTYLE_ISO_8601
} IntervalStyle;
/* What random() draws from and setseed() sets; all zero = not seeded yet. */
typedef struct RandomState {
    uint64_t words[2];
} RandomState;
typedef struct FormatSettings {
    DateStyle date_style;
    DateOrder date_order;
    IntervalStyle interval_style;
    const TimeZone *time_zone;
    int extra_float_digits; /* 1 = shortest exact (default) */
    bool bytea_hex; /* bytea_output = hex (default) or escape */
    int64_t transaction_now; /* timestamptz: now() of this transaction */
    int64_t statement_now; /* timestamptz: statement_timestamp() */
    const struct RegNames *reg_names; /* regnames.h; NULL = numbers only */
    RandomState *random_state; /* NULL = setseed() is refused */
    /* Types that are not built in (enums, domains, composites), from the catalog; NULL when there are
     * none. */
    const struct TypeInfo *(*find_type)(Ctx *cx, Oid oid);
    struct RegexCache *regex_cache; /* regex.h; NULL = patterns are compiled for each call */
} FormatSettings;

typedef struct TypeInfo {
    Oid oid;
    const char *name; /* pg_type.typname */
    const char *sql_name; /* as format_type shows it: "integer", "character varying" */
    Phys phys;
    int16_t typlen;
    bool byval;
    char typtype; /* 'b' base, 'p' pseudo, 'c' composite */
    char category; /* 'N', 'S', 'D', ... */
    bool preferred;
    Oid elem; /* of an array its element type; of name, which is none (type_is_array), "char"; else 0 */
    Oid array; /* its array type, or 0 */
    char align, storage;
    Oid collation;
    Oid in_fn, out_fn, recv_fn, send_fn, modin_fn, modout_fn; /* their pg_proc OIDs */

    /* Text form to value. `text` is valid UTF-8, not NUL-terminated. A variable-length result lies in
     * cx->arena or points into `text`. typmod -1 = none; else the length coercion of an assignment
     * from outside (as in COPY) is applied too. */
    Status (*in)(Ctx *cx, const struct TypeInfo *type, const char *text, size_t bytes, int32_t typmod,
                 Value *out);
    /* Appends the text form. */
    Status (*out)(Ctx *cx, const struct TypeInfo *type, const Value *v, Buf *to);
    /* Binary form: network order, as PostgreSQL's typreceive and typsend. */
    Status (*recv)(Ctx *cx, const struct TypeInfo *type, const void *data, size_t bytes, int32_t typmod,
                   Value *out);
    Status (*send)(Ctx *cx, const struct TypeInfo *type, const Value *v, Buf *to);

    /* NULL when the type has no order. Neither value is null. Total: NaN = NaN, above all others. */
    int (*compare)(const Value *a, const Value *b);
    /* Equal values (by =) hash alike, whatever their form. NULL when not hashable. */
    uint64_t (*hash)(const Value *v);
    /* Appends bytes whose memcmp order is the ascending order of the type and of which none is a
     * prefix of another (so that columns can be put one behind the other). */
    void (*key_encode)(const Value *v, Buf *to);

    /* 'name(typmod)' suffix as in format_type, e.g. "(10,2)"; NULL = the type has no typmod. */
    void (*typmod_out)(int32_t typmod, Buf *to);
    /* From the constants in the type's parentheses. */
    Status (*typmod_in)(Ctx *cx, const int64_t *args, int arg_count, int32_t *typmod);
} TypeInfo;

/* NULL when there is none. Array types of base types are types of their own, with `elem` set. */
const TypeInfo *type_by_oid(Oid oid);
/* name has elements and is none. */
static inline bool
type_is_array(const TypeInfo *t)
{
    return t->elem != OID_NONE && t->typlen == -1;
}
/* The same, then the types of the session's catalog. */
const TypeInfo *type_find(Ctx *cx, Oid oid);
/* By pg_type.typname ("int4", "_text"); the grammar has already turned INTEGER into int4. */
const TypeInfo *type_by_name(const char *name);
/* All rows, in OID order. */
const TypeInfo *type_table(int *count);
/* The form a column of this type has on a page: numeric(p<=18, s) is PHYS_DEC64. */
Phys type_column_phys(const TypeInfo *type, int32_t typmod, int16_t *scale);
/* "numeric(10,2)", "character varying(20)[]". Appends. */
void type_format(Oid type, int32_t typmod, Buf *to);

/* Symbolic OIDs of types that code names: TYPE_INT4 = 23, ... */
enum {
#define TYPE_OID(symbol, oid) TYPE_##symbol = oid,
#include "backend/type/type_oids.def"
#undef TYPE_OID
};

#endif
