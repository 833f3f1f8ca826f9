# A server with a toy in place of SQL, for the tests of the shell (test/cli, test/wire).
check_PROGRAMS += heliosdb-probe
heliosdb_probe_SOURCES = $(BIN_SHELL) test/probe/body.c
heliosdb_probe_LDADD = $(BIN_LIBS)
