/* src/storage/store/store_safe.h - copies of the page store as of a checkpoint, for a server that writes no log (S4).
 *
 * Without a log what is in the store between two checkpoints belongs to no moment. So each checkpoint is followed by a copy
 * of the store's files, by hard links, in DIR/checkpoints; the last one that is whole is what a crash leaves.
 *
 *   no copy:   DIR/pages is what was stored last, by a shutdown or with a log
 *   a copy:    DIR/pages counts for nothing, the newest copy does */
#ifndef STORE_SAFE_H
#define STORE_SAFE_H
#include "storage/store/page_store.h"

enum { STORE_SAFE_PATH_MOST = 4096 };

/* Where the store of a data directory is that nobody has open: `pages`, or the newest copy (*is_copy). */
MUST_CHECK Status store_safe_find(Ctx *cx, const char *data_dir, char path[STORE_SAFE_PATH_MOST],
                                  bool *is_copy);
/* Before the store is opened: the newest copy takes the place of `pages`. *restored: there was one. */
MUST_CHECK Status store_safe_restore(Ctx *cx, const char *data_dir, bool *restored);
/* Nothing is written to the store meanwhile. Durable when it returns; older copies are gone then. */
MUST_CHECK Status store_safe_make(Ctx *cx, PageStore *store, const char *data_dir);
/* `pages` is whole: no copy counts any more. */
MUST_CHECK Status store_safe_forget(Ctx *cx, const char *data_dir);

#endif
