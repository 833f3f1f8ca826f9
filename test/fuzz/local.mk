UNIT_TESTS += unit_fuzz
FUZZ_LIBS = $(SQL_LIBS) libauth.a libwire.a $(CONFIG_LIBS) $(BASE_LIBS) $(OPENSSL_LIBS)
unit_fuzz_SOURCES = $(UNIT_HARNESS) test/fuzz/fuzz.h test/fuzz/fuzz_copy.c test/fuzz/fuzz_toml.c test/fuzz/fuzz_wire.c test/fuzz/replay.c
unit_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test/unit -DFUZZ_SOURCE=\"$(abs_top_srcdir)\"
unit_fuzz_LDADD = $(FUZZ_LIBS) $(CHECK_LIBS)

if FUZZ
noinst_PROGRAMS += fuzz_copy fuzz_wire fuzz_toml
fuzz_copy_SOURCES = test/fuzz/libfuzzer.c test/fuzz/fuzz_copy.c
fuzz_copy_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET=fuzz_copy
fuzz_copy_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_copy_LDADD = $(FUZZ_LIBS)
fuzz_wire_SOURCES = test/fuzz/libfuzzer.c test/fuzz/fuzz_wire.c
fuzz_wire_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET=fuzz_wire
fuzz_wire_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_wire_LDADD = $(FUZZ_LIBS)
fuzz_toml_SOURCES = test/fuzz/libfuzzer.c test/fuzz/fuzz_toml.c
fuzz_toml_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET=fuzz_toml
fuzz_toml_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_toml_LDADD = $(FUZZ_LIBS)
endif
