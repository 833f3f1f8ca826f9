/* store_batch.h - the inside of a batch, for the stores of this folder. */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H
#include "storage/store/page_store.h"

typedef enum StoreChange {
    STORE_PUT,
    STORE_DELETE,
    STORE_DELETE_RANGE,
    STORE_DELETE_ENDED, /* a range in which nothing is ever written again */
    STORE_THINNED, /* no change: in a range much has been deleted */
} StoreChange;

/* One after the other in `bytes`: this head, then the key, then the value (of a range: the key behind). */
typedef struct StoreItem {
    uint32_t key_bytes, value_bytes;
    uint8_t change;
    uint8_t spare[7];
} StoreItem;

struct StoreBatch {
    Buf bytes;
    uint32_t count;
};

/* Calls `each` for every change. */
void store_batch_each(const StoreBatch *batch,
                      void (*each)(void *arg, StoreChange change, const char *key, size_t key_bytes,
                                   const char *value, size_t value_bytes),
                      void *arg);

#endif
