/* src/storage/heap/heap_unique.h - what a unique index must know of a row with the same key. */
#ifndef HEAP_UNIQUE_H
#define HEAP_UNIQUE_H
#include "storage/heap/heap.h"

typedef enum RowLife {
    ROW_LIFE_DEAD, /* nobody will ever see it again, or we have deleted it ourselves */
    ROW_LIFE_LIVE,
    ROW_LIFE_UNDECIDED, /* *xid is still running */
} RowLife;
MUST_CHECK Status heap_row_life(Ctx *cx, const HeapRel *rel, Tid root, RowLife *life, Xid *xid);

#endif
