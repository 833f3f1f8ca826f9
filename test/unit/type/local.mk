UNIT_TESTS += unit_type
unit_type_SOURCES = $(UNIT_HARNESS) \
	test/unit/type/expect.c test/unit/type/expect.h \
	test/unit/type/test_expect.c \
	test/unit/type/test_format.c \
	test/unit/type/test_random.c \
	test/unit/type/test_range_mask.c \
	test/unit/type/test_tables.c \
	test/unit/type/test_value.c
unit_type_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test/unit -DTYPE_TEST_DATA='"$(abs_srcdir)/test/unit/type/data"'
unit_type_LDADD = $(SQL_LIBS) $(CHECK_LIBS)
