/* rocks_resume.h - the one call of RocksDB that its C interface lacks. */
#ifndef ROCKS_RESUME_H
#define ROCKS_RESUME_H
#include <rocksdb/c.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif
/* RocksDB takes no more writes once a flush or a merge of files has failed, until it is told to go on: then it does what had
 * failed again. False: it failed again. */
bool rocks_resume(rocksdb_t *db);
#ifdef __cplusplus
}
#endif

#endif
