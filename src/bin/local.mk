bin_PROGRAMS += heliosdb-nano
BIN_SHELL = \
	src/bin/body.h \
	src/bin/cmd_check.c \
	src/bin/cmd_config.c \
	src/bin/cmd_control.c \
	src/bin/cmd_inspect.c \
	src/bin/cmd_rekey.c \
	src/bin/cmd_start.c \
	src/bin/commands.h \
	src/bin/daemon.c src/bin/daemon.h \
	src/bin/data_dir.c src/bin/data_dir.h \
	src/bin/dir_format.c src/bin/dir_format.h \
	src/bin/flags.c src/bin/flags.h \
	src/bin/key_command.c src/bin/key_command.h \
	src/bin/key_source.c src/bin/key_source.h \
	src/bin/main.c \
	src/bin/options.c src/bin/options.h \
	src/bin/server.c src/bin/server.h
BIN_LIBS = libpostmaster.a $(SQL_LIBS)
heliosdb_nano_SOURCES = $(BIN_SHELL) src/bin/body.c src/bin/storage_workers.c src/bin/storage_workers.h \
	src/base/fault_alloc.c
heliosdb_nano_LDADD = $(BIN_LIBS)
heliosdb_nano_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc

# The manual of the configuration file comes from settings.def.
noinst_PROGRAMS += heliosdb-manual
heliosdb_manual_SOURCES = src/bin/manual.c
heliosdb_manual_LDADD = $(CONFIG_LIBS) $(BASE_LIBS)
heliosdb.toml.5: heliosdb-manual
	$(AM_V_GEN)./heliosdb-manual >$@.new && mv $@.new $@
man_MANS = heliosdb.toml.5
dist_man_MANS += doc/man/heliosdb-nano.1
CLEANFILES += heliosdb.toml.5
