/* fuzz_copy.c - COPY's reader: any bytes, cut anywhere.
 *
 * The first byte chooses format and options, the second how the input arrives. The rows must be the same,
 * or fail with the same words at the same line, whether the input comes at once or in small pieces. */
#include "fuzz.h"

#include <string.h>

#include "backend/command/copy_reader.h"
#include "base/hash.h"

typedef struct Pieces {
    CopySource base;
    const char *at, *end;
    size_t piece_bytes;
} Pieces;

static Status
read_piece(CopySource *self, Ctx *cx, const char **data, size_t *bytes)
{
    Pieces *p = (Pieces *)self;
    size_t n = MIN_OF((size_t)(p->end - p->at), p->piece_bytes);

    (void)cx;
    *data = p->at;
    *bytes = n;
    p->at += n;
    return ST_OK;
}

static CopyShape
choose_shape(uint8_t choice)
{
    static const CopyShape shapes[] = {
        {.format = COPY_TEXT, .delimiter = '\t', .null_text = "\\N", .null_bytes = 2},
        {.format = COPY_TEXT, .delimiter = '|', .null_text = "", .null_bytes = 0},
        {.format = COPY_CSV, .delimiter = ',', .quote = '"', .escape = '"', .null_text = "", .null_bytes = 0},
        {.format = COPY_CSV,
         .delimiter = ';',
         .quote = '\'',
         .escape = '\\',
         .null_text = "x",
         .null_bytes = 1},
        {.format = COPY_CSV,
         .delimiter = ',',
         .quote = '"',
         .escape = 'a',
         .null_text = "nil",
         .null_bytes = 3},
        {.format = COPY_BINARY, .null_text = "", .delimiter = '\t'},
    };

    return shapes[choice % COUNT_OF(shapes)];
}

/* A number for everything that was read, or for the failure. */
static uint64_t
read_rows(Ctx *cx, CopyReader *r)
{
    uint64_t sum = 1;
    Status rc = ST_OK;

    while (rc == ST_OK) {
        CopyStep step;

        rc = copy_reader_step(cx, r, &step);
        if (rc != ST_OK || step == COPY_STEP_END)
            break;
        if (step == COPY_STEP_NEED_INPUT) {
            rc = copy_reader_fill(cx, r);
            arena_reset(cx->arena);
            continue;
        }
        sum = hash_bytes_seeded(&r->line_no, sizeof(r->line_no), sum);
        for (int i = 0; i < MIN_OF(r->field_count, r->field_most); i++) {
            const CopyField *f = &r->fields[i];

            sum = hash_bytes_seeded(f->text, f->bytes, sum * 3 + f->is_null);
        }
        sum = sum * 31 + (uint64_t)r->field_count;
    }
    if (rc == ST_OK)
        rc = copy_reader_drain(cx, r);
    if (rc != ST_OK) {
        sum = hash_bytes_seeded(cx->error.message, strlen(cx->error.message), sum * 5 + r->line_no);
        ctx_error_clear(cx);
    }
    return sum;
}

static uint64_t
read_in_pieces(Ctx *cx, const uint8_t *data, size_t bytes, uint8_t choice, size_t piece_bytes)
{
    CopyShape shape = choose_shape(choice);
    Pieces pieces = {{read_piece}, (const char *)data, (const char *)data + bytes, piece_bytes};
    CopyReader r;
    uint64_t sum;

    copy_reader_init(&r, &shape, &pieces.base, 3, NULL);
    r.fill_bytes = piece_bytes;
    sum = read_rows(cx, &r);
    copy_reader_close(&r);
    arena_reset(cx->arena);
    return sum;
}

int
fuzz_copy(const uint8_t *data, size_t bytes)
{
    Arena arena, errors;
    Ctx cx = {.arena = &arena, .error_arena = &errors};
    uint64_t whole, pieces;

    if (bytes < 2)
        return 0;
    arena_init(&arena, "fuzz", NULL);
    arena_init(&errors, "fuzz errors", NULL);
    whole = read_in_pieces(&cx, data + 2, bytes - 2, data[0], bytes);
    pieces = read_in_pieces(&cx, data + 2, bytes - 2, data[0], 1u + data[1] % 16);
    ASSERT(whole == pieces);
    arena_free(&arena);
    arena_free(&errors);
    return 0;
}
