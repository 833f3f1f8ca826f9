noinst_LIBRARIES += libconfig.a
libconfig_a_SOURCES = \
	src/backend/config/config_int.h \
	src/backend/config/setting.c src/backend/config/setting.h \
	src/backend/config/setting_check.c \
	src/backend/config/setting_table.c \
	src/backend/config/settings.c src/backend/config/settings.h \
	src/backend/config/settings.def
