/* src/backend/type/value.h - one SQL value, and a column of them.
 *
 * A type has a physical form (Phys): how its values lie in a heap page, in a vector and in a Value.
 * The three are the same bytes, so that a scan can hand out pointers into the page (rule H5).
 *
 *   PHYS_BOOL      bool           1 byte, 0 or 1
 *   PHYS_I16       int2           2
 *   PHYS_I32       int4, date     4   (date: days since 2000-01-01; INT32_MIN/MAX = -/+infinity)
 *   PHYS_U32       oid, reg*      4
 *   PHYS_I64       int8, time,    8   (timestamps: microseconds since 2000-01-01 (UTC);
 *                  timestamp[tz]       INT64_MIN/MAX = -/+infinity)
 *   PHYS_F32/F64   float4/float8  4/8
 *   PHYS_INTERVAL  interval       16
 *   PHYS_DEC64     numeric        8   value * 10^-scale; INT64_MIN = NaN (rule H4). One scale for a
 *                                     whole vector; it is the display scale too.
 *   PHYS_VAR       text, varchar, bpchar, name, "char", bytea, arrays, and numeric in its packed form
 *
 * numeric is the one type with two forms: a column numeric(p,s) with p <= 18 is stored as DEC64, and
 * every numeric vector says in `phys` which form it has. */
#ifndef TYPE_VALUE_H
#define TYPE_VALUE_H
#include <string.h>

#include "base/arena.h"

typedef uint32_t Oid;
enum { OID_NONE = 0 };

typedef enum Phys {
    PHYS_NONE,
    PHYS_BOOL,
    PHYS_I16,
    PHYS_I32,
    PHYS_U32,
    PHYS_I64,
    PHYS_F32,
    PHYS_F64,
    PHYS_INTERVAL,
    PHYS_DEC64,
    PHYS_VAR,
    PHYS_COUNT
} Phys;

typedef struct Interval {
    int64_t micros;
    int32_t days, months;
} Interval;

/* Bytes somebody else owns: a page under a pin, an arena, a message. Not NUL-terminated. */
typedef struct VarRef {
    const char *data;
    uint32_t bytes;
} VarRef;

typedef struct Value {
    union {
        bool b;
        int16_t i16;
        int32_t i32;
        uint32_t u32;
        int64_t i64; /* also PHYS_DEC64 */
        float f32;
        double f64;
        Interval interval;
        VarRef var;
    };
    bool is_null;
    uint8_t phys; /* Phys; meaningless when is_null */
    int16_t scale; /* PHYS_DEC64 */
} Value;

/* Bytes of one element in a vector (and, but for PHYS_VAR, in a page). */
static inline uint32_t
phys_bytes(Phys p)
{
    static const uint8_t bytes[PHYS_COUNT] = {0, 1, 2, 4, 4, 8, 4, 8, 16, 8, sizeof(VarRef)};

    ASSERT(p < PHYS_COUNT);
    return bytes[p];
}

/* As they are stored: not what = of their type may say. */
static inline bool
value_same(const Value *a, const Value *b)
{
    if (a->is_null || b->is_null)
        return a->is_null && b->is_null;
    if (a->phys != b->phys)
        return false;
    if (a->phys == PHYS_VAR)
        return a->var.bytes == b->var.bytes && memcmp(a->var.data, b->var.data, a->var.bytes) == 0;
    if (a->phys == PHYS_INTERVAL)
        return a->interval.micros == b->interval.micros && a->interval.days == b->interval.days &&
               a->interval.months == b->interval.months;
    if (a->phys == PHYS_DEC64 && a->scale != b->scale)
        return false;
    return memcmp(&a->i64, &b->i64, phys_bytes((Phys)a->phys)) == 0;
}

/* A column of a batch. Row i is element i, or element 0 for every i when is_const. */
typedef struct Vector {
    void *data; /* elements of phys_bytes(phys); bool is one byte, PHYS_VAR is VarRef */
    uint64_t *nulls; /* bit i set = row i is null; NULL = there is none. Const: bit 0. */
    uint8_t phys;
    bool is_const;
    int16_t scale; /* PHYS_DEC64 */
} Vector;

/* Which rows of the batch count: sel[0..count), ascending, or 0..count-1 when sel is NULL. Results
 * are written at the same row numbers; elements of rows not selected are never read. */
typedef struct Rows {
    const uint16_t *sel;
    uint32_t count;
} Rows;

enum { BATCH_ROWS = 1024 };

static inline bool
bit_get(const uint64_t *bits, uint32_t i)
{
    return bits[i / 64] >> (i % 64) & 1;
}
static inline void
bit_set(uint64_t *bits, uint32_t i)
{
    bits[i / 64] |= UINT64_C(1) << (i % 64);
}
static inline uint32_t
bit_words(uint32_t rows)
{
    return (rows + 63) / 64;
}
static inline bool
vector_is_null(const Vector *v, uint32_t row)
{
    return v->nulls != NULL && bit_get(v->nulls, v->is_const ? 0 : row);
}
static inline uint32_t
rows_at(Rows rows, uint32_t k)
{
    return rows.sel != NULL ? rows.sel[k] : k;
}

/* A vector of `capacity_rows` elements, data not set, no nulls. */
void vector_init(Vector *v, Arena *a, Phys phys, uint32_t capacity_rows);
/* Makes `nulls` a zeroed bitmap if it is not there yet. */
void vector_need_nulls(Vector *v, Arena *a, uint32_t capacity_rows);
/* A const vector holding one value (null of the given form, if v->is_null). */
void vector_init_const(Vector *out, Arena *a, const Value *v, Phys phys);
Value vector_get(const Vector *v, uint32_t row);
/* The form of a non-null value must be the vector's (a DEC64 value: the vector's scale too). */
void vector_set(Vector *v, Arena *a, uint32_t row, uint32_t capacity_rows, Value value);
/* Copies the bytes of a PHYS_VAR value into `a`, so that it outlives its page or message. */
Value value_copy(Arena *a, Value v);

static inline Value
value_null(void)
{
    return (Value){.is_null = true};
}
static inline Value
value_var(const char *data, size_t bytes)
{
    return (Value){.var = {data, (uint32_t)bytes}, .phys = PHYS_VAR};
}
static inline Value
value_bool(bool b)
{
    return (Value){.b = b, .phys = PHYS_BOOL};
}
static inline Value
value_i32(int32_t i)
{
    return (Value){.i32 = i, .phys = PHYS_I32};
}
static inline Value
value_i64(int64_t i)
{
    return (Value){.i64 = i, .phys = PHYS_I64};
}
static inline Value
value_oid(Oid oid)
{
    return (Value){.u32 = oid, .phys = PHYS_U32};
}

#endif
