noinst_LIBRARIES += libauth.a
libauth_a_SOURCES = \
	src/backend/auth/auth.c src/backend/auth/auth.h \
	src/backend/auth/login.c src/backend/auth/login.h \
	src/backend/auth/scram.c src/backend/auth/scram.h \
	src/backend/auth/verifier.c src/backend/auth/verifier.h
