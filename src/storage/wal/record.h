/* src/storage/wal/record.h - kinds of log records, and what a record is made of. */
#ifndef WAL_RECORD_H
#define WAL_RECORD_H
#include "base/attr.h"

typedef enum RecordKind {
    RECORD_NONE,
#define RECORD(symbol, name, redo, describe, doc) RECORD_##symbol,
#include "storage/wal/record_kinds.def"
#undef RECORD
    RECORD_PAGE_KINDS, /* how many kinds are about a page */
#define SYSTEM_RECORD(symbol, number, name, describe, doc) RECORD_##symbol = number,
#include "storage/wal/system_records.def"
#undef SYSTEM_RECORD
    RECORD_KIND_COUNT
} RecordKind;
static_assert(RECORD_PAGE_KINDS <= RECORD_COMMIT, "the two tables of numbers do not overlap");

/* A record is written as the concatenation of its parts. */
typedef struct RecordPart {
    const void *data;
    uint32_t bytes;
} RecordPart;
enum { RECORD_PARTS_MOST = 8 };

/* Largest record of one page: an image or a row, and what goes with it. */
enum { RECORD_PAGE_MOST = 8192 + 1024 };

const char *record_kind_name(RecordKind kind);

#endif
