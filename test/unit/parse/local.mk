UNIT_TESTS += unit_parse
unit_parse_SOURCES = $(UNIT_HARNESS) test/unit/parse/test_literals.c
unit_parse_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test/unit
unit_parse_LDADD = $(SQL_LIBS) $(CHECK_LIBS)
