/* src/backend/exec/key.h - values as bytes in memcmp order: index keys, sort keys, hash keys. */
#ifndef EXEC_KEY_H
#define EXEC_KEY_H
#include "backend/catalog/table.h"

/* A key's value begins with one of these. */
enum { KEY_NULL_FIRST = 0, KEY_VALUE = 1, KEY_NULL_LAST = 2 };

typedef struct KeyPart {
    const TypeInfo *type;
    bool descending, nulls_first;
} KeyPart;

/* Appends one value: a byte that says null or not, then the value's own order-preserving bytes. */
void key_append(const KeyPart *part, const Value *v, Buf *to);
/* The same for row `row` of a vector. */
void key_append_row(const KeyPart *part, const Vector *v, uint32_t row, Buf *to);
/* For hashing and equality only: integers of all widths alike. */
void key_append_hash(const TypeInfo *type, const Value *v, Buf *to);
KeyPart key_part_of_index(const IndexKey *key);
/* Turns a value to the key's type (integers of other widths). *fits: -1 below all keys, 1 above, 0 fits. */
Value key_value(const IndexKey *key, Oid given, const Value *v, int *fits);
/* The key of a row (values[i] = column i + 1; expressions given apart). *has_null tells unique checks. */
void key_of_row(const IndexInfo *index, const Value *values, const Value *expressions, Buf *to, bool *has_null);

#endif
