/* rocks_resume.h - the one call of RocksDB that its C interface lacks. */
#ifndef ROCKS_RESUME_H
#define ROCKS_RESUME_H
#include <rocksdb/c.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif
typedef enum RocksResumed {
    ROCKS_GOES_ON,
    ROCKS_FAILED_AGAIN, /* another attempt may work */
    ROCKS_STOPPED, /* it writes no more before it is opened again */
} RocksResumed;

/* RocksDB takes no more writes once a flush or a merge of files has failed, until it is told to go on: then it does what had
 * failed again. Only want of space it forgives, and no other error, that of a quota neither. */
RocksResumed rocks_resume(rocksdb_t *db);
#ifdef __cplusplus
}
#endif

#endif
