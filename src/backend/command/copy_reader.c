/* copy_reader.c - lines and fields of COPY's three formats.
 *
 * A row is found in one pass over its bytes, which notes where fields begin and end. Escapes and quotes in
 * the middle of a field only set a flag on that pass; such fields are put together in a second one, when
 * the row is known to be complete. A row whose end is not in the buffer is started again after the
 * buffer has grown; because each fill at least doubles what is there, long rows stay linear.
 *
 * The first line end decides how all lines end; another kind later is an error, so that a file that was
 * damaged on its way is not half loaded. */
#include "backend/command/copy_reader.h"

#include "backend/wire/decode.h"
#include "base/bytes.h"
#include "base/utf8.h"

#include <stdlib.h>

enum { FILL_BYTES = 128 * 1024, ROW_MOST_BYTES = 0x3fffffff };
enum { EOL_UNKNOWN, EOL_NL, EOL_CR, EOL_CRNL };

/* What a byte means to the scanners. */
enum { CLASS_PLAIN, CLASS_DELIMITER, CLASS_NL, CLASS_CR, CLASS_ESCAPE, CLASS_QUOTE };

typedef enum Found {
    FOUND_MORE, /* the buffer ends here: try again with more */
    FOUND_EOL,
    FOUND_MARKER, /* \. */
    FOUND_END, /* of the input, without a line end */
    FOUND_NOTHING,
} Found;

static const char binary_signature[11] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', '\377', '\r', '\n', '\0'};

void
copy_reader_init(CopyReader *r, const CopyShape *shape, CopySource *source, int field_most, Budget *budget)
{
    ASSERT(field_most >= 0);
    *r = (CopyReader){.shape = *shape,
                      .source = source,
                      .field_most = field_most,
                      .budget = budget,
                      .fill_bytes = FILL_BYTES};
    r->plain_class[(unsigned char)'\n'] = r->quoted_class[(unsigned char)'\n'] = CLASS_NL;
    r->plain_class[(unsigned char)'\r'] = r->quoted_class[(unsigned char)'\r'] = CLASS_CR;
    r->plain_class[(unsigned char)shape->delimiter] = CLASS_DELIMITER;
    if (shape->format == COPY_TEXT) {
        r->plain_class[(unsigned char)'\\'] = CLASS_ESCAPE;
    } else {
        r->plain_class[(unsigned char)shape->quote] = CLASS_QUOTE;
        r->quoted_class[(unsigned char)shape->escape] = CLASS_ESCAPE;
        r->quoted_class[(unsigned char)shape->quote] = CLASS_QUOTE;
    }
}

void
copy_reader_close(CopyReader *r)
{
    budget_give(r->budget, r->capacity);
    free(r->data);
    free(r->fields);
    r->data = NULL;
    r->fields = NULL;
}

/* ---- the buffer --------------------------------------------------------------------------------------------------- */

static Status
grow(Ctx *cx, CopyReader *r, size_t need)
{
    size_t capacity = MAX_OF(r->capacity, (size_t)FILL_BYTES);
    char *data;

    if (need <= r->capacity)
        return ST_OK;
    while (capacity < need)
        capacity *= 2;
    if (!budget_take(r->budget, capacity - r->capacity))
        return fail_memory(cx, capacity);
    data = realloc(r->data, capacity);
    if (data == NULL) {
        budget_give(r->budget, capacity - r->capacity);
        return fail_memory(cx, capacity);
    }
    r->data = data;
    r->capacity = capacity;
    return ST_OK;
}

Status
copy_reader_fill(Ctx *cx, CopyReader *r)
{
    size_t left = r->end - r->start, target = MAX_OF(left * 2, r->fill_bytes);

    if (left > ROW_MOST_BYTES) {
        Status rc = fail(cx, ST_ERROR, "54000", "out of memory");

        fail_detail(cx, "Cannot enlarge string buffer containing %zu bytes.", left);
        return rc;
    }
    TRY(grow(cx, r, FILL_BYTES));
    if (r->start > 0 && left > 0)
        memmove(r->data, r->data + r->start, left);
    r->valid -= MIN_OF(r->valid, r->start);
    r->start = 0;
    r->end = left;
    while (!r->at_end && r->end < target) {
        const char *data;
        size_t bytes;

        TRY(r->source->read(r->source, cx, &data, &bytes));
        if (bytes == 0) {
            r->at_end = true;
            break;
        }
        TRY(grow(cx, r, r->end + bytes));
        memcpy(r->data + r->end, data, bytes);
        r->end += bytes;
    }
    if (r->shape.format != COPY_BINARY && r->end > r->valid)
        r->valid += utf8_valid_prefix(r->data + r->valid, r->end - r->valid);
    return ST_OK;
}

Status
copy_reader_drain(Ctx *cx, CopyReader *r)
{
    while (!r->at_end) {
        const char *data;
        size_t bytes;

        TRY(r->source->read(r->source, cx, &data, &bytes));
        r->at_end = bytes == 0;
    }
    return ST_OK;
}

static Status
add_field(Ctx *cx, CopyReader *r, const char *text, size_t bytes, bool special)
{
    int no = r->field_count++;

    if (UNLIKELY(no >= r->field_most))
        return ST_OK;
    if (UNLIKELY(no >= r->field_capacity)) {
        int capacity = MIN_OF(MAX_OF(32, r->field_capacity * 2), r->field_most);
        CopyField *fields = realloc(r->fields, sizeof(*fields) * (size_t)capacity);

        if (fields == NULL)
            return fail_memory(cx, sizeof(*fields) * (size_t)capacity);
        r->fields = fields;
        r->field_capacity = capacity;
    }
    /* `quoted` says on the first pass that a second one is needed */
    r->fields[no] = (CopyField){text, (uint32_t)bytes, false, special};
    return ST_OK;
}

/* ---- line ends ---------------------------------------------------------------------------------------------------- */

static Status
fail_line_end(Ctx *cx, const CopyReader *r, bool is_newline)
{
    bool csv = r->shape.format == COPY_CSV;
    Status rc = fail(cx, ST_ERROR, "22P04", "%s %s found in data", csv ? "unquoted" : "literal",
                     is_newline ? "newline" : "carriage return");

    if (csv)
        fail_hint(cx, "Use quoted CSV field to represent %s.", is_newline ? "newline" : "carriage return");
    else
        fail_hint(cx, "Use \"\\%c\" to represent %s.", is_newline ? 'n' : 'r',
                  is_newline ? "newline" : "carriage return");
    return rc;
}

/* At a newline or carriage return outside quotes. */
static Status
take_line_end(Ctx *cx, CopyReader *r, const char *p, const char *end, const char **next, Found *found)
{
    *found = FOUND_EOL;
    *next = p + 1;
    if (*p == '\n') {
        if (r->eol == EOL_CR || r->eol == EOL_CRNL)
            return fail_line_end(cx, r, true);
        r->eol = EOL_NL;
        return ST_OK;
    }
    if (r->eol == EOL_NL)
        return fail_line_end(cx, r, false);
    if (r->eol == EOL_CR)
        return ST_OK;
    if (p + 1 == end && !r->at_end) {
        *found = FOUND_MORE;
        return ST_OK;
    }
    if (p + 1 < end && p[1] == '\n') {
        r->eol = EOL_CRNL;
        *next = p + 2;
        return ST_OK;
    }
    if (r->eol == EOL_CRNL)
        return fail_line_end(cx, r, false);
    r->eol = EOL_CR;
    return ST_OK;
}

/* At "\.": the end of the data when a line end follows. In CSV it may be data after all. */
static Status
take_marker(Ctx *cx, CopyReader *r, const char *p, const char *end, Found *found)
{
    bool csv = r->shape.format == COPY_CSV;
    const char *q = p + 2;

    *found = FOUND_MORE;
    if (end - q < 2 && !r->at_end)
        return ST_OK;
    if (r->eol == EOL_CRNL && q < end && *q == '\r')
        q++;
    else if (r->eol == EOL_CRNL && q < end && *q == '\n' && !csv)
        return fail(cx, ST_ERROR, "22P04", "end-of-copy marker does not match previous newline style");
    *found = FOUND_NOTHING;
    if (q >= end || (*q != '\n' && *q != '\r') || (r->eol == EOL_CRNL && q == p + 2))
        return csv ? ST_OK : fail(cx, ST_ERROR, "22P04", "end-of-copy marker corrupt");
    if ((r->eol == EOL_CR) != (*q == '\r') && r->eol != EOL_UNKNOWN)
        return fail(cx, ST_ERROR, "22P04", "end-of-copy marker does not match previous newline style");
    *found = FOUND_MARKER;
    return ST_OK;
}

/* ---- text --------------------------------------------------------------------------------------------------------- */

static Status
scan_text(Ctx *cx, CopyReader *r, const char **next, const char **line_end, Found *found)
{
    const char *p = r->data + r->start, *end = r->data + r->end, *field = p;
    const uint8_t *class = r->plain_class;
    bool special = false;

    for (;;) {
        while (p < end && class[(unsigned char)*p] == CLASS_PLAIN)
            p++;
        if (p == end) {
            *found = r->at_end ? FOUND_END : FOUND_MORE;
            break;
        }
        if (class[(unsigned char)*p] == CLASS_DELIMITER) {
            TRY(add_field(cx, r, field, (size_t)(p - field), special));
            field = ++p;
            special = false;
            continue;
        }
        if (*p != '\\') {
            TRY(take_line_end(cx, r, p, end, next, found));
            break;
        }
        if (p + 1 == end) {
            if (!r->at_end) {
                *found = FOUND_MORE;
                return ST_OK;
            }
            p++;
        } else if (p[1] == '.') {
            TRY(take_marker(cx, r, p, end, found));
            break;
        } else {
            p += 2;
        }
        special = true;
    }
    if (*found == FOUND_MORE)
        return ST_OK;
    *line_end = p;
    return add_field(cx, r, field, (size_t)(p - field), special);
}

static bool
is_octal(char c)
{
    return c >= '0' && c <= '7';
}

static int
hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The byte after a backslash at *at, which is moved behind it. */
static char
escaped_byte(const char **at, const char *end)
{
    const char *p = *at;
    char c = *p++;
    int v;

    if (is_octal(c)) {
        v = c - '0';
        for (int i = 0; i < 2 && p < end && is_octal(*p); i++)
            v = v * 8 + (*p++ - '0');
        c = (char)v;
    } else if (c == 'x' && p < end && hex_value(*p) >= 0) {
        v = hex_value(*p++);
        if (p < end && hex_value(*p) >= 0)
            v = v * 16 + hex_value(*p++);
        c = (char)v;
    } else {
        static const char from[] = "bfnrtv", to[] = "\b\f\n\r\t\v";
        const char *known = memchr(from, c, sizeof(from) - 1);

        if (known != NULL)
            c = to[known - from];
    }
    *at = p;
    return c;
}

static Status
resolve_escapes(Ctx *cx, CopyField *f)
{
    const char *p = f->text, *end = p + f->bytes;
    char *out = arena_alloc(cx->arena, f->bytes), *o = out;

    while (p < end) {
        if (*p != '\\') {
            *o++ = *p++;
        } else {
            p++;
            if (p == end) /* a backslash at the end of the input stands for nothing */
                break;
            *o++ = escaped_byte(&p, end);
        }
    }
    f->text = out;
    f->bytes = (uint32_t)(o - out);
    return decode_text(cx, f->text, f->bytes); /* \xff may have made anything of it */
}

static Status
finish_text(Ctx *cx, CopyReader *r)
{
    int count = MIN_OF(r->field_count, r->field_most);
    const char *null_text = r->shape.null_text;
    size_t null_bytes = r->shape.null_bytes;

    for (int i = 0; i < count; i++) {
        CopyField *f = &r->fields[i];
        bool special = f->quoted;

        f->quoted = false;
        /* the null text is compared with what stands there, escapes and all */
        if (f->bytes == null_bytes && memcmp(f->text, null_text, null_bytes) == 0)
            f->is_null = true;
        else if (special)
            TRY(resolve_escapes(cx, f));
    }
    return ST_OK;
}

/* ---- CSV ---------------------------------------------------------------------------------------------------------- */

/* Behind an opening quote: finds the closing one. NULL: the buffer ends before it is known. */
static const char *
skip_quoted(CopyReader *r, const char *p, const char *end, uint64_t *lines)
{
    const uint8_t *class = r->quoted_class;
    bool same = r->shape.escape == r->shape.quote;
    char newline = r->eol == EOL_NL ? '\n' : '\r';

    for (;;) {
        while (p < end && class[(unsigned char)*p] == CLASS_PLAIN)
            p++;
        if (p == end)
            return NULL;
        if (*p == newline)
            (*lines)++;
        if (*p == r->shape.quote) {
            if (!same)
                return p;
            if (p + 1 == end)
                return r->at_end ? p : NULL;
            if (p[1] != r->shape.quote)
                return p;
            p += 2;
        } else if (*p == r->shape.escape) {
            if (p + 1 == end)
                return NULL;
            p += p[1] == r->shape.quote || p[1] == r->shape.escape ? 2 : 1;
        } else {
            p++;
        }
    }
}

static Status
fail_unterminated(Ctx *cx)
{
    return fail(cx, ST_ERROR, "22P04", "unterminated CSV quoted field");
}

static Status
scan_csv(Ctx *cx, CopyReader *r, const char **next, const char **line_end, Found *found)
{
    const char *start = r->data + r->start, *end = r->data + r->end, *p = start, *field = p;
    const uint8_t *class = r->plain_class;
    uint64_t lines = 0;
    bool special = false;

    if (p < end && *p == '\\' && r->shape.quote != '\\') {
        *found = FOUND_NOTHING;
        if (p + 1 == end && !r->at_end)
            *found = FOUND_MORE;
        else if (p + 1 < end && p[1] == '.')
            TRY(take_marker(cx, r, p, end, found));
        if (*found == FOUND_MORE)
            return ST_OK;
        if (*found == FOUND_MARKER) {
            *line_end = p;
            return ST_OK;
        }
    }
    for (;;) {
        while (p < end && class[(unsigned char)*p] == CLASS_PLAIN)
            p++;
        if (p == end) {
            *found = r->at_end ? FOUND_END : FOUND_MORE;
            break;
        }
        if (class[(unsigned char)*p] == CLASS_DELIMITER) {
            TRY(add_field(cx, r, field, (size_t)(p - field), special));
            field = ++p;
            special = false;
        } else if (class[(unsigned char)*p] == CLASS_QUOTE) {
            p = skip_quoted(r, p + 1, end, &lines);
            special = true;
            if (p == NULL && r->at_end) {
                r->line_no += lines;
                r->line_known = true;
                r->line = start;
                r->line_bytes = (size_t)(end - start);
                return fail_unterminated(cx);
            }
            *found = FOUND_MORE;
            if (p == NULL)
                return ST_OK;
            p++;
        } else {
            TRY(take_line_end(cx, r, p, end, next, found));
            break;
        }
    }
    if (*found == FOUND_MORE)
        return ST_OK;
    r->line_no += lines;
    *line_end = p;
    return add_field(cx, r, field, (size_t)(p - field), special);
}

static void
resolve_quotes(Ctx *cx, const CopyReader *r, CopyField *f)
{
    const char *p = f->text, *end = p + f->bytes;
    char quote = r->shape.quote, escape = r->shape.escape, *out, *o;
    bool inside = false;

    f->quoted = true;
    if (f->bytes >= 2 && *p == quote && end[-1] == quote && memchr(p + 1, quote, f->bytes - 2) == NULL &&
        (escape == quote || memchr(p + 1, escape, f->bytes - 2) == NULL)) {
        f->text++; /* "plain" */
        f->bytes -= 2;
        return;
    }
    out = o = arena_alloc(cx->arena, f->bytes);
    while (p < end) {
        if (inside && *p == escape && p + 1 < end && (p[1] == quote || p[1] == escape)) {
            *o++ = p[1];
            p += 2;
        } else if (*p == quote) {
            inside = !inside;
            p++;
        } else {
            *o++ = *p++;
        }
    }
    f->text = out;
    f->bytes = (uint32_t)(o - out);
}

static void
finish_csv(Ctx *cx, CopyReader *r)
{
    int count = MIN_OF(r->field_count, r->field_most);
    const char *null_text = r->shape.null_text;
    size_t null_bytes = r->shape.null_bytes;

    for (int i = 0; i < count; i++) {
        CopyField *f = &r->fields[i];

        if (f->quoted)
            resolve_quotes(cx, r, f);
        else if (f->bytes == null_bytes && memcmp(f->text, null_text, null_bytes) == 0)
            f->is_null = true;
    }
}

/* ---- rows of text and CSV -------------------------------------------------------------------------------------------- */

static Status
step_line(Ctx *cx, CopyReader *r, CopyStep *step)
{
    const char *next = NULL, *line_end = NULL, *start;
    Found found = FOUND_NOTHING;
    uint64_t before = r->line_no;
    size_t used;

    if (r->finished) {
        *step = COPY_STEP_END;
        return ST_OK;
    }
    r->field_count = 0;
    r->line_known = false;
    r->line_no++;
    if (r->shape.format == COPY_TEXT)
        TRY(scan_text(cx, r, &next, &line_end, &found));
    else
        TRY(scan_csv(cx, r, &next, &line_end, &found));
    if (found == FOUND_MORE) {
        r->line_no = before;
        *step = COPY_STEP_NEED_INPUT;
        return ST_OK;
    }
    start = r->data + r->start;
    used = (size_t)(line_end - r->data);
    if (found == FOUND_MARKER || found == FOUND_END) {
        r->finished = true;
        if (line_end == start) {
            *step = COPY_STEP_END;
            return ST_OK;
        }
    }
    if (r->valid < used)
        return decode_text(cx, r->data + r->valid, used - r->valid);
    r->line = start;
    r->line_bytes = (size_t)(line_end - start);
    r->line_known = true;
    r->start = next != NULL ? (size_t)(next - r->data) : r->end;
    *step = COPY_STEP_ROW;
    if (r->shape.format == COPY_TEXT)
        return finish_text(cx, r);
    finish_csv(cx, r);
    return ST_OK;
}

/* ---- binary ------------------------------------------------------------------------------------------------------- */

static Status
fail_binary(Ctx *cx, const char *message)
{
    return fail(cx, ST_ERROR, "22P04", "%s", message);
}

static Status
read_file_header(Ctx *cx, CopyReader *r, bool *complete)
{
    size_t left = r->end - r->start, at = sizeof(binary_signature);
    const char *p = r->data + r->start;
    uint32_t flags, extension;

    *complete = left >= at + 8;
    if (left < at + 8 && !r->at_end)
        return ST_OK;
    if (left < at || memcmp(p, binary_signature, at) != 0)
        return fail_binary(cx, "COPY file signature not recognized");
    if (left < at + 4)
        return fail_binary(cx, "invalid COPY file header (missing flags)");
    flags = get_be32(p + at);
    if (flags & UINT32_C(1) << 16)
        return fail_binary(cx, "invalid COPY file header (WITH OIDS)");
    if (flags >> 16 != 0)
        return fail_binary(cx, "unrecognized critical flags in COPY file header");
    if (left < at + 8 || (get_be32(p + at + 4) & UINT32_C(0x80000000)) != 0)
        return fail_binary(cx, "invalid COPY file header (missing length)");
    extension = get_be32(p + at + 4);
    if (left < at + 8 + extension) {
        *complete = false;
        return r->at_end ? fail_binary(cx, "invalid COPY file header (wrong length)") : ST_OK;
    }
    r->start += at + 8 + extension;
    r->started = true;
    return ST_OK;
}

/* Fields of one binary row; *complete false: more bytes are needed. */
static Status
read_binary_fields(Ctx *cx, CopyReader *r, int count, size_t *used, bool *complete)
{
    size_t left = r->end - r->start, at = 2;
    const char *p = r->data + r->start;

    *complete = false;
    for (int i = 0; i < count; i++) {
        int32_t bytes;

        if (left - at < 4)
            return r->at_end ? fail_binary(cx, "unexpected EOF in COPY data") : ST_OK;
        bytes = (int32_t)get_be32(p + at);
        at += 4;
        if (bytes < -1)
            return fail_binary(cx, "invalid field size");
        if (bytes > 0 && left - at < (size_t)bytes)
            return r->at_end ? fail_binary(cx, "unexpected EOF in COPY data") : ST_OK;
        TRY(add_field(cx, r, p + at, bytes > 0 ? (size_t)bytes : 0, false));
        if (i < r->field_most)
            r->fields[i].is_null = bytes == -1;
        at += bytes > 0 ? (size_t)bytes : 0;
    }
    *complete = true;
    *used = at;
    return ST_OK;
}

static Status
step_binary(Ctx *cx, CopyReader *r, CopyStep *step)
{
    size_t left, used = 0;
    int16_t count;
    bool complete = true;

    *step = COPY_STEP_NEED_INPUT;
    if (!r->started)
        TRY(read_file_header(cx, r, &complete));
    if (!complete)
        return ST_OK;
    left = r->end - r->start;
    *step = COPY_STEP_END;
    if (r->finished && left > 0)
        return fail_binary(cx, "received copy data after EOF marker");
    if (left < 2 && !r->at_end) {
        *step = COPY_STEP_NEED_INPUT;
        return ST_OK;
    }
    if (left < 2) /* the trailer may be missing */
        return ST_OK;
    r->field_count = 0;
    r->line_no++;
    count = (int16_t)get_be16(r->data + r->start);
    if (count == -1) {
        r->finished = true;
        r->start += 2;
        if (r->start < r->end)
            return fail_binary(cx, "received copy data after EOF marker");
        *step = r->at_end ? COPY_STEP_END : COPY_STEP_NEED_INPUT;
        return ST_OK;
    }
    if (count != r->field_most)
        return fail(cx, ST_ERROR, "22P04", "row field count is %d, expected %d", count, r->field_most);
    TRY(read_binary_fields(cx, r, count, &used, &complete));
    if (!complete) {
        r->line_no--;
        *step = COPY_STEP_NEED_INPUT;
        return ST_OK;
    }
    r->start += used;
    *step = COPY_STEP_ROW;
    return ST_OK;
}

Status
copy_reader_step(Ctx *cx, CopyReader *r, CopyStep *step)
{
    if (r->data == NULL) {
        *step = COPY_STEP_NEED_INPUT;
        return ST_OK;
    }
    if (r->shape.format == COPY_BINARY)
        return step_binary(cx, r, step);
    return step_line(cx, r, step);
}
