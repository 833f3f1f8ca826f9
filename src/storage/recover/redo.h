/* src/storage/recover/redo.h - doing again what a record says, on the page it is about.
 *
 * Each function gets the record's bytes and the page as it was before, and leaves the page as it was
 * after, but for hints (T6): which words are resolved, `all_before`, `prune_at`. It allocates nothing and
 * asks nobody, the catalog least of all (H3). False: record and page do not fit together. */
#ifndef REDO_H
#define REDO_H
#include "base/ctx.h"
#include "storage/wal/record.h"

typedef bool (*RedoPage)(char *page, const uint8_t *data, uint32_t bytes);

/* NULL: not the kind of a page's record. */
RedoPage redo_page_of(RecordKind kind);

struct CacheRel;
bool btree_record_moves_page(RecordKind kind); /* into the relation's list of unused pages or out of it */
/* At the end of recovery, if there were such records. The list may have been of a later moment than the pages when the records began, and
 * lead to one that is in use again. It is dropped then: what comes to it later would be in it twice, and be given out twice. Its pages
 * are lost until the index is made anew. */
MUST_CHECK Status btree_settle_unused(Ctx *cx, struct CacheRel *rel);
/* Before a B+tree page's record: a page that was out of use and gets new contents leaves the relation's list. */
void btree_redo_before(struct CacheRel *rel, const char *page, RecordKind kind);
/* After a record of `block`: a page that it put out of use, and that is so still, heads the list. One that the store has as it was
 * later may be in use again. */
void btree_redo_after(struct CacheRel *rel, const char *page, uint32_t block, RecordKind kind,
                      const uint8_t *data, uint32_t bytes);

#define RECORD(symbol, name, redo, describe, doc) bool redo(char *page, const uint8_t *data, uint32_t bytes);
#include "storage/wal/record_kinds.def"
#undef RECORD

#endif
