/* src/backend/type/unicode.h - case and classes of characters, without a locale. */
#ifndef TYPE_UNICODE_H
#define TYPE_UNICODE_H
#include "base/attr.h"

/* Simple mappings: one character to one character. */
uint32_t unicode_upper(uint32_t c);
uint32_t unicode_lower(uint32_t c);
/* Letter or digit. */
bool unicode_is_alnum(uint32_t c);

#endif
