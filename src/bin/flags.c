/* flags.c - see flags.h. */
#include "bin/flags.h"

#include <stdio.h>

#include "backend/config/nearest.h"

static const Flag help_flag = {{"help"}, 'h', FLAG_HELP, NULL, "show this help"};

static const Flag *
find_name(const Flag *table, const char *name, size_t bytes)
{
    if (bytes == 4 && memcmp(name, "help", 4) == 0)
        return &help_flag;
    for (const Flag *f = table; f->names[0] != NULL; f++) {
        for (size_t i = 0; i < COUNT_OF(f->names) && f->names[i] != NULL; i++) {
            if (strlen(f->names[i]) == bytes && memcmp(f->names[i], name, bytes) == 0)
                return f;
        }
    }
    return NULL;
}

static const Flag *
find_letter(const Flag *table, char letter)
{
    if (letter == 'h')
        return &help_flag;
    for (const Flag *f = table; f->names[0] != NULL; f++) {
        if (f->letter == letter)
            return f;
    }
    return NULL;
}

static Status
fail_unknown(Ctx *cx, const Flag *table, const char *name, size_t bytes)
{
    const char *wanted = arena_strndup(cx->arena, name, bytes);
    Nearest near = nearest_begin(wanted);

    nearest_offer(&near, "help");
    for (const Flag *f = table; f->names[0] != NULL; f++) {
        for (size_t i = 0; i < COUNT_OF(f->names) && f->names[i] != NULL; i++) {
            if (f->doc != NULL)
                nearest_offer(&near, f->names[i]);
        }
    }
    if (near.best != NULL)
        return fail(cx, ST_ERROR, "42601", "unknown flag --%s; did you mean --%s?", wanted, near.best);
    return fail(cx, ST_ERROR, "42601", "unknown flag --%s; see --help", wanted);
}

static Status
take(Ctx *cx, FlagSet *set, const Flag *flag, const char *shown, const char *value)
{
    if (set->given_count == FLAGS_MOST)
        return fail(cx, ST_ERROR, "42601", "too many flags");
    if (flag->value == NULL && value != NULL)
        return fail(cx, ST_ERROR, "42601", "%s takes no value", shown);
    set->given[set->given_count++] = (FlagGiven){flag, value};
    return ST_OK;
}

/* One argument that starts with a dash; *used = further arguments taken. */
static Status
parse_flag(Ctx *cx, const Flag *table, char **argv, int left, FlagSet *set, int *used)
{
    const char *arg = argv[0], *value = NULL, *shown = arg;
    const Flag *flag;

    *used = 0;
    if (arg[1] == '-') {
        const char *name = arg + 2, *equals = strchr(name, '=');
        size_t bytes = equals != NULL ? (size_t)(equals - name) : strlen(name);

        flag = find_name(table, name, bytes);
        if (flag == NULL)
            return fail_unknown(cx, table, name, bytes);
        shown = arena_printf(cx->arena, "--%.*s", (int)bytes, name);
        value = equals != NULL ? equals + 1 : NULL;
    } else {
        flag = find_letter(table, arg[1]);
        if (flag == NULL)
            return fail(cx, ST_ERROR, "42601", "unknown flag %s; see --help", arg);
        shown = arena_printf(cx->arena, "-%c", arg[1]);
        value = arg[2] != '\0' ? arg + 2 : NULL;
    }
    if (flag->value != NULL && value == NULL) {
        if (left < 2)
            return fail(cx, ST_ERROR, "42601", "%s needs a value: %s %s", shown, shown, flag->value);
        value = argv[1];
        *used = 1;
    }
    return take(cx, set, flag, shown, value);
}

Status
flags_parse(Ctx *cx, const Flag *table, int words_most, char **argv, int count, FlagSet *out)
{
    FlagSet set = {.given_count = 0};
    bool flags_end = false;

    ASSERT(words_most <= WORDS_MOST);
    for (int i = 0; i < count; i++) {
        if (!flags_end && strcmp(argv[i], "--") == 0) {
            flags_end = true;
        } else if (!flags_end && argv[i][0] == '-' && argv[i][1] != '\0') {
            int used;

            TRY(parse_flag(cx, table, argv + i, count - i, &set, &used));
            i += used;
        } else {
            if (set.word_count == words_most)
                return fail(cx, ST_ERROR, "42601", "unexpected argument \"%s\"; see --help", argv[i]);
            set.words[set.word_count++] = argv[i];
        }
    }
    *out = set;
    return ST_OK;
}

const char *
flags_value(const FlagSet *set, int id)
{
    for (int i = set->given_count; i-- > 0;) {
        if (set->given[i].flag->id == id)
            return set->given[i].value != NULL ? set->given[i].value : "";
    }
    return NULL;
}

static void
print_one(const Flag *f)
{
    char left[80];
    int n = f->letter != 0 ? snprintf(left, sizeof(left), "  -%c, ", f->letter)
                           : snprintf(left, sizeof(left), "      ");

    for (size_t i = 0; i < COUNT_OF(f->names) && f->names[i] != NULL; i++)
        n += snprintf(left + n, sizeof(left) - (size_t)n, "%s--%s", i > 0 ? ", " : "", f->names[i]);
    if (f->value != NULL)
        snprintf(left + n, sizeof(left) - (size_t)n, " %s", f->value);
    if (strlen(left) > 34)
        printf("%s\n%36s%s\n", left, "", f->doc);
    else
        printf("%-36s%s\n", left, f->doc);
}

void
flags_print(const Flag *table)
{
    for (const Flag *f = table; f->names[0] != NULL; f++) {
        if (f->doc != NULL)
            print_one(f);
    }
    print_one(&help_flag);
}
