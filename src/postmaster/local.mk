noinst_LIBRARIES += libpostmaster.a
libpostmaster_a_SOURCES = \
	src/postmaster/child.c src/postmaster/child.h \
	src/postmaster/listen.c src/postmaster/listen.h \
	src/postmaster/notify.c src/postmaster/notify.h \
	src/postmaster/pidfile.c src/postmaster/pidfile.h \
	src/postmaster/pool.c src/postmaster/pool.h \
	src/postmaster/postmaster.c src/postmaster/postmaster.h
