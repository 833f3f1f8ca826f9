noinst_LIBRARIES += libshmem.a
libshmem_a_SOURCES = \
	src/shmem/lock/lock_deadlock.c \
	src/shmem/lock/lock_fast.c \
	src/shmem/lock/lock_int.h \
	src/shmem/lock/lock_list.c \
	src/shmem/lock/lock_pool.c \
	src/shmem/lock/lock_table.c src/shmem/lock/lock_table.h \
	src/shmem/lock/lock_wait.c \
	src/shmem/pagecache/cache_rel.c src/shmem/pagecache/cache_rel.h \
	src/shmem/pagecache/rel_counts.c src/shmem/pagecache/rel_counts.h \
	src/shmem/pagecache/change_gate.c src/shmem/pagecache/change_gate.h \
	src/shmem/pagecache/frame.c \
	src/shmem/pagecache/page.h \
	src/shmem/pagecache/page_fork.c \
	src/shmem/pagecache/page_io.c src/shmem/pagecache/page_io.h \
	src/shmem/pagecache/page_latch.c \
	src/shmem/pagecache/page_place.c \
	src/shmem/pagecache/page_raw.c \
	src/shmem/pagecache/page_spots.c src/shmem/pagecache/page_spots.h \
	src/shmem/pagecache/page_walk.c src/shmem/pagecache/page_walk.h \
	src/shmem/pagecache/pagecache_int.h \
	src/shmem/pagecache/pagecache.c src/shmem/pagecache/pagecache.h \
	src/shmem/proc/activity.c \
	src/shmem/proc/follow.c src/shmem/proc/follow.h \
	src/shmem/proc/proc.c src/shmem/proc/proc.h \
	src/shmem/proc/slot.h \
	src/shmem/proc/wait_event.c src/shmem/proc/wait_event.h \
	src/shmem/proc/wait_events.def \
	src/shmem/region/region.c src/shmem/region/region.h \
	src/shmem/region/region_limit.c \
	src/shmem/sync/futex.c src/shmem/sync/futex.h \
	src/shmem/sync/latch.c src/shmem/sync/latch.h \
	src/shmem/sync/latch_ranks.def
SHMEM_LIBS = libshmem.a $(BASE_LIBS)
