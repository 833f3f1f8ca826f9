/* src/storage/store/checkpoint.h - bringing the store up to a place in the log (S1). */
#ifndef CHECKPOINT_H
#define CHECKPOINT_H
#include "storage/store/page_writer.h"
#include "storage/store/store_meta.h"

typedef struct Checkpointer {
    PageStore *store;
    PageWriter writer;
    StoreSuper super; /* of the last one */
    Lsn readable; /* of the last one: log before this is not needed any more */
    uint64_t page_count; /* of the last one */
    uint64_t write_us, sync_us; /* of the last one: bringing pages to the store, making them durable */
    Xid id_from; /* ids below have had their outcome written */
    /* Called between portions of pages: the cleaner's work goes on meanwhile. May be NULL. */
    Status (*between)(Ctx *cx, void *arg);
    bool (*is_urgent)(Ctx *cx, void *arg); /* has the plan become too slow? May be NULL: never */
    void *arg;
} Checkpointer;

/* `spread_us`: about how long it may take, 0 = as fast as possible. It takes longer while the store is behind with merging
 * its files, which costs nobody but the log room; and it hurries when it is urgent. `clean`: a shutdown, nobody changes anything. Ends
 * with everything durable that was changed before it began, and Checkpointer.super.redo there. */
MUST_CHECK Status checkpoint_run(Ctx *cx, Checkpointer *c, uint64_t spread_us, bool clean);

/* The smallest id that a page in the store or in memory may hold raw: below it the id table may forget. */
Xid store_oldest_raw(Ctx *cx);

#endif
