/* src/backend/command/copy_convert.h - short ways from text to values for the types that bulk data is made
 * of. Each says "not this way" for whatever is not the plain case; TypeInfo.in decides then, with all its
 * rules and its error texts. */
#ifndef COPY_CONVERT_H
#define COPY_CONVERT_H
#include "backend/catalog/table.h"

typedef enum CopyConvert {
    CONVERT_GENERAL,
    CONVERT_INT,
    CONVERT_DEC64,
    CONVERT_DATE,
    CONVERT_TIMESTAMP,
    CONVERT_TEXT, /* any text */
    CONVERT_VARCHAR, /* text that is short enough in bytes is so in characters */
    CONVERT_CHAR, /* ASCII text of exactly the length */
} CopyConvert;

typedef struct CopyConverter {
    CopyConvert way;
    const TypeInfo *type;
    int32_t typmod;
    int16_t scale; /* DEC64 */
    int64_t limit; /* DEC64: 10^precision; INT: largest value; VARCHAR, CHAR: bytes */
} CopyConverter;

void copy_converter_init(CopyConverter *c, const ColumnInfo *column);
/* `text` is valid UTF-8. The value may point into it. */
MUST_CHECK Status copy_convert(Ctx *cx, const CopyConverter *c, const char *text, size_t bytes, Value *out);

#endif
