noinst_LIBRARIES += libdoor.a
libdoor_a_SOURCES = src/backend/door/door.c src/backend/door/door.h
