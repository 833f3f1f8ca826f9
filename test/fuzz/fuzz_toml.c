/* fuzz_toml.c - any bytes as a configuration file, and any text as the value of any setting. */
#include "fuzz.h"

#include "backend/config/config_file.h"
#include "base/env.h"

static void
try_values(Ctx *cx, const char *text)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        SettingNumber n;
        Buf shown = {0};

        if (setting_infos[i].kind == KIND_TEXT)
            continue;
        if (setting_parse(cx, &setting_infos[i], setting_infos[i].unit, text, &n) == ST_OK)
            setting_format(&setting_infos[i], n, false, &shown);
        ctx_error_clear(cx);
        buf_free(&shown);
    }
}

int
fuzz_toml(const uint8_t *data, size_t bytes)
{
    Arena arena, errors;
    Ctx cx = {.arena = &arena, .error_arena = &errors, .env = env_system()};
    SettingSet set;

    arena_init(&arena, "fuzz", NULL);
    arena_init(&errors, "fuzz errors", NULL);
    settings_init_defaults(&set);
    if (config_text_apply(&cx, &set, "fuzz.toml", (const char *)data, bytes) != ST_OK)
        ctx_error_clear(&cx);
    if (bytes < 64)
        try_values(&cx, arena_strndup(&arena, (const char *)data, bytes));
    settings_free(&set);
    arena_free(&errors);
    arena_free(&arena);
    return 0;
}
