// rocks_resume.cc - see rocks_resume.h. Nothing of the library is linked: what is called here is found through the object,
// and the headers are those of the version whose name we load (rocks_api.c).
#include "storage/store/rocks_resume.h"

#include <rocksdb/db.h>

// As the C interface makes it: a pointer to the real thing.
struct rocksdb_t {
    rocksdb::DB *rep;
};

extern "C" bool
rocks_resume(rocksdb_t *db)
{
    return db->rep->Resume().ok();
}
