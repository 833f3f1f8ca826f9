/* explain_format.c - see explain_format.h. */
#include "backend/command/explain_format.h"

static void
spaces(ExplainOut *o, int count)
{
    for (int i = 0; i < count; i++)
        buf_add_char(&o->buf, ' ');
}

void
explain_indent(ExplainOut *o)
{
    if (o->buf.bytes == 0 || o->buf.data[o->buf.bytes - 1] == '\n')
        spaces(o, o->indent * 2);
}

/* JSON and YAML: what separates an item from the one before it in its group. */
static void
separate(ExplainOut *o)
{
    bool *filled = &o->filled[o->depth];

    if (o->format == EXPLAIN_JSON) {
        buf_add_text(&o->buf, *filled ? ",\n" : "\n");
        spaces(o, o->indent * 2);
    } else if (*filled) {
        buf_add_char(&o->buf, '\n');
        spaces(o, o->indent * 2);
    }
    *filled = true;
}

static void
add_quoted(ExplainOut *o, const char *text)
{
    buf_add_char(&o->buf, '"');
    for (const char *p = text; *p != '\0'; p++) {
        switch (*p) {
        case '\b': buf_add_text(&o->buf, "\\b"); break;
        case '\f': buf_add_text(&o->buf, "\\f"); break;
        case '\n': buf_add_text(&o->buf, "\\n"); break;
        case '\r': buf_add_text(&o->buf, "\\r"); break;
        case '\t': buf_add_text(&o->buf, "\\t"); break;
        case '"': buf_add_text(&o->buf, "\\\""); break;
        case '\\': buf_add_text(&o->buf, "\\\\"); break;
        default:
            if ((unsigned char)*p < ' ')
                buf_printf(&o->buf, "\\u%04x", (unsigned char)*p);
            else
                buf_add_char(&o->buf, *p);
        }
    }
    buf_add_char(&o->buf, '"');
}

static void
add_escaped_xml(ExplainOut *o, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        switch (*p) {
        case '&': buf_add_text(&o->buf, "&amp;"); break;
        case '<': buf_add_text(&o->buf, "&lt;"); break;
        case '>': buf_add_text(&o->buf, "&gt;"); break;
        case '\r': buf_add_text(&o->buf, "&#x0d;"); break;
        default: buf_add_char(&o->buf, *p);
        }
    }
}

/* A tag's name: what XML does not allow in one becomes a dash. */
static void
add_tag(ExplainOut *o, const char *before, const char *name, const char *after)
{
    buf_add_text(&o->buf, before);
    for (const char *p = name; *p != '\0'; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
                     *p == '-' || *p == '_' || *p == '.';

        buf_add_char(&o->buf, (char)(plain ? *p : '-'));
    }
    buf_add_text(&o->buf, after);
}

void
explain_begin(ExplainOut *o)
{
    o->filled[0] = false;
    switch (o->format) {
    case EXPLAIN_TEXT: break;
    case EXPLAIN_XML:
        buf_add_text(&o->buf, "<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n");
        o->indent++;
        break;
    case EXPLAIN_JSON:
        buf_add_char(&o->buf, '[');
        o->indent++;
        break;
    case EXPLAIN_YAML: break;
    }
}

void
explain_end(ExplainOut *o)
{
    if (o->format == EXPLAIN_XML)
        buf_add_text(&o->buf, "</explain>");
    else if (o->format == EXPLAIN_JSON)
        buf_add_text(&o->buf, "\n]");
}

bool
explain_open(ExplainOut *o, const char *object, const char *label, bool labeled)
{
    if (o->depth + 1 >= EXPLAIN_DEPTH_MOST)
        return false;
    switch (o->format) {
    case EXPLAIN_TEXT: break;
    case EXPLAIN_XML:
        spaces(o, o->indent * 2);
        add_tag(o, "<", object, ">\n");
        o->indent++;
        break;
    case EXPLAIN_JSON:
        separate(o);
        if (label != NULL) {
            add_quoted(o, label);
            buf_add_text(&o->buf, ": ");
        }
        buf_add_char(&o->buf, labeled ? '{' : '[');
        o->indent++;
        break;
    case EXPLAIN_YAML:
        separate(o);
        if (label != NULL)
            buf_printf(&o->buf, "%s: ", label);
        else
            buf_add_text(&o->buf, "- ");
        o->indent++;
        break;
    }
    o->depth++;
    /* YAML: the first item of a list element stands on the line of its dash */
    o->filled[o->depth] = o->format == EXPLAIN_YAML && label != NULL;
    return true;
}

void
explain_close(ExplainOut *o, const char *object, bool labeled)
{
    o->depth--;
    switch (o->format) {
    case EXPLAIN_TEXT: break;
    case EXPLAIN_XML:
        o->indent--;
        spaces(o, o->indent * 2);
        add_tag(o, "</", object, ">\n");
        break;
    case EXPLAIN_JSON:
        o->indent--;
        buf_add_char(&o->buf, '\n');
        spaces(o, o->indent * 2);
        buf_add_char(&o->buf, labeled ? '}' : ']');
        break;
    case EXPLAIN_YAML: o->indent--; break;
    }
}

static void
property(ExplainOut *o, const char *label, const char *unit, const char *value, bool plain)
{
    switch (o->format) {
    case EXPLAIN_TEXT:
        explain_indent(o);
        buf_printf(&o->buf, "%s: %s", label, value);
        if (unit != NULL)
            buf_printf(&o->buf, " %s", unit);
        buf_add_char(&o->buf, '\n');
        break;
    case EXPLAIN_XML:
        spaces(o, o->indent * 2);
        add_tag(o, "<", label, ">");
        add_escaped_xml(o, value);
        add_tag(o, "</", label, ">\n");
        break;
    case EXPLAIN_JSON:
        separate(o);
        add_quoted(o, label);
        buf_add_text(&o->buf, ": ");
        if (plain)
            buf_add_text(&o->buf, value);
        else
            add_quoted(o, value);
        break;
    case EXPLAIN_YAML:
        separate(o);
        buf_printf(&o->buf, "%s: ", label);
        if (plain)
            buf_add_text(&o->buf, value);
        else
            add_quoted(o, value);
        break;
    }
}

void
explain_text(ExplainOut *o, const char *label, const char *value)
{
    property(o, label, NULL, value, false);
}

void
explain_int(ExplainOut *o, const char *label, const char *unit, int64_t value)
{
    Buf b = {0};

    buf_add_int(&b, value);
    property(o, label, unit, buf_cstr(&b), true);
    buf_free(&b);
}

void
explain_float(ExplainOut *o, const char *label, const char *unit, double value, int digits)
{
    Buf b = {0};

    buf_printf(&b, "%.*f", digits, value);
    property(o, label, unit, buf_cstr(&b), true);
    buf_free(&b);
}

void
explain_bool(ExplainOut *o, const char *label, bool value)
{
    property(o, label, NULL, value ? "true" : "false", true);
}

void
explain_list(ExplainOut *o, const char *label, const char *const *items, int count)
{
    switch (o->format) {
    case EXPLAIN_TEXT:
        explain_indent(o);
        buf_printf(&o->buf, "%s: ", label);
        for (int i = 0; i < count; i++)
            buf_printf(&o->buf, "%s%s", i > 0 ? ", " : "", items[i]);
        buf_add_char(&o->buf, '\n');
        break;
    case EXPLAIN_XML:
        spaces(o, o->indent * 2);
        add_tag(o, "<", label, ">\n");
        for (int i = 0; i < count; i++) {
            spaces(o, o->indent * 2 + 2);
            buf_add_text(&o->buf, "<Item>");
            add_escaped_xml(o, items[i]);
            buf_add_text(&o->buf, "</Item>\n");
        }
        spaces(o, o->indent * 2);
        add_tag(o, "</", label, ">\n");
        break;
    case EXPLAIN_JSON:
        separate(o);
        add_quoted(o, label);
        buf_add_text(&o->buf, ": [");
        for (int i = 0; i < count; i++) {
            buf_add_text(&o->buf, i > 0 ? ", " : "");
            add_quoted(o, items[i]);
        }
        buf_add_char(&o->buf, ']');
        break;
    case EXPLAIN_YAML:
        separate(o);
        buf_printf(&o->buf, "%s: ", label);
        for (int i = 0; i < count; i++) {
            buf_add_char(&o->buf, '\n');
            spaces(o, o->indent * 2 + 2);
            buf_add_text(&o->buf, "- ");
            add_quoted(o, items[i]);
        }
        break;
    }
}
