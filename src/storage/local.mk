noinst_LIBRARIES += libstorage.a
libstorage_a_SOURCES = \
	src/storage/btree/btree.h \
	src/storage/engine/engine.c src/storage/engine/engine.h \
	src/storage/engine/engine_int.h \
	src/storage/heap/heap.h \
	src/storage/rel/rel.h \
	src/storage/seq/seq.h \
	src/storage/txn/txn.h
STORAGE_LIBS = libstorage.a $(SHMEM_LIBS) $(LZ4_LIBS)
