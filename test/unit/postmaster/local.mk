UNIT_TESTS += unit_postmaster
unit_postmaster_SOURCES = $(UNIT_HARNESS) \
	test/unit/postmaster/test_listen.c \
	test/unit/postmaster/test_pidfile.c \
	test/unit/postmaster/test_pool.c
unit_postmaster_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test/unit
unit_postmaster_LDADD = libpostmaster.a $(SHMEM_LIBS) $(CHECK_LIBS)
