/* A thread of the store's process: it reads what others ask for, and ends when it is told to. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shmem/pagecache/page_io.h"
#include "sim.h"
#include "storage/store/store_worker.h"

enum { PAGES = 40 };

typedef struct Place {
    char folder[64];
    Engine *engine;
    Ctx *cx;
    PageStore *store;
    _Atomic uint32_t stop;
} Place;

static PageId
id_of(uint32_t block)
{
    return (PageId){.branch = 3, .relation = 17, .fork = FORK_MAIN, .block = block};
}

static void
store_pages(Place *p)
{
    StoreBatch *batch = store_batch_new();

    for (uint32_t i = 0; i < PAGES; i++) {
        _Alignas(16) char page[PAGE_BYTES] = {0};

        page_header(page)->magic = PAGE_MAGIC;
        memcpy(page + 64, &i, sizeof(i));
        store_batch_put_page(batch, id_of(i), page);
    }
    SIM_OK(p->cx, p->store->methods->apply(p->cx, p->store, batch));
    store_batch_free(batch);
}

static void *
work(void *arg)
{
    Place *p = arg;

    store_worker_read(p->engine, p->store, &p->stop);
    return NULL;
}

TEST(store_worker, pages_are_read_for_others_until_it_is_told_to_end)
{
    Place p = {.folder = "/tmp/helios-worker-XXXXXX"};
    StoreOptions o = {.path = p.folder, .background_threads = 2};
    EngineOptions e = {.max_memory_bytes = 64 << 20,
                       .max_slots = 4,
                       .deadlock_timeout_us = 100000,
                       .cache_bytes = 8 << 20,
                       .table_folder = p.folder};
    uint32_t stamp;
    char command[128];
    pthread_t thread;
    CacheRel *rel;
    StoreWorker w;
    PageRef ref;

    EXPECT(mkdtemp(p.folder) != NULL);
    EXPECT_OK(engine_create(test_ctx(), &e, &p.engine));
    p.cx = sim_session(p.engine);
    SIM_OK(p.cx, store_rocks_open(p.cx, &o, &p.store));
    store_pages(&p);
    SIM_OK(p.cx, cache_rel_make(p.cx, 3, 17, PERSIST_PERMANENT, &rel));
    atomic_store(&rel->forks[FORK_MAIN].length, PAGES);
    EXPECT_EQ(pthread_create(&thread, NULL, work, &p), 0);
    for (uint32_t i = 0; i < PAGES; i++) {
        SIM_OK(p.cx, page_pin(p.cx, rel, FORK_MAIN, i, &ref));
        SIM_EXPECT(ref.page != NULL);
        memcpy(&stamp, ref.page + 64, sizeof(stamp));
        EXPECT_EQ(stamp, i);
        page_unpin(p.cx, &ref);
    }
    atomic_store(&p.stop, 1);
    pthread_join(thread, NULL);
    for (int i = 1; i < 4; i++) /* its slot was given back */
        (void)sim_session(p.engine);
    EXPECT(store_worker_begin(&w, p.engine) != ST_OK);
    EXPECT_STR(w.cx.error.sqlstate, "53300");
    store_worker_end(&w);
    p.store->methods->close(p.cx, p.store);
    snprintf(command, sizeof(command), "rm -r %s", p.folder);
    EXPECT_EQ(system(command), 0);
}
