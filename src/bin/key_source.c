/* key_source.c - see key_source.h. */
#include "bin/key_source.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/env.h"
#include "base/log.h"
#include "bin/key_command.h"
#include "bin/options.h"

enum { TEXT_MOST = 4096, HEX_DIGITS = 2 * SEAL_KEY_BYTES, BASE64_BYTES = 44 };

static const char default_variable[] = "HELIOSDB_ENCRYPTION_KEY",
                  default_credential[] = "heliosdb-encryption-key";

/* What was read; wiped by who has read it. */
typedef struct KeyText {
    char text[TEXT_MOST];
    size_t bytes;
    const char *where; /* "file \"x\"", for messages */
    bool may_be_raw;
} KeyText;

/* ---- forms ------------------------------------------------------------------------------------------------------- */

static int
hex_digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

static bool
read_hex(const char *text, size_t bytes, SealKey *out)
{
    if (bytes != HEX_DIGITS)
        return false;
    for (size_t i = 0; i < bytes; i++) {
        if (!isxdigit((unsigned char)text[i]))
            return false;
    }
    for (size_t i = 0; i < SEAL_KEY_BYTES; i++)
        out->bytes[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
    return true;
}

static bool
read_base64(const char *text, size_t bytes, SealKey *out)
{
    uint8_t padded[BASE64_BYTES + 1], data[BASE64_BYTES];
    bool ok;

    if (bytes != BASE64_BYTES && bytes != BASE64_BYTES - 1)
        return false;
    memcpy(padded, text, bytes);
    padded[BASE64_BYTES - 1] = '=';
    padded[BASE64_BYTES] = '\0';
    ok = (bytes == BASE64_BYTES - 1 || text[BASE64_BYTES - 1] == '=') && text[BASE64_BYTES - 2] != '=' &&
         EVP_DecodeBlock(data, padded, BASE64_BYTES) == SEAL_KEY_BYTES + 1;
    if (ok)
        memcpy(out->bytes, data, SEAL_KEY_BYTES);
    seal_wipe(padded, sizeof(padded));
    seal_wipe(data, sizeof(data));
    return ok;
}

static Status
read_key(Ctx *cx, const KeyText *k, SealKey *out)
{
    const char *from = k->text, *to = k->text + k->bytes;

    if (k->may_be_raw && k->bytes == SEAL_KEY_BYTES) {
        memcpy(out->bytes, k->text, SEAL_KEY_BYTES);
        return ST_OK;
    }
    while (from < to && isspace((unsigned char)*from))
        from++;
    while (from < to && isspace((unsigned char)to[-1]))
        to--;
    if (read_hex(from, (size_t)(to - from), out) || read_base64(from, (size_t)(to - from), out))
        return ST_OK;
    return fail(cx, ST_ERROR, "F0000",
                "%s holds no encryption key: expected 32 bytes as 64 hexadecimal digits or in base64%s",
                k->where, k->may_be_raw ? ", or as they are" : "");
}

/* ---- sources ----------------------------------------------------------------------------------------------------- */

static Status
from_environment(Ctx *cx, const char *name, KeyText *k)
{
    char *value = getenv(name);

    k->where = arena_printf(cx->arena, "environment variable %s", name);
    if (value == NULL || value[0] == '\0')
        return fail(cx, ST_ERROR, "F0000", "there is no encryption key: %s is not set", k->where);
    k->bytes = MIN_OF(strlen(value), sizeof(k->text));
    memcpy(k->text, value, k->bytes);
    seal_wipe(value, strlen(value)); /* /proc shows it to who may look there */
    unsetenv(name);
    return ST_OK;
}

static Status
read_fd(Ctx *cx, int fd, KeyText *k)
{
    ssize_t n;

    do {
        n = read(fd, k->text + k->bytes, sizeof(k->text) - k->bytes);
        if (n > 0)
            k->bytes += (size_t)n;
    } while ((n > 0 && k->bytes < sizeof(k->text)) || (n < 0 && errno == EINTR));
    return n >= 0 ? ST_OK
                  : fail(cx, ST_IO, "F0000", "could not read the encryption key from %s: %s", k->where,
                         strerror(errno));
}

static Status
from_file(Ctx *cx, const char *path, KeyText *k)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    Status rc;

    k->where = arena_printf(cx->arena, "file \"%s\"", path);
    k->may_be_raw = true;
    if (fd < 0)
        return fail(cx, ST_IO, "F0000", "could not read the encryption key from %s: %s", k->where,
                    strerror(errno));
    if (fstat(fd, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        log_line(LOG_WARNING, "others than its owner may get at the encryption key in %s", k->where);
    rc = read_fd(cx, fd, k);
    close(fd);
    return rc;
}

static Status
from_command(Ctx *cx, const char *command, KeyText *k)
{
    k->where = arena_printf(cx->arena, "command \"%s\"", command);
    k->may_be_raw = true;
    return key_command_read(cx, command, k->where, k->text, sizeof(k->text), &k->bytes);
}

static const char *
credential_path(Ctx *cx, const char *name)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");

    return folder != NULL && folder[0] != '\0' ? arena_printf(cx->arena, "%s/%s", folder, name) : NULL;
}

static Status
from_credential(Ctx *cx, const char *name, KeyText *k)
{
    const char *path = credential_path(cx, name);

    if (path != NULL)
        return from_file(cx, path, k);
    (void)fail(
        cx, ST_ERROR, "F0000",
        "there is no encryption key: the service manager has given no credentials ($CREDENTIALS_DIRECTORY)");
    fail_hint(cx, "Give the service LoadCredentialEncrypted=%s:FILE, or LoadCredential.", name);
    return ST_ERROR;
}

static Status
from_source(Ctx *cx, const SettingSet *settings, KeyText *k)
{
    KeySourceKind kind = KEY_FROM_ENVIRONMENT;
    const char *what = setting_key_source(settings_text(settings, SETTING_ENCRYPTION_KEY_SOURCE), &kind);

    if (what == NULL) {
        const char *path = credential_path(cx, default_credential);

        if (path != NULL && access(path, F_OK) == 0)
            return from_file(cx, path, k);
        what = default_variable;
    }
    switch (kind) {
    case KEY_FROM_ENVIRONMENT: return from_environment(cx, what, k);
    case KEY_FROM_FILE: return from_file(cx, what, k);
    case KEY_FROM_COMMAND: return from_command(cx, what, k);
    case KEY_FROM_CREDENTIAL: return from_credential(cx, what, k);
    }
    return ST_ERROR;
}

static Status
read_named(Ctx *cx, const SettingSet *settings, SealKey *out, const char **where)
{
    KeyText k = {0};
    Status rc = from_source(cx, settings, &k);

    if (rc == ST_OK)
        rc = read_key(cx, &k, out);
    *where = k.where;
    seal_wipe(k.text, sizeof(k.text));
    return rc;
}

Status
key_source_read(Ctx *cx, const SettingSet *settings, SealKey *out)
{
    const char *where;

    return read_named(cx, settings, out, &where);
}

/* ---- the directory ----------------------------------------------------------------------------------------------- */

static Status
unwrap(Ctx *cx, const char *path, const SettingSet *settings, const DirFormat *format, SealKey **kept)
{
    SealKey user_key, data_key;
    const char *where;
    bool fits = false;
    Status rc = read_named(cx, settings, &user_key, &where);

    if (rc == ST_OK)
        rc = dir_format_unwrap(cx, format, &user_key, &data_key, &fits);
    seal_wipe(&user_key, sizeof(user_key));
    TRY(rc);
    if (!fits)
        return fail(cx, ST_ERROR, "F0000",
                    "the key in %s is not the one that data directory \"%s\" was encrypted with", where, path);
    *kept = seal_key_keep(&data_key);
    seal_wipe(&data_key, sizeof(data_key));
    return *kept != NULL ? ST_OK : fail(cx, ST_NO_MEMORY, "53200", "out of memory");
}

/* A data key for a directory that is to be made. */
static Status
make(Ctx *cx, const SettingSet *settings, DirFormat *format, SealKey **kept)
{
    SealKey user_key, data_key;
    Status rc = key_source_read(cx, settings, &user_key);

    if (rc == ST_OK && !cx->env->random(cx->env, &data_key, sizeof(data_key)))
        rc = fail(cx, ST_IO, "58030", "the system gives no random numbers");
    if (rc == ST_OK)
        rc = dir_format_wrap(cx, &user_key, &data_key, format);
    if (rc == ST_OK) {
        *kept = seal_key_keep(&data_key);
        if (*kept == NULL)
            rc = fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    }
    seal_wipe(&user_key, sizeof(user_key));
    seal_wipe(&data_key, sizeof(data_key));
    return rc;
}

Status
key_source_open(Ctx *cx, const char *path, const SettingSet *settings, DirFormat *format, SealKey **data_key)
{
    bool wanted = settings_bool(settings, SETTING_ENCRYPTION_ENABLED);

    *data_key = NULL;
    TRY(dir_format_read(cx, path, format));
    if (format->number == DIR_FORMAT_NONE) {
        format->number = DIR_FORMAT_PLAIN;
        return wanted ? make(cx, settings, format, data_key) : ST_OK;
    }
    if (format->number == DIR_FORMAT_PLAIN && wanted) {
        (void)fail(cx, ST_ERROR, "F0000", "encryption is asked for, but data directory \"%s\" is not encrypted",
                   path);
        fail_hint(cx, "A directory is encrypted from its beginning or not at all: make a new one, or set "
                      "encryption.enabled to false.");
        return ST_ERROR;
    }
    if (format->number == DIR_FORMAT_ENCRYPTED && !wanted) {
        (void)fail(cx, ST_ERROR, "F0000", "data directory \"%s\" is encrypted, but encryption.enabled is false",
                   path);
        fail_hint(cx,
                  "Set encryption.enabled to true in the configuration file, and say there where the key is "
                  "(encryption.key_source).");
        return ST_ERROR;
    }
    return format->number == DIR_FORMAT_ENCRYPTED ? unwrap(cx, path, settings, format, data_key) : ST_OK;
}

Status
key_source_for_command(Ctx *cx, const char *path, const FlagSet *flags, SealKey **data_key)
{
    SettingSet *settings = arena_new(cx->arena, SettingSet);
    bool usage_error = false;
    const char *file;
    DirFormat format;
    Status rc;

    *data_key = NULL;
    TRY(dir_format_read(cx, path, &format));
    if (format.number != DIR_FORMAT_ENCRYPTED)
        return ST_OK;
    rc = options_load_settings(cx, NULL, flags_value(flags, OPT_CONFIG), settings, &file, &usage_error);
    if (rc == ST_OK)
        rc = unwrap(cx, path, settings, &format, data_key);
    settings_free(settings);
    if (rc != ST_OK && cx->error.hint == NULL)
        fail_hint(cx, "Say with --config in which file encryption.key_source stands, or set $%s.",
                  default_variable);
    return rc;
}
