/* key.c - see key.h. A null sorts after all values, or before them with NULLS FIRST; DESC turns every
 * bit of the value's bytes over, so that memcmp's order is turned around too. */
#include "backend/exec/key.h"

#include "base/bytes.h"

void
key_append(const KeyPart *part, const Value *v, Buf *to)
{
    size_t start;

    if (v->is_null) {
        buf_add_char(to, part->nulls_first ? KEY_NULL_FIRST : KEY_NULL_LAST);
        return;
    }
    buf_add_char(to, KEY_VALUE);
    start = to->bytes;
    part->type->key_encode(v, to);
    if (part->descending) {
        for (size_t i = start; i < to->bytes; i++)
            to->data[i] = (char)~to->data[i];
    }
}

/* Integers and dates without the detour over a Value. */
void
key_append_row(const KeyPart *part, const Vector *v, uint32_t row, Buf *to)
{
    uint32_t at = v->is_const ? 0 : row;
    char *key;
    Value value;

    if (LIKELY(!vector_is_null(v, row))) {
        switch (part->type->oid) {
        case TYPE_INT4:
        case TYPE_DATE: {
            uint32_t turned = ((const uint32_t *)v->data)[at] ^ UINT32_C(1) << 31;

            key = buf_extend(to, 1 + sizeof(turned));
            if (key != NULL) {
                key[0] = KEY_VALUE;
                put_be32(key + 1, part->descending ? ~turned : turned);
            }
            return;
        }
        case TYPE_INT8:
        case TYPE_TIMESTAMP:
        case TYPE_TIMESTAMPTZ: {
            uint64_t turned = ((const uint64_t *)v->data)[at] ^ UINT64_C(1) << 63;

            key = buf_extend(to, 1 + sizeof(turned));
            if (key != NULL) {
                key[0] = KEY_VALUE;
                put_be64(key + 1, part->descending ? ~turned : turned);
            }
            return;
        }
        default: break;
        }
    }
    value = vector_is_null(v, row) ? value_null() : vector_get(v, row);
    key_append(part, &value, to);
}

static int64_t
integer_of(Oid type, const Value *v)
{
    return type == TYPE_INT2 ? v->i16 : type == TYPE_INT4 ? v->i32 : v->i64;
}

static bool
is_integer(Oid type)
{
    return type == TYPE_INT2 || type == TYPE_INT4 || type == TYPE_INT8;
}

void
key_append_hash(const TypeInfo *type, const Value *v, Buf *to)
{
    if (v->is_null) {
        buf_add_char(to, KEY_NULL_LAST);
        return;
    }
    buf_add_char(to, KEY_VALUE);
    if (is_integer(type->oid)) {
        int64_t i = integer_of(type->oid, v);

        buf_add(to, &i, sizeof(i));
    } else {
        type->key_encode(v, to);
    }
}

KeyPart
key_part_of_index(const IndexKey *key)
{
    return (KeyPart){type_by_oid(key->type), key->descending, key->nulls_first};
}

Value
key_value(const IndexKey *key, Oid given, const Value *v, int *fits)
{
    int64_t i;

    *fits = 0;
    if (v->is_null || given == key->type || !is_integer(given) || !is_integer(key->type))
        return *v;
    i = integer_of(given, v);
    if (key->type == TYPE_INT2) {
        *fits = i < INT16_MIN ? -1 : i > INT16_MAX ? 1 : 0;
        return (Value){.i16 = (int16_t)i, .phys = PHYS_I16};
    }
    if (key->type == TYPE_INT4) {
        *fits = i < INT32_MIN ? -1 : i > INT32_MAX ? 1 : 0;
        return value_i32((int32_t)i);
    }
    return value_i64(i);
}

void
key_of_row(const IndexInfo *index, const Value *values, const Value *expressions, Buf *to, bool *has_null)
{
    *has_null = false;
    for (int k = 0; k < index->key_count; k++) {
        const IndexKey *key = &index->keys[k];
        KeyPart part = key_part_of_index(key);
        const Value *v = key->column > 0 ? &values[key->column - 1] : &expressions[k];

        *has_null |= v->is_null;
        key_append(&part, v, to);
    }
}
