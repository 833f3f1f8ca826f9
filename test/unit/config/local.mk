UNIT_TESTS += unit_config
unit_config_SOURCES = $(UNIT_HARNESS) \
	test/unit/config/test_config_file.c \
	test/unit/config/test_setting.c \
	test/unit/config/test_settings.c
unit_config_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test/unit
unit_config_LDADD = $(CONFIG_LIBS) $(BASE_LIBS) $(CHECK_LIBS)
