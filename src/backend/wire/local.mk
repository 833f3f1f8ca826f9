noinst_LIBRARIES += libwire.a
libwire_a_SOURCES = \
	src/backend/wire/conn.c src/backend/wire/conn.h \
	src/backend/wire/decode.c src/backend/wire/decode.h \
	src/backend/wire/encode.c src/backend/wire/encode.h \
	src/backend/wire/startup.c src/backend/wire/startup.h \
	src/backend/wire/tls.c src/backend/wire/tls.h \
	src/backend/wire/wire_int.h
