/* src/backend/exec/row_parts.h - rows divided by their keys' hashes, for operators whose hash tables have no room for
 * all of them: equal keys come into the same part, and each part is worked on by itself later.
 *
 * A part that is too large once more is divided again, one level further down, where the same hashes fall
 * differently. */
#ifndef EXEC_ROW_PARTS_H
#define EXEC_ROW_PARTS_H
#include "backend/exec/row_list.h"
#include "base/hash.h"

enum { PARTS_LEAST = 8, PARTS_MOST = 64, PART_LEVELS_MOST = 6 };

/* The rows of a part have their hash as one more column behind their own. */
typedef struct RowParts {
    Ctx *cx;
    int count; /* 0: not in use */
    int level;
    int column_count; /* without the hash */
    RowList *lists; /* malloc */
} RowParts;

/* How many parts go well with so much memory: a power of two. */
int row_parts_count(uint64_t memory_bytes);
MUST_CHECK Status row_parts_init(RowParts *p, Ctx *cx, Budget *budget, TempFile *file, Buf *packed,
                                 int column_count, int count, int level, uint64_t memory_bytes);
static inline int
row_part_of(const RowParts *p, uint64_t hash)
{
    return (int)(hash_combine((uint64_t)p->level + 1, hash) >> 32 & (uint64_t)(p->count - 1));
}
/* Each row goes to its part; hashes by row number. Memory for the moment from `a`. */
MUST_CHECK Status row_parts_add(RowParts *p, Arena *a, const Vector *columns, Rows rows, uint64_t *hashes);
/* After the last row. */
MUST_CHECK Status row_parts_finish(RowParts *p);
/* List no. i belongs to the caller now. */
RowList row_parts_take(RowParts *p, int i);
void row_parts_free(RowParts *p);

#endif
