/* rocks_api.c - see rocks_api.h. The name of the library is that of the version we were built with. */
#include "config.h"

#include "storage/store/rocks_api.h"

#include <dlfcn.h>

Status
rocks_api_load(Ctx *cx, RocksApi *out)
{
    static const struct {
        const char *name;
        size_t at;
    } functions[] = {
#define ROCKS(name) {#name, offsetof(RocksApi, name)},
#include "storage/store/rocks_api.def"
#undef ROCKS
    };
    void *library = dlopen(ROCKSDB_SONAME, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL)
        return fail(cx, ST_IO, "58P01", "could not load the page store's library: %s", dlerror());
    for (size_t i = 0; i < COUNT_OF(functions); i++) {
        void *address = dlsym(library, functions[i].name);

        if (address == NULL)
            return fail(cx, ST_IO, "58P01", "the page store's library has no function %s: %s",
                        functions[i].name, dlerror());
        memcpy((char *)out + functions[i].at, &address, sizeof(address));
    }
    return ST_OK;
}
