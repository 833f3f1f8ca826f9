noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	src/base/arena.c src/base/arena.h \
	src/base/attr.h \
	src/base/buf.c src/base/buf.h \
	src/base/bytes.h \
	src/base/crc32c.c src/base/crc32c.h \
	src/base/ctx.c src/base/ctx.h \
	src/base/env.c src/base/env.h \
	src/base/fault.c src/base/fault.h src/base/fault_kinds.def \
	src/base/fault_env.c \
	src/base/hash.c src/base/hash.h \
	src/base/ids.h \
	src/base/interrupt.c src/base/interrupt.h \
	src/base/log.c src/base/log.h \
	src/base/stop_point.c src/base/stop_point.h \
	src/base/utf8.c src/base/utf8.h
BASE_LIBS = libbase.a $(JANSSON_LIBS) $(XXHASH_LIBS)
