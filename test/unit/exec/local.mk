UNIT_TESTS += unit_exec
unit_exec_SOURCES = $(UNIT_HARNESS) test/unit/exec/test_key_set.c test/unit/exec/test_key_sort.c test/unit/exec/test_row_sort.c
unit_exec_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test/unit
unit_exec_LDADD = $(SQL_LIBS) $(CHECK_LIBS)
