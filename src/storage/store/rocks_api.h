/* rocks_api.h - RocksDB's functions, found when they are needed (design 2). */
#ifndef ROCKS_API_H
#define ROCKS_API_H
#include <rocksdb/c.h>

#include "base/ctx.h"

typedef struct RocksApi {
#define ROCKS(name) __typeof__(&name) name;
#include "storage/store/rocks_api.def"
#undef ROCKS
} RocksApi;

/* The library stays loaded as long as the process lives. */
MUST_CHECK Status rocks_api_load(Ctx *cx, RocksApi *out);

#endif
