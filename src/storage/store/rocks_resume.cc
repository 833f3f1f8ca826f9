// rocks_resume.cc - see rocks_resume.h. Nothing of the library is linked: what is called here is found through the object,
// and the headers are those of the version whose name we load (rocks_api.c).
#include "storage/store/rocks_resume.h"

#include <rocksdb/db.h>

// As the C interface makes it: a pointer to the real thing.
struct rocksdb_t {
    rocksdb::DB *rep;
};

extern "C" RocksResumed
rocks_resume(rocksdb_t *db)
{
    rocksdb::Status status = db->rep->Resume();

    if (status.ok())
        return ROCKS_GOES_ON;
    return status.severity() >= rocksdb::Status::kFatalError ? ROCKS_STOPPED : ROCKS_FAILED_AGAIN;
}
