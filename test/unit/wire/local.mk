UNIT_TESTS += unit_wire
unit_wire_SOURCES = $(UNIT_HARNESS) \
	test/unit/wire/test_auth.c \
	test/unit/wire/test_conn.c \
	test/unit/wire/test_decode.c \
	test/unit/wire/test_encode.c \
	test/unit/wire/test_startup.c \
	test/unit/wire/wire_pair.c test/unit/wire/wire_pair.h
unit_wire_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test/unit
unit_wire_LDADD = libauth.a libwire.a $(CONFIG_LIBS) $(SHMEM_LIBS) $(OPENSSL_LIBS) $(CHECK_LIBS)
