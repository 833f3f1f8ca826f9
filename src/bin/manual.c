/* manual.c - prints heliosdb.toml(5) from settings.def; a tool of the build, not part of the program. */
#include <stdio.h>

#include "backend/config/setting.h"
#include "config.h"

static void
print_text(const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\\')
            fputs("\\e", stdout);
        else if (*p == '-')
            fputs("\\-", stdout);
        else
            putchar(*p);
    }
}

static void
print_setting(const char *name, SettingNo no, KeyForm form)
{
    const SettingInfo *s = &setting_infos[no];
    SettingNumber initial = {.i = s->initial};
    Buf text = {0};

    printf(".TP\n.B ");
    print_text(name);
    printf("\n");
    print_text(s->doc);
    if (form == KEY_SYNC)
        buf_add_text(&text, "one of sync, group_commit, async");
    else
        setting_expectation(s, &text);
    printf("\nExpects ");
    print_text(buf_cstr(&text));
    if (s->kind == KIND_INT && s->unit != UNIT_NONE)
        printf("; a bare number counts in %s", form == KEY_BYTES   ? "bytes"
                                               : form == KEY_MSECS ? "milliseconds"
                                               : form == KEY_SECS  ? "seconds"
                                                                   : setting_unit_name(s->unit));
    buf_clear(&text);
    if (s->kind == KIND_TEXT) {
        buf_add_text(&text, s->text_initial);
    } else {
        if (s->kind == KIND_BOOL)
            initial = (SettingNumber){.b = s->initial != 0};
        if (s->kind == KIND_REAL)
            initial = (SettingNumber){.r = s->real_initial};
        setting_format(s, initial, false, &text);
    }
    if (form != KEY_SYNC)
        printf(".\nDefault: ");
    if (form != KEY_SYNC)
        print_text(text.bytes > 0 ? buf_cstr(&text) : "empty");
    if ((s->flags & SETTING_IS_LATER) != 0)
        printf(".\nNot there yet: only the default%s is taken",
               s->kind == KIND_INT && s->initial > 0 ? ", or 0," : "");
    else if (s->context == CONTEXT_POSTMASTER)
        printf(".\nTaken over at the start of the server only");
    printf(".\n");
    buf_free(&text);
}

int
main(void)
{
    const char *section = "";
    int count;
    const SettingKey *keys = setting_keys(&count);

    printf(".TH HELIOSDB.TOML 5 \"\" \"HeliosDB Nano " PACKAGE_VERSION "\"\n.SH NAME\n"
           "heliosdb.toml \\- configuration of a HeliosDB Nano server\n.SH DESCRIPTION\n"
           "A TOML file. Every key has a default, so every section may be partial or left out. Unknown keys "
           "and wrong\n"
           "values are errors that name file, line and the nearest known key; the server does not start then.\n"
           "Words are case\\-insensitive. Sizes and times are texts with a unit (\"512MB\", \"30s\") or bare "
           "numbers.\n");
    for (int i = 0; i < count; i++) {
        if (strcmp(section, keys[i].section) != 0)
            printf(".SH [%s]\n", keys[i].section);
        section = keys[i].section;
        print_setting(keys[i].key, keys[i].setting, keys[i].form);
    }
    printf(".SH [postgresql]\nTakes the settings of PostgreSQL by their own names; most of them can also be "
           "changed in a "
           "session, with SET.\n");
    for (int i = 0; i < SETTING_COUNT; i++) {
        const SettingInfo *s = &setting_infos[i];

        if (s->context != CONTEXT_INTERNAL && strchr(s->name, '.') == NULL &&
            (s->flags & (SETTING_IS_HIDDEN | SETTING_IS_NO_RESET)) == 0)
            print_setting(s->name, (SettingNo)i, KEY_PLAIN);
    }
    printf(".SH SEE ALSO\n.BR heliosdb\\-nano (1)\n");
    return 0;
}
