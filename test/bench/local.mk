noinst_PROGRAMS += micro_storage
micro_storage_SOURCES = test/bench/micro_storage.c
micro_storage_LDADD = $(STORAGE_LIBS)
