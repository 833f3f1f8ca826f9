/* src/storage/store/store_view.h - a data directory that nobody else has open, looked at without writing to it.
 *
 * The page store is opened read-only; the log is done again in memory alone. What comes of it is an engine like that of a
 * server which has just recovered, in which sessions may read. The caller has the directory's lock. */
#ifndef STORE_VIEW_H
#define STORE_VIEW_H
#include "storage/engine/engine.h"
#include "storage/recover/recover.h"
#include "storage/store/store_meta.h"

typedef struct StoreView StoreView;

typedef struct StoreViewLog {
    bool whole; /* it could be done again to its end */
    RecoverResult result;
    const char *error; /* NULL if whole; in cx->arena */
} StoreViewLog;

/* The context gets no slot. Fails when the store cannot be read at all. A log that cannot be done again is no failure: then
 * *log says so, and pages are as the last checkpoint left them, or later. `with_log` false: it is not looked at.
 * `data_key`: NULL if the directory is not encrypted; it has to live as long as the view. */
MUST_CHECK Status store_view_open(Ctx *cx, const char *data_dir, const SealKey *data_key, bool with_log,
                                  StoreView **out, StoreViewLog *log);
void store_view_close(Ctx *cx, StoreView *view);
Engine *store_view_engine(const StoreView *view);
PageStore *store_view_store(const StoreView *view);
/* The store alone, with its superblock; no engine. *found false: it has none. */
MUST_CHECK Status store_view_open_store(Ctx *cx, const char *data_dir, const SealKey *data_key, PageStore **out,
                                        StoreSuper *super, bool *found);

#endif
