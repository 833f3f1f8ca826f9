noinst_LIBRARIES += libstorage.a
libstorage_a_SOURCES = \
	src/storage/btree/btree.h \
	src/storage/btree/btree_build.c \
	src/storage/btree/btree_check.c \
	src/storage/btree/btree_insert.c \
	src/storage/btree/btree_insert_many.c \
	src/storage/btree/btree_int.h \
	src/storage/btree/btree_page.c \
	src/storage/btree/btree_scan.c \
	src/storage/btree/btree_search.c \
	src/storage/btree/btree_split.c \
	src/storage/btree/btree_vacuum.c \
	src/storage/engine/branch.c \
	src/storage/engine/engine.c src/storage/engine/engine.h \
	src/storage/engine/engine_int.h \
	src/storage/engine/invalidation.c src/storage/engine/invalidation.h \
	src/storage/engine/janitor.c \
	src/storage/heap/heap.h \
	src/storage/heap/heap_change.c \
	src/storage/heap/heap_insert.c \
	src/storage/heap/heap_int.h \
	src/storage/heap/heap_lock.c \
	src/storage/heap/heap_page.c \
	src/storage/heap/heap_prune.c \
	src/storage/heap/heap_read.c \
	src/storage/heap/heap_resolve.c src/storage/heap/heap_resolve.h \
	src/storage/heap/heap_space.c \
	src/storage/heap/heap_target.c src/storage/heap/heap_target.h \
	src/storage/heap/heap_toast.c \
	src/storage/heap/heap_unique.c src/storage/heap/heap_unique.h \
	src/storage/heap/heap_counters.c src/storage/heap/heap_vacuum.c \
	src/storage/heap/heap_visible.c \
	src/storage/rel/rel.c src/storage/rel/rel.h \
	src/storage/rel/rel_upkeep.h \
	src/storage/seq/seq.c src/storage/seq/seq.h \
	src/storage/temp/temp_file.c src/storage/temp/temp_file.h \
	src/storage/txn/clock.c src/storage/txn/clock.h \
	src/storage/txn/id_table.c src/storage/txn/id_table.h \
	src/storage/txn/savepoint.c src/storage/txn/savepoint.h \
	src/storage/txn/row_count.c src/storage/txn/row_count.h \
	src/storage/txn/share_count.c src/storage/txn/share_count.h \
	src/storage/txn/snapshot.c \
	src/storage/txn/ssi.h \
	src/storage/txn/txn.c src/storage/txn/txn.h \
	src/storage/txn/txn_int.h \
	src/storage/txn/txn_shared.h \
	src/storage/txn/xid_status.c
STORAGE_LIBS = libstorage.a $(SHMEM_LIBS) $(LZ4_LIBS)
