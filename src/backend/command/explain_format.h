/* src/backend/command/explain_format.h - EXPLAIN's output as text, JSON, YAML or XML.
 *
 * The same calls make all four; text leaves out what only programs want (the caller asks `format`). */
#ifndef EXPLAIN_FORMAT_H
#define EXPLAIN_FORMAT_H
#include "base/arena.h"
#include "base/buf.h"

typedef enum ExplainFormat { EXPLAIN_TEXT, EXPLAIN_XML, EXPLAIN_JSON, EXPLAIN_YAML } ExplainFormat;

enum { EXPLAIN_DEPTH_MOST = 2000 };

typedef struct ExplainOut {
    ExplainFormat format;
    Buf buf;
    int indent; /* in steps of two columns */
    int depth;
    bool filled[EXPLAIN_DEPTH_MOST]; /* per open group: something stands in it already */
} ExplainOut;

void explain_begin(ExplainOut *o);
void explain_end(ExplainOut *o);
/* object: what the group is (XML's tag); label: its name in the group around it, NULL in lists. `labeled`: its
 * items have names. False when groups are nested too deeply. */
bool explain_open(ExplainOut *o, const char *object, const char *label, bool labeled);
void explain_close(ExplainOut *o, const char *object, bool labeled);
/* unit: shown in text only, may be NULL. */
void explain_text(ExplainOut *o, const char *label, const char *value);
void explain_int(ExplainOut *o, const char *label, const char *unit, int64_t value);
void explain_float(ExplainOut *o, const char *label, const char *unit, double value, int digits);
void explain_bool(ExplainOut *o, const char *label, bool value);
void explain_list(ExplainOut *o, const char *label, const char *const *items, int count);
/* Text: the columns before a line. */
void explain_indent(ExplainOut *o);

#endif
