bin_PROGRAMS += heliosdb-nano
BIN_SHELL = \
	src/bin/body.h \
	src/bin/cmd_config.c \
	src/bin/cmd_control.c \
	src/bin/cmd_start.c \
	src/bin/commands.h \
	src/bin/daemon.c src/bin/daemon.h \
	src/bin/flags.c src/bin/flags.h \
	src/bin/main.c \
	src/bin/options.c src/bin/options.h \
	src/bin/server.c src/bin/server.h
BIN_LIBS = libdoor.a libauth.a libpostmaster.a libwire.a $(CONFIG_LIBS) $(STORAGE_LIBS) $(OPENSSL_LIBS)
heliosdb_nano_SOURCES = $(BIN_SHELL) src/bin/body.c
heliosdb_nano_LDADD = $(BIN_LIBS)
