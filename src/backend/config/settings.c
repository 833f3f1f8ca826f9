/* settings.c - values of a server or session, and the stack that makes SET follow transactions.
 *
 * Each change made inside a transaction notes once per level what was there before. At the end of the
 * level the notes decide, as PostgreSQL does it:
 *
 *   rolled back                    the prior value returns
 *   committed, SET                 the value stays (and the note moves one level out)
 *   committed, SET LOCAL           stays until the outermost level ends, then the prior value returns
 *   committed, SET then SET LOCAL  the same, but what returns is the value of the SET ("masked")
 *
 * Invariant: notes are in order of their level, and there is at most one per setting and level.
 *
 * Texts are counted references, because the same text may be current, prior and reset value at once,
 * and a session shares its server's. */
#include "backend/config/settings.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "backend/config/config_int.h"
#include "base/hash.h"

struct SettingText {
    uint32_t refs;
    char text[];
};

struct CustomSetting {
    char *name;
    SettingValue value, reset;
    uint8_t source, reset_source;
};

typedef enum UndoKind { UNDO_SET, UNDO_LOCAL, UNDO_SET_LOCAL } UndoKind;
typedef struct Held {
    SettingValue value;
    uint8_t source;
} Held;
struct SettingUndo {
    int no, level;
    UndoKind kind;
    Held prior, masked; /* masked: of UNDO_SET_LOCAL only */
};

/* ---- values --------------------------------------------------------------------------------------- */

static void *
must_have(void *p)
{
    if (p == NULL)
        abort(); /* a few dozen bytes are not to be had: nothing else would work either */
    return p;
}

static SettingValue
value_of_text(const char *text, size_t bytes)
{
    SettingText *t = must_have(malloc(sizeof(*t) + bytes + 1));

    t->refs = 1;
    memcpy(t->text, text, bytes);
    t->text[bytes] = '\0';
    return (SettingValue){.text = t->text, .owner = t};
}

static SettingValue
value_ref(SettingValue v)
{
    if (v.owner != NULL)
        v.owner->refs++;
    return v;
}

static void
value_unref(SettingValue v)
{
    if (v.owner != NULL && --v.owner->refs == 0)
        free(v.owner);
}

static bool
is_text(int no)
{
    return no >= SETTING_COUNT || setting_infos[no].kind == KIND_TEXT;
}

static bool
value_equal(int no, SettingValue a, SettingValue b)
{
    if (is_text(no))
        return a.text == b.text || strcmp(a.text, b.text) == 0;
    return memcmp(&a.number, &b.number, sizeof(a.number)) == 0;
}

static SettingValue *
value_at(const SettingSet *set, int no)
{
    ASSERT(no >= 0);
    ASSERT(no < SETTING_COUNT + set->custom_count);
    return no < SETTING_COUNT ? (SettingValue *)&set->values[no] : &set->customs[no - SETTING_COUNT].value;
}

static uint8_t *
source_at(const SettingSet *set, int no)
{
    return no < SETTING_COUNT ? (uint8_t *)&set->sources[no] : &set->customs[no - SETTING_COUNT].source;
}

static Held
reset_of(const SettingSet *set, int no)
{
    if (no < SETTING_COUNT)
        return (Held){set->resets[no], set->reset_sources[no]};
    return (Held){set->customs[no - SETTING_COUNT].reset, set->customs[no - SETTING_COUNT].reset_source};
}

/* Takes over the reference in `to`. */
static void
put(SettingSet *set, int no, Held to)
{
    SettingValue *at = value_at(set, no), old = *at;
    bool same = value_equal(no, old, to.value);

    *at = to.value;
    *source_at(set, no) = to.source;
    if (!same) {
        if (no < SETTING_COUNT && (setting_infos[no].flags & SETTING_IS_PLAN) != 0)
            set->plan_key = 0;
        if (set->hooks.changed != NULL)
            set->hooks.changed(set->hooks.arg, (SettingNo)no);
    }
    value_unref(old);
}

/* ---- making --------------------------------------------------------------------------------------- */

void
settings_init_defaults(SettingSet *set)
{
    memset(set, 0, sizeof(*set));
    for (int i = 0; i < SETTING_COUNT; i++) {
        const SettingInfo *info = &setting_infos[i];
        SettingValue *v = &set->values[i];

        switch (info->kind) {
        case KIND_TEXT: v->text = info->text_initial; break;
        case KIND_REAL: v->number.r = info->real_initial; break;
        case KIND_BOOL: v->number.b = info->initial != 0; break;
        default: v->number.i = info->initial; break;
        }
        set->resets[i] = *v;
    }
}

void
settings_init_session(SettingSet *set, const SettingSet *server)
{
    ASSERT(server->undo_count == 0);
    memset(set, 0, sizeof(*set));
    memcpy(set->values, server->values, sizeof(set->values));
    memcpy(set->sources, server->sources, sizeof(set->sources));
    memcpy(set->lines, server->lines, sizeof(set->lines));
    memcpy(set->pending, server->pending, sizeof(set->pending));
    set->file = server->file;
    set->loaded_us = server->loaded_us;
    for (int i = 0; i < SETTING_COUNT; i++) {
        if (set->values[i].owner != NULL)
            set->values[i].owner->refs += 2;
    }
    memcpy(set->resets, set->values, sizeof(set->values));
    memcpy(set->reset_sources, set->sources, sizeof(set->sources));
}

static void
undo_free(SettingUndo *u)
{
    if (is_text(u->no)) {
        value_unref(u->prior.value);
        value_unref(u->masked.value);
    }
}

void
settings_free(SettingSet *set)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        value_unref(set->values[i]);
        value_unref(set->resets[i]);
    }
    for (int i = 0; i < set->custom_count; i++) {
        value_unref(set->customs[i].value);
        value_unref(set->customs[i].reset);
        free(set->customs[i].name);
    }
    for (int i = 0; i < set->undo_count; i++)
        undo_free(&set->undos[i]);
    free(set->customs);
    free(set->undos);
    memset(set, 0, sizeof(*set));
}

void
settings_seal(SettingSet *set)
{
    ASSERT(set->undo_count == 0);
    for (int i = 0; i < SETTING_COUNT; i++) {
        value_unref(set->resets[i]);
        set->resets[i] = value_ref(set->values[i]);
        set->reset_sources[i] = set->sources[i];
    }
    for (int i = 0; i < set->custom_count; i++) {
        CustomSetting *c = &set->customs[i];

        value_unref(c->reset);
        c->reset = value_ref(c->value);
        c->reset_source = c->source;
    }
}

void
settings_rebase(SettingSet *set, const SettingSet *server)
{
    set->loaded_us = server->loaded_us;
    for (int i = 0; i < SETTING_COUNT; i++) {
        Held fresh = {server->values[i], server->sources[i]};

        if (setting_infos[i].context <= CONTEXT_POSTMASTER)
            continue;
        if (set->reset_sources[i] <= SOURCE_FLAG) {
            value_unref(set->resets[i]);
            set->resets[i] = value_ref(fresh.value);
            set->reset_sources[i] = fresh.source;
        }
        /* A value that a transaction may still bring back is left alone, and so is what it covers. */
        for (int u = 0; u < set->undo_count; u++) {
            SettingUndo *undo = &set->undos[u];

            if (undo->no == i && undo->prior.source <= SOURCE_FLAG) {
                value_unref(undo->prior.value);
                undo->prior = (Held){value_ref(fresh.value), fresh.source};
            }
        }
        if (set->sources[i] <= SOURCE_FLAG)
            put(set, i, (Held){value_ref(fresh.value), fresh.source});
    }
    set->file = server->file;
    memcpy(set->lines, server->lines, sizeof(set->lines));
    memcpy(set->pending, server->pending, sizeof(set->pending));
}

/* ---- names ---------------------------------------------------------------------------------------- */

bool
settings_custom_name_is_valid(const char *name)
{
    bool start = true, dotted = false;

    for (const char *p = name; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;

        if (*p == '.') {
            if (start)
                return false;
            start = dotted = true;
        } else if (isalpha(c) || c == '_' || c >= 0x80) {
            start = false;
        } else if (start || (!isdigit(c) && c != '$')) {
            return false;
        }
    }
    return dotted && !start;
}

static int
find_custom(const SettingSet *set, const char *name)
{
    for (int i = 0; i < set->custom_count; i++) {
        if (strcasecmp(set->customs[i].name, name) == 0)
            return SETTING_COUNT + i;
    }
    return -1;
}

static Status
fail_unknown(Ctx *cx, const char *name)
{
    return fail(cx, ST_ERROR, "42704", "unrecognized configuration parameter \"%s\"", name);
}

Status
settings_find(Ctx *cx, const SettingSet *set, const char *name, SettingNo *out)
{
    int custom;

    if (setting_find(name, out))
        return ST_OK;
    custom = find_custom(set, name);
    if (custom < 0)
        return fail_unknown(cx, name);
    *out = (SettingNo)custom;
    return ST_OK;
}

/* The number of a name that is about to be set: a custom one comes into being. */
static Status
find_or_make(Ctx *cx, SettingSet *set, const char *name, SettingNo *out)
{
    CustomSetting *c;
    int custom;

    if (setting_find(name, out))
        return ST_OK;
    custom = find_custom(set, name);
    if (custom >= 0) {
        *out = (SettingNo)custom;
        return ST_OK;
    }
    if (strchr(name, '.') == NULL)
        return fail_unknown(cx, name);
    if (!settings_custom_name_is_valid(name)) {
        fail(cx, ST_ERROR, "42602", "invalid configuration parameter name \"%s\"", name);
        fail_detail(cx, "Custom parameter names must be two or more simple identifiers separated by dots.");
        return ST_ERROR;
    }
    if (set->custom_count == set->custom_capacity) {
        int capacity = MAX_OF(8, set->custom_capacity * 2);
        CustomSetting *customs = realloc(set->customs, (size_t)capacity * sizeof(*customs));

        if (customs == NULL)
            return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
        set->customs = customs;
        set->custom_capacity = capacity;
    }
    c = &set->customs[set->custom_count];
    *c = (CustomSetting){.name = must_have(strdup(name)), .value.text = "", .reset.text = ""};
    *out = (SettingNo)(SETTING_COUNT + set->custom_count++);
    return ST_OK;
}

const char *
settings_name(const SettingSet *set, SettingNo no)
{
    return no < SETTING_COUNT ? setting_infos[no].name : set->customs[no - SETTING_COUNT].name;
}

int
settings_count(const SettingSet *set)
{
    return SETTING_COUNT + set->custom_count;
}

/* ---- showing -------------------------------------------------------------------------------------- */

static void
show(int no, SettingValue v, bool plain, Buf *to)
{
    if (is_text(no))
        buf_add_text(to, v.text);
    else
        setting_format(&setting_infos[no], v.number, plain, to);
}

void
settings_show(const SettingSet *set, SettingNo no, bool plain, Buf *to)
{
    show((int)no, *value_at(set, (int)no), plain, to);
}

void
settings_show_reset(const SettingSet *set, SettingNo no, bool plain, Buf *to)
{
    show((int)no, reset_of(set, (int)no).value, plain, to);
}

SettingSource
settings_source(const SettingSet *set, SettingNo no)
{
    return (SettingSource)*source_at(set, (int)no);
}

const char *
settings_source_name(SettingSource source)
{
    static const char *const names[] = {
        "default",
        "configuration file",
        "environment variable",
        "command line",
        "database",
        "user",
        "database user",
        "client",
        "session",
        "override",
    };

    ASSERT((size_t)source < COUNT_OF(names));
    return names[source];
}

uint64_t
settings_plan_key(SettingSet *set)
{
    uint64_t key = 1;

    if (set->plan_key != 0)
        return set->plan_key;
    for (int i = 0; i < SETTING_COUNT; i++) {
        const SettingValue *v = &set->values[i];

        if ((setting_infos[i].flags & SETTING_IS_PLAN) == 0)
            continue;
        key = hash_combine(key, setting_infos[i].kind == KIND_TEXT ? hash_bytes(v->text, strlen(v->text))
                                                                   : (uint64_t)v->number.i);
    }
    set->plan_key = key != 0 ? key : 1;
    return set->plan_key;
}

/* ---- changing ------------------------------------------------------------------------------------- */

/* Text to value; *out owns a reference. `default_text`: the text is a value we had kept before. */
static Status
make_value(Ctx *cx, SettingSet *set, int no, SettingUnit bare, const char *text, SettingValue *out)
{
    const SettingInfo *info = no < SETTING_COUNT ? &setting_infos[no] : NULL;
    SettingNumber number = {0};
    Buf kept = {0};
    Status rc = ST_OK;

    if (info != NULL && info->kind != KIND_TEXT) {
        TRY(setting_parse(cx, info, bare, text, &number));
        TRY(setting_check_later(cx, info, number, text));
        if (set->hooks.check != NULL)
            TRY(set->hooks.check(cx, set->hooks.arg, (SettingNo)no, text, NULL));
        *out = (SettingValue){.number = number};
        return ST_OK;
    }
    if (info != NULL) {
        TRY(setting_check_later(cx, info, number, text));
        if (info->check != NULL)
            TRY_TO(out, rc, info->check(cx, set, text, &kept));
        else
            buf_add_text(&kept, text);
        if (set->hooks.check != NULL)
            TRY_TO(out, rc, set->hooks.check(cx, set->hooks.arg, (SettingNo)no, buf_cstr(&kept), &kept));
        if (kept.failed) {
            rc = fail(cx, ST_NO_MEMORY, "53200", "out of memory");
            goto out;
        }
        *out = value_of_text(kept.data != NULL ? kept.data : "", kept.bytes);
    } else {
        *out = value_of_text(text, strlen(text));
    }
out:
    buf_free(&kept);
    return rc;
}

static Status
check_context(Ctx *cx, const SettingInfo *info, bool superuser)
{
    switch (info->context) {
    case CONTEXT_INTERNAL: return fail(cx, ST_ERROR, "55P02", "parameter \"%s\" cannot be changed", info->name);
    case CONTEXT_POSTMASTER:
        return fail(cx, ST_ERROR, "55P02", "parameter \"%s\" cannot be changed without restarting the server",
                    info->name);
    case CONTEXT_SIGHUP:
        return fail(cx, ST_ERROR, "55P02", "parameter \"%s\" cannot be changed now", info->name);
    case CONTEXT_SUPERUSER:
        if (!superuser)
            return fail(cx, ST_ERROR, "42501", "permission denied to set parameter \"%s\"", info->name);
        return ST_OK;
    case CONTEXT_USER: return ST_OK;
    }
    return ST_OK;
}

/* Notes what is there before it changes. */
static Status
note_prior(Ctx *cx, SettingSet *set, int no, SettingScope scope)
{
    SettingUndo *u;

    if (set->level == 0)
        return ST_OK;
    for (int i = set->undo_count; i-- > 0 && set->undos[i].level == set->level;) {
        u = &set->undos[i];
        if (u->no != no)
            continue;
        if (scope == SCOPE_SESSION) {
            if (u->kind == UNDO_SET_LOCAL && is_text(no))
                value_unref(u->masked.value);
            u->masked = (Held){0};
            u->kind = UNDO_SET;
        } else if (u->kind == UNDO_SET) {
            u->masked = (Held){*value_at(set, no), *source_at(set, no)};
            if (is_text(no))
                value_ref(u->masked.value);
            u->kind = UNDO_SET_LOCAL;
        }
        return ST_OK;
    }
    if (set->undo_count == set->undo_capacity) {
        int capacity = MAX_OF(8, set->undo_capacity * 2);
        SettingUndo *undos = realloc(set->undos, (size_t)capacity * sizeof(*undos));

        if (undos == NULL)
            return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
        set->undos = undos;
        set->undo_capacity = capacity;
    }
    u = &set->undos[set->undo_count++];
    *u = (SettingUndo){.no = no,
                       .level = set->level,
                       .kind = scope == SCOPE_LOCAL ? UNDO_LOCAL : UNDO_SET,
                       .prior = {*value_at(set, no), *source_at(set, no)}};
    if (is_text(no))
        value_ref(u->prior.value);
    return ST_OK;
}

static Status
change(Ctx *cx, SettingSet *set, int no, Held to, SettingScope scope)
{
    Status rc = note_prior(cx, set, no, scope);

    if (rc != ST_OK) {
        if (is_text(no))
            value_unref(to.value);
        return rc;
    }
    put(set, no, to);
    return ST_OK;
}

Status
settings_set(Ctx *cx, SettingSet *set, const char *name, const char *text, SettingScope scope, bool superuser)
{
    SettingNo no;
    Held to;

    if (text == NULL)
        TRY(settings_find(cx, set, name, &no));
    else
        TRY(find_or_make(cx, set, name, &no));
    if (no < SETTING_COUNT)
        TRY(check_context(cx, &setting_infos[no], superuser));
    if (text != NULL) {
        to.source = SOURCE_SESSION;
        TRY(make_value(cx, set, (int)no, no < SETTING_COUNT ? setting_infos[no].unit : UNIT_NONE, text,
                       &to.value));
    } else {
        to = reset_of(set, (int)no);
        if (set->hooks.check != NULL && no < SETTING_COUNT) {
            Buf shown = {0};
            Status rc;

            settings_show_reset(set, no, false, &shown);
            rc = set->hooks.check(cx, set->hooks.arg, no, buf_cstr(&shown), NULL);
            buf_free(&shown);
            TRY(rc);
        }
        if (is_text((int)no))
            value_ref(to.value);
    }
    return change(cx, set, (int)no, to, scope);
}

Status
settings_reset_all(Ctx *cx, SettingSet *set)
{
    for (int i = 0; i < settings_count(set); i++) {
        Held to = reset_of(set, i);

        if (i < SETTING_COUNT && (setting_infos[i].context < CONTEXT_SUPERUSER ||
                                  (setting_infos[i].flags & SETTING_IS_NO_RESET) != 0))
            continue;
        if (*source_at(set, i) != SOURCE_SESSION)
            continue;
        if (is_text(i))
            value_ref(to.value);
        TRY(change(cx, set, i, to, SCOPE_SESSION));
    }
    return ST_OK;
}

Status
settings_set_initial(Ctx *cx, SettingSet *set, const char *name, const char *text, SettingSource source,
                     bool superuser)
{
    SettingNo no;
    Held to = {.source = (uint8_t)source};

    ASSERT(set->level == 0);
    TRY(find_or_make(cx, set, name, &no));
    if (no < SETTING_COUNT)
        TRY(check_context(cx, &setting_infos[no], superuser));
    if (*source_at(set, (int)no) > source)
        return ST_OK;
    TRY(make_value(cx, set, (int)no, no < SETTING_COUNT ? setting_infos[no].unit : UNIT_NONE, text, &to.value));
    put(set, (int)no, to);
    return ST_OK;
}

Status
settings_set_server(Ctx *cx, SettingSet *set, SettingNo no, SettingUnit bare, const char *text,
                    SettingSource source, uint32_t line)
{
    Held to = {.source = (uint8_t)source};

    ASSERT(no < SETTING_COUNT);
    if (setting_infos[no].context == CONTEXT_INTERNAL)
        return fail(cx, ST_ERROR, "55P02", "parameter \"%s\" cannot be changed", setting_infos[no].name);
    TRY(make_value(cx, set, (int)no, bare, text, &to.value));
    if (set->sources[no] > source) {
        if (is_text((int)no))
            value_unref(to.value);
        return ST_OK;
    }
    put(set, (int)no, to);
    set->lines[no] = line;
    value_unref(set->resets[no]);
    set->resets[no] = value_ref(set->values[no]);
    set->reset_sources[no] = (uint8_t)source;
    return ST_OK;
}

void
settings_assign_number(SettingSet *set, SettingNo no, SettingNumber value)
{
    SettingNumber whole = {0}; /* all bytes defined: values are compared by memcmp */

    ASSERT(!is_text((int)no));
    if (setting_infos[no].kind == KIND_BOOL)
        whole.b = value.b;
    else
        whole = value;
    put(set, (int)no, (Held){{.number = whole}, SOURCE_OVERRIDE});
}

void
settings_assign_text(SettingSet *set, SettingNo no, const char *text)
{
    ASSERT(is_text((int)no));
    put(set, (int)no, (Held){value_of_text(text, strlen(text)), SOURCE_OVERRIDE});
}

/* ---- transactions --------------------------------------------------------------------------------- */

void
settings_push(SettingSet *set)
{
    set->level++;
}

/* The note of the same setting one level further out, or NULL. */
static SettingUndo *
outer_note(SettingSet *set, int before, int no, int level)
{
    for (int i = before; i-- > 0 && set->undos[i].level >= level;) {
        if (set->undos[i].level == level && set->undos[i].no == no)
            return &set->undos[i];
    }
    return NULL;
}

/* Merges the note of a committed savepoint into the one of its parent level. */
static void
merge(SettingUndo *outer, SettingUndo *inner)
{
    switch (inner->kind) {
    case UNDO_SET: /* next level becomes a SET */
        if (is_text(inner->no) && outer->kind == UNDO_SET_LOCAL)
            value_unref(outer->masked.value);
        outer->masked = (Held){0};
        outer->kind = UNDO_SET;
        break;
    case UNDO_LOCAL:
        if (outer->kind == UNDO_SET) { /* the local value covers the outer SET's */
            outer->masked = inner->prior;
            inner->prior = (Held){0};
            outer->kind = UNDO_SET_LOCAL;
        }
        break;
    case UNDO_SET_LOCAL:
        if (is_text(inner->no) && outer->kind == UNDO_SET_LOCAL)
            value_unref(outer->masked.value);
        outer->masked = inner->masked;
        inner->masked = (Held){0};
        outer->kind = UNDO_SET_LOCAL;
        break;
    }
    undo_free(inner);
}

/* The end of one note when its outermost level commits, or any level rolls back. */
static void
settle(SettingSet *set, SettingUndo *u, bool commit)
{
    Held back = {0};
    bool restore = true;

    if (!commit || u->kind == UNDO_LOCAL) {
        back = u->prior;
        u->prior = (Held){0};
    } else if (u->kind == UNDO_SET_LOCAL) {
        back = u->masked;
        u->masked = (Held){0};
    } else {
        restore = false;
    }
    if (restore)
        put(set, u->no, back);
    undo_free(u);
}

void
settings_pop(SettingSet *set, bool commit)
{
    int level = set->level, first = set->undo_count, kept;

    ASSERT(level > 0);
    while (first > 0 && set->undos[first - 1].level == level)
        first--;
    kept = first;
    for (int i = first; i < set->undo_count; i++) {
        SettingUndo u = set->undos[i], *outer;

        if (!commit || level == 1) {
            settle(set, &u, commit);
            continue;
        }
        outer = outer_note(set, first, u.no, level - 1);
        if (outer != NULL) {
            merge(outer, &u);
        } else {
            u.level = level - 1;
            set->undos[kept++] = u;
        }
    }
    set->undo_count = kept;
    set->level--;
}
