# Each target is a libFuzzer program (--enable-fuzz) and, in unit_fuzz, replays its corpus.
UNIT_TESTS += unit_fuzz
FUZZ_LIBS = libpostmaster.a $(SQL_LIBS) libauth.a libwire.a $(CONFIG_LIBS) $(SHMEM_LIBS) $(OPENSSL_LIBS)
FUZZ_CLIENT = test/fuzz/fuzz_client.c test/fuzz/fuzz_client.h
FUZZ_SESSION = test/fuzz/fuzz_session.c test/fuzz/fuzz_session.h $(FUZZ_CLIENT) src/bin/body.c src/bin/storage_workers.c src/bin/body.h
unit_fuzz_SOURCES = $(UNIT_HARNESS) test/fuzz/fuzz.h test/fuzz/fuzz_copy.c test/fuzz/fuzz_toml.c test/fuzz/fuzz_wire.c \
	test/fuzz/fuzz_sql.c test/fuzz/fuzz_type.c test/fuzz/fuzz_pattern.c $(FUZZ_SESSION) test/fuzz/replay.c
unit_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test/unit -DFUZZ_SOURCE=\"$(abs_top_srcdir)\"
unit_fuzz_LDADD = $(FUZZ_LIBS) $(CHECK_LIBS)

if FUZZ
noinst_PROGRAMS += fuzz_copy fuzz_wire fuzz_toml fuzz_sql fuzz_type fuzz_pattern
fuzz_copy_SOURCES = test/fuzz/libfuzzer.c test/fuzz/fuzz_copy.c
fuzz_copy_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET=fuzz_copy
fuzz_copy_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_copy_LDADD = $(FUZZ_LIBS)
fuzz_wire_SOURCES = test/fuzz/libfuzzer.c test/fuzz/fuzz_wire.c $(FUZZ_CLIENT)
fuzz_wire_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET=fuzz_wire
fuzz_wire_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_wire_LDADD = $(FUZZ_LIBS)
fuzz_toml_SOURCES = test/fuzz/libfuzzer.c test/fuzz/fuzz_toml.c
fuzz_toml_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET=fuzz_toml
fuzz_toml_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_toml_LDADD = $(FUZZ_LIBS)
fuzz_sql_SOURCES = test/fuzz/libfuzzer.c test/fuzz/fuzz_sql.c $(FUZZ_SESSION)
fuzz_sql_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET=fuzz_sql
fuzz_sql_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_sql_LDADD = $(FUZZ_LIBS)
fuzz_type_SOURCES = test/fuzz/libfuzzer.c test/fuzz/fuzz_type.c $(FUZZ_SESSION)
fuzz_type_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET=fuzz_type
fuzz_type_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_type_LDADD = $(FUZZ_LIBS)
fuzz_pattern_SOURCES = test/fuzz/libfuzzer.c test/fuzz/fuzz_pattern.c $(FUZZ_SESSION)
fuzz_pattern_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET=fuzz_pattern
fuzz_pattern_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_pattern_LDADD = $(FUZZ_LIBS)
endif
