/* src/storage/recover/describe.h - records and pages in words, for people who look.
 *
 * A record is told by itself, so of a row it says where it goes, who made it and how long it is: what its bytes mean is said
 * by the page. Nothing is believed before it has been looked at: a record or page that is not what it seems is told as
 * bytes. */
#ifndef DESCRIBE_H
#define DESCRIBE_H
#include "base/buf.h"
#include "base/ctx.h"
#include "storage/wal/record.h"

typedef void (*RecordDescribe)(const uint8_t *data, uint32_t bytes, Buf *out);

/* One line, without its end. */
void record_describe(RecordKind kind, const uint8_t *data, uint32_t bytes, Buf *out);
/* Several lines. A context with a slot: ids that are still on the page are looked up; else (cx->proc NULL) they are named. */
void page_describe(Ctx *cx, const char *page, Buf *out);

/* ---- for those who describe -------------------------------------------------------------------------------------- */
void describe_nothing(const uint8_t *data, uint32_t bytes, Buf *out);
/* Hexadecimal, cut where it gets long. */
void describe_bytes(const uint8_t *data, uint32_t bytes, Buf *out);
/* The fixed part that a record begins with, or is as a whole. False: it is shorter (of another length), and has been told as bytes. */
bool describe_head(const uint8_t *data, uint32_t bytes, void *head, size_t head_bytes, Buf *out);
bool describe_whole(const uint8_t *data, uint32_t bytes, void *head, size_t head_bytes, Buf *out);
/* A word of a row (T1). */
void describe_word(Ctx *cx, uint64_t word, Buf *out);
/* Of one kind of page; `cx` as above. */
void heap_describe_page(Ctx *cx, const char *page, Buf *out);
void btree_describe_page(const char *page, Buf *out);
void seq_describe_page(const char *page, Buf *out);

#define RECORD(symbol, name, redo, describe, doc) void describe(const uint8_t *data, uint32_t bytes, Buf *out);
#include "storage/wal/record_kinds.def"
#undef RECORD
#define SYSTEM_RECORD(symbol, number, name, describe, doc)                                                     \
    void describe(const uint8_t *data, uint32_t bytes, Buf *out);
#include "storage/wal/system_records.def"
#undef SYSTEM_RECORD

#endif
