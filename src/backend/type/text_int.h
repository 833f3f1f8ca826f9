/* text_int.h - helpers the text sources share. */
#ifndef TYPE_TEXT_INT_H
#define TYPE_TEXT_INT_H
#include "backend/type/value.h"
#include "base/buf.h"
#include "base/ctx.h"

int64_t text_length(VarRef v);
size_t text_offset(VarRef v, int64_t chars);
VarRef text_trim_blanks(VarRef v);
int64_t text_find(VarRef v, VarRef needle, size_t start);
MUST_CHECK Status text_lower(Ctx *cx, VarRef v, VarRef *out);
Status fail_too_large(Ctx *cx);
/* Quotes as quote_ident and quote_literal do; append. */
void quote_identifier(VarRef v, Buf *to);
void quote_literal(VarRef v, Buf *to);

#endif
