/* src/backend/config/config_file.h - the configuration file, applied to the settings of a server. */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H
#include "backend/config/settings.h"

/* Reads the TOML file and sets what it says, as SOURCE_FILE, so that stronger sources stay. The first
 * mistake fails with "FILE:LINE: ..." (F0000): not TOML, an unknown section or key (and the nearest one that
 * exists), a value of the wrong kind or range (and what was expected), a feature that does not exist yet,
 * two keys for the same setting that differ. `path` must live as long as the set. */
MUST_CHECK Status config_file_apply(Ctx *cx, SettingSet *set, const char *path);
/* The same from memory; `path` is only for messages. */
MUST_CHECK Status config_text_apply(Ctx *cx, SettingSet *set, const char *path, const char *text, size_t bytes);
/* "server.port" for messages and `config show`: the first key of a setting, or "postgresql.NAME". */
const char *config_key_name(Arena *a, SettingNo no);

#endif
