noinst_LIBRARIES += libstorage.a
libstorage_a_SOURCES = \
	src/storage/branch/fork.c src/storage/branch/fork.h \
	src/storage/branch/page_own.c src/storage/branch/page_own.h \
	src/storage/btree/btree.h \
	src/storage/btree/btree_build.c \
	src/storage/btree/btree_check.c \
	src/storage/btree/btree_describe.c \
	src/storage/btree/btree_insert.c \
	src/storage/btree/btree_insert_many.c \
	src/storage/btree/btree_int.h \
	src/storage/btree/btree_page.c \
	src/storage/btree/btree_redo.c \
	src/storage/btree/btree_scan.c \
	src/storage/btree/btree_search.c \
	src/storage/btree/btree_split.c \
	src/storage/btree/btree_vacuum.c \
	src/storage/check/damage.c src/storage/check/damage.h \
	src/storage/engine/branch.c \
	src/storage/engine/engine.c src/storage/engine/engine.h \
	src/storage/engine/engine_shared.h \
	src/storage/engine/engine_log.c src/storage/engine/engine_log.h \
	src/storage/engine/invalidation.c src/storage/engine/invalidation.h \
	src/storage/engine/janitor.c \
	src/storage/engine/engine_stats.c src/storage/engine/engine_stats.h \
	src/storage/engine/engine_stats.def \
	src/storage/heap/heap.h \
	src/storage/heap/heap_change.c \
	src/storage/heap/heap_check.c \
	src/storage/heap/heap_describe.c \
	src/storage/heap/heap_insert.c \
	src/storage/heap/heap_int.h \
	src/storage/heap/heap_lock.c \
	src/storage/heap/heap_page.c \
	src/storage/heap/heap_prune.c \
	src/storage/heap/heap_read.c \
	src/storage/heap/heap_record.c src/storage/heap/heap_record.h \
	src/storage/heap/heap_redo.c \
	src/storage/heap/heap_resolve.c src/storage/heap/heap_resolve.h \
	src/storage/heap/heap_space.c \
	src/storage/heap/heap_target.c src/storage/heap/heap_target.h \
	src/storage/heap/heap_toast.c \
	src/storage/heap/heap_unique.c src/storage/heap/heap_unique.h \
	src/storage/heap/heap_counters.c src/storage/heap/heap_vacuum.c \
	src/storage/heap/heap_visible.c \
	src/storage/recover/describe.c src/storage/recover/describe.h \
	src/storage/recover/log_ahead.c src/storage/recover/log_ahead.h \
	src/storage/recover/lost_pages.c src/storage/recover/lost_pages.h \
	src/storage/recover/recover.c src/storage/recover/recover.h \
	src/storage/recover/redo.c src/storage/recover/redo.h \
	src/storage/rel/rel.c src/storage/rel/rel.h \
	src/storage/rel/rel_upkeep.h \
	src/storage/seal/seal.c src/storage/seal/seal.h \
	src/storage/seal/seal_ring.c src/storage/seal/seal_ring.h \
	src/storage/seq/seq.c src/storage/seq/seq.h \
	src/storage/store/checkpoint.c src/storage/store/checkpoint.h \
	src/storage/store/page_direct.c src/storage/store/page_direct.h \
	src/storage/store/page_store.h \
	src/storage/store/page_writer.c src/storage/store/page_writer.h \
	src/storage/store/rocks_resume.cc src/storage/store/rocks_resume.h \
	src/storage/store/rocks_api.c src/storage/store/rocks_api.h \
	src/storage/store/rocks_api.def \
	src/storage/store/rocks_gone.c src/storage/store/rocks_gone.h \
	src/storage/store/rocks_store.c \
	src/storage/store/table_files.c src/storage/store/table_files.h \
	src/storage/store/table_format.c src/storage/store/table_format.h \
	src/storage/store/store_batch.c src/storage/store/store_batch.h \
	src/storage/store/store_check.c src/storage/store/store_check.h \
	src/storage/store/store_fault.c src/storage/store/store_fault.h \
	src/storage/store/store_meta.c src/storage/store/store_meta.h \
	src/storage/store/store_safe.c src/storage/store/store_safe.h \
	src/storage/store/store_seal.c src/storage/store/store_seal.h \
	src/storage/store/store_cleaner.c \
	src/storage/store/store_thin.c src/storage/store/store_thin.h \
	src/storage/store/store_process.c src/storage/store/store_process.h src/storage/store/store_process_int.h \
	src/storage/store/store_reader.c src/storage/store/store_reader.h \
	src/storage/store/store_shared.c \
	src/storage/temp/temp_file.c src/storage/temp/temp_file.h \
	src/storage/store/store_view.c src/storage/store/store_view.h \
	src/storage/store/store_worker.c src/storage/store/store_worker.h \
	src/storage/txn/clock.c src/storage/txn/clock.h \
	src/storage/txn/id_table.c src/storage/txn/id_table.h \
	src/storage/txn/savepoint.c src/storage/txn/savepoint.h \
	src/storage/txn/row_count.c src/storage/txn/row_count.h \
	src/storage/txn/share_count.c src/storage/txn/share_count.h \
	src/storage/txn/snapshot.c \
	src/storage/txn/ssi.h \
	src/storage/txn/txn.c src/storage/txn/txn.h \
	src/storage/txn/txn_int.h \
	src/storage/txn/txn_log.c src/storage/txn/txn_log.h \
	src/storage/txn/txn_shared.h \
	src/storage/txn/xid_status.c \
	src/storage/wal/page_change.c src/storage/wal/page_change.h \
	src/storage/wal/page_check.c src/storage/wal/page_check.h \
	src/storage/wal/page_image.c src/storage/wal/page_image.h \
	src/storage/wal/record.h \
	src/storage/wal/record_kinds.def \
	src/storage/wal/system_records.def \
	src/storage/wal/wal.c src/storage/wal/wal.h \
	src/storage/wal/wal_end.c src/storage/wal/wal_end.h \
	src/storage/wal/wal_format.h \
	src/storage/wal/wal_pen.c src/storage/wal/wal_pen.h \
	src/storage/wal/wal_portion.c src/storage/wal/wal_portion.h \
	src/storage/wal/wal_reader.c src/storage/wal/wal_reader.h \
	src/storage/wal/wal_segment.c src/storage/wal/wal_segment.h \
	src/storage/wal/wal_shared.h \
	src/storage/wal/wal_sealing.c src/storage/wal/wal_sealing.h \
	src/storage/wal/wal_solo.c src/storage/wal/wal_solo.h \
	src/storage/wal/wal_writer.c src/storage/wal/wal_writer.h
STORAGE_LIBS = libstorage.a $(SHMEM_LIBS) $(LZ4_LIBS) $(ZSTD_LIBS) $(OPENSSL_LIBS) $(STATIC_CXX_LIBS)
