noinst_LIBRARIES += libconfig.a
libconfig_a_SOURCES = \
	src/backend/config/config_file.c src/backend/config/config_file.h \
	src/backend/config/config_int.h \
	src/backend/config/nearest.c src/backend/config/nearest.h \
	src/backend/config/setting.c src/backend/config/setting.h \
	src/backend/config/setting_check.c \
	src/backend/config/setting_table.c \
	src/backend/config/settings.c src/backend/config/settings.h \
	src/backend/config/settings.def \
	src/backend/config/toml_shim.cc src/backend/config/toml_shim.h
# toml++ is used from its headers.
CONFIG_LIBS = libconfig.a $(STATIC_CXX_LIBS) -lm
