/* config_int.h - what the sources of this folder share. */
#ifndef CONFIG_INT_H
#define CONFIG_INT_H
#include "backend/config/settings.h"

/* setting_check.c: see SettingCheck. */
MUST_CHECK Status check_application_name(Ctx *cx, const SettingSet *set, const char *text, Buf *kept);
MUST_CHECK Status check_client_encoding(Ctx *cx, const SettingSet *set, const char *text, Buf *kept);
MUST_CHECK Status check_datestyle(Ctx *cx, const SettingSet *set, const char *text, Buf *kept);
MUST_CHECK Status check_timezone(Ctx *cx, const SettingSet *set, const char *text, Buf *kept);
MUST_CHECK Status check_key_source(Ctx *cx, const SettingSet *set, const char *text, Buf *kept);

Status fail_value(Ctx *cx, const SettingInfo *info, const char *text);

#endif
