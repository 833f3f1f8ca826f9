UNIT_TESTS += unit_shmem
unit_shmem_SOURCES = $(UNIT_HARNESS) \
	test/unit/storage/sim.c test/unit/storage/sim.h \
	test/unit/shmem/test_follow.c \
	test/unit/shmem/test_lock.c \
	test/unit/shmem/test_pagecache.c \
	test/unit/shmem/test_proc.c \
	test/unit/shmem/test_spots.c
unit_shmem_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test/unit -I$(srcdir)/test/unit/storage
unit_shmem_LDADD = $(STORAGE_LIBS) $(CHECK_LIBS)
