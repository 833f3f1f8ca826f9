/* src/backend/type/record.h - rows as values: ROW(1, 'a').
 *
 * A record is PHYS_VAR and says its columns' types itself: u32 count, then for each column u32 type,
 * u8 Phys, u8 is null, u16 0, u32 end offset of its bytes, then the bytes, unaligned. numeric columns are in
 * the packed form. */
#ifndef TYPE_RECORD_H
#define TYPE_RECORD_H
#include "backend/type/type.h"

MUST_CHECK Status record_build(Ctx *cx, const Oid *types, const Value *values, int count, Value *out);
int record_count(VarRef record);
/* Points into the record. */
Value record_at(VarRef record, int column, Oid *type);

#endif
