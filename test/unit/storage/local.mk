UNIT_TESTS += unit_storage
unit_storage_SOURCES = $(UNIT_HARNESS) \
	test/unit/storage/sim.c test/unit/storage/sim.h test/unit/storage/sim_log.c test/unit/storage/sim_log.h \
	test/unit/storage/test_branch.c \
	test/unit/storage/test_btree.c \
	test/unit/storage/test_gone.c \
	test/unit/storage/test_heap.c \
	test/unit/storage/test_model.c \
	test/unit/storage/test_recover.c \
	test/unit/storage/test_rowlock.c \
	test/unit/storage/test_seal.c \
	test/unit/storage/test_seq.c \
	test/unit/storage/test_store.c \
	test/unit/storage/test_store_worker.c \
	test/unit/storage/test_table.c \
	test/unit/storage/test_temp.c \
	test/unit/storage/test_thin.c \
	test/unit/storage/test_torture.c \
	test/unit/storage/test_txn.c \
	test/unit/storage/test_wal.c \
	test/unit/storage/test_wal_sealed.c \
	test/unit/storage/test_wal_sealing.c \
	test/unit/storage/test_wal_solo.c \
	test/unit/storage/test_wal_writer.c
unit_storage_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test/unit -I$(srcdir)/test/unit/storage
unit_storage_LDADD = $(STORAGE_LIBS) $(CHECK_LIBS)
# RocksDB, which is loaded later, writes through the test.
unit_storage_LDFLAGS = $(AM_LDFLAGS) -Wl,--export-dynamic-symbol=write
