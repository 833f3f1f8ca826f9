/* redo.c - the table of kinds. */
#include "storage/recover/redo.h"

RedoPage
redo_page_of(RecordKind kind)
{
    static const RedoPage table[RECORD_PAGE_KINDS] = {
#define RECORD(symbol, name, redo, describe, doc) [RECORD_##symbol] = redo,
#include "storage/wal/record_kinds.def"
#undef RECORD
    };

    return (uint32_t)kind < RECORD_PAGE_KINDS ? table[kind] : NULL;
}

const char *
record_kind_name(RecordKind kind)
{
    static const char *const names[RECORD_KIND_COUNT] = {
        [RECORD_NONE] = "none",
#define RECORD(symbol, name, redo, describe, doc) [RECORD_##symbol] = name,
#include "storage/wal/record_kinds.def"
#undef RECORD
#define SYSTEM_RECORD(symbol, number, name, describe, doc) [RECORD_##symbol] = name,
#include "storage/wal/system_records.def"
#undef SYSTEM_RECORD
    };

    return (uint32_t)kind < RECORD_KIND_COUNT && names[kind] != NULL ? names[kind] : "unknown";
}
