/* template_int.h - templates of to_char, to_date and to_timestamp, taken apart. */
#ifndef TYPE_TEMPLATE_INT_H
#define TYPE_TEMPLATE_INT_H
#include "backend/type/datetime_int.h"

typedef enum TemplateField {
    FIELD_NONE,
#define TEMPLATE(symbol, word, is_digit, calendar) FIELD_##symbol,
#include "backend/type/date_templates.def"
#undef TEMPLATE
} TemplateField;

/* Which calendar a field belongs to: the two must not be mixed when reading. */
typedef enum TemplateCalendar { CALENDAR_ANY, CALENDAR_GREGORIAN, CALENDAR_ISO } TemplateCalendar;

typedef enum TemplateKind { TEMPLATE_FIELD, TEMPLATE_SEPARATOR, TEMPLATE_SPACE, TEMPLATE_TEXT } TemplateKind;

enum { SUFFIX_FM = 1, SUFFIX_TH = 2, SUFFIX_th = 4, SUFFIX_TM = 8 };

typedef struct TemplateNode {
    TemplateKind kind;
    TemplateField field;
    const char *word; /* as written in the table */
    uint8_t suffix, word_bytes;
    bool is_digit;
    TemplateCalendar calendar;
    char text[5]; /* one character, NUL-terminated, if no field */
} TemplateNode;

/* Nodes in cx->arena; *count of them. */
TemplateNode *template_parse(Ctx *cx, VarRef text, int *count);

extern const char *const month_names_full[12], *const day_names_full[7], *const roman_months[12];

#endif
