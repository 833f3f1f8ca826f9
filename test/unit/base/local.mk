UNIT_TESTS += unit_base
unit_base_SOURCES = $(UNIT_HARNESS) \
	test/unit/base/test_arena.c \
	test/unit/base/test_buf.c \
	test/unit/base/test_ctx.c \
	test/unit/base/test_log.c \
	test/unit/base/test_utf8.c
unit_base_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test/unit
unit_base_LDADD = $(BASE_LIBS) $(CHECK_LIBS)
