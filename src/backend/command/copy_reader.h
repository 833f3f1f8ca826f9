/* src/backend/command/copy_reader.h - cutting COPY's input into rows of fields.
 *
 * The reader owns a buffer that it fills from a source. Fields point into it, or, where escapes had to be
 * resolved, into cx->arena; so a caller collects a batch of rows until the reader asks for more input,
 * uses the batch up, and then lets the reader fill its buffer again. It knows nothing of types. */
#ifndef COPY_READER_H
#define COPY_READER_H
#include "base/ctx.h"

typedef enum CopyFormat { COPY_TEXT, COPY_CSV, COPY_BINARY } CopyFormat;
typedef enum CopyHeader { COPY_HEADER_NONE, COPY_HEADER_LINE, COPY_HEADER_MATCH } CopyHeader;

typedef struct CopyShape {
    CopyFormat format;
    CopyHeader header;
    char delimiter, quote, escape;
    const char *null_text;
    size_t null_bytes;
} CopyShape;

typedef struct CopySource CopySource;
struct CopySource {
    /* More bytes, valid until the next call; *bytes 0 at the end. */
    Status (*read)(CopySource *self, Ctx *cx, const char **data, size_t *bytes);
};

typedef struct CopyField {
    const char *text;
    uint32_t bytes;
    bool is_null; /* binary: the null length; else the null text, not in quotes */
    bool quoted; /* CSV: some of it was in quotes */
} CopyField;

typedef struct CopyReader {
    CopyShape shape;
    CopySource *source;
    Budget *budget; /* may be NULL */
    char *data; /* malloc */
    size_t fill_bytes; /* how much input is collected before rows are cut from it */
    size_t start, end, capacity; /* input not used yet: [start, end) */
    size_t valid; /* up to here it is known to be UTF-8 */
    bool at_end; /* the source has no more */
    bool finished; /* end marker seen */
    bool started; /* binary: the file header has been read */
    int eol; /* what ends lines: 0 not known, else EOL_.. of the source */
    uint8_t plain_class[256], quoted_class[256];

    /* the row just read */
    uint64_t line_no; /* of its last line; of the one being read while that is not complete */
    bool line_known; /* `line` is the whole row (never in binary) */
    const char *line;
    size_t line_bytes;
    int field_count, field_capacity;
    CopyField *fields; /* of the reader */
    int field_most; /* fields beyond are counted but not kept */
} CopyReader;

typedef enum CopyStep { COPY_STEP_ROW, COPY_STEP_NEED_INPUT, COPY_STEP_END } CopyStep;

/* Keeps at most `field_most` fields of a row. */
void copy_reader_init(CopyReader *r, const CopyShape *shape, CopySource *source, int field_most,
                      Budget *budget);
void copy_reader_close(CopyReader *r);
/* The next row, header lines included. */
MUST_CHECK Status copy_reader_step(Ctx *cx, CopyReader *r, CopyStep *step);
/* After COPY_STEP_NEED_INPUT: rows given before are gone. */
MUST_CHECK Status copy_reader_fill(Ctx *cx, CopyReader *r);
/* After COPY_STEP_END: whatever the source still says is thrown away. */
MUST_CHECK Status copy_reader_drain(Ctx *cx, CopyReader *r);

#endif
