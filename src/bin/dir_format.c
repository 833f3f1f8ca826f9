/* dir_format.c - see dir_format.h. The file is text, so that a person sees what it is; the last line of an encrypted
 * directory's tells a damaged file from a wrong key. */
#include "bin/dir_format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/env.h"

enum { TEXT_MOST = 1024 };

static const char first_text[] = "heliosdb-nano data directory, format ";
static const char algorithm_line[] = "encryption Aes256Gcm\n", key_word[] = "key ", check_word[] = "check ";
static const char purpose[] = "data key";

/* ---- text -------------------------------------------------------------------------------------------------------- */

static char *
add_hex(char *at, const void *data, size_t bytes)
{
    const uint8_t *p = data;

    for (size_t i = 0; i < bytes; i++)
        at += sprintf(at, "%02x", p[i]);
    return at;
}

static int
digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
take_hex(const char **at, void *out, size_t bytes)
{
    uint8_t *p = out;

    for (size_t i = 0; i < bytes; i++, *at += 2) {
        int high = digit((*at)[0]), low = high < 0 ? -1 : digit((*at)[1]);

        if (low < 0)
            return false;
        p[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool
take_text(const char **at, const char *text)
{
    size_t bytes = strlen(text);

    if (strncmp(*at, text, bytes) != 0)
        return false;
    *at += bytes;
    return true;
}

/* What the key is bound to, at the begin of an encrypted directory's file. */
static int
put_head(int number, char out[TEXT_MOST])
{
    return snprintf(out, TEXT_MOST, "%s%d\n%s", first_text, number,
                    number == DIR_FORMAT_ENCRYPTED ? algorithm_line : "");
}

static size_t
put_all(const DirFormat *f, char out[TEXT_MOST])
{
    char *at = out + put_head(f->number, out);

    if (f->number == DIR_FORMAT_ENCRYPTED) {
        at += sprintf(at, "%s", key_word);
        at = add_hex(at, f->salt, sizeof(f->salt));
        at = add_hex(at, &f->wrapped, sizeof(f->wrapped));
        at = add_hex(at, f->tag, sizeof(f->tag));
        *at++ = '\n';
        at += sprintf(at, "%s%08x\n", check_word, crc32c(0, out, (size_t)(at - out)));
    }
    return (size_t)(at - out);
}

/* What is read has to be what we would have written, byte by byte. */
static bool
parse(const char *text, size_t bytes, DirFormat *f)
{
    char expected[TEXT_MOST];
    const char *at = text;

    if (f->number == DIR_FORMAT_PLAIN)
        return true;
    if (!take_text(&at, first_text))
        return false;
    at = strchr(at, '\n');
    if (at == NULL)
        return false;
    at++;
    return take_text(&at, algorithm_line) && take_text(&at, key_word) &&
           take_hex(&at, f->salt, sizeof(f->salt)) && take_hex(&at, &f->wrapped, sizeof(f->wrapped)) &&
           take_hex(&at, f->tag, sizeof(f->tag)) && put_all(f, expected) == bytes &&
           memcmp(text, expected, bytes) == 0;
}

bool
dir_format_equal(const DirFormat *a, const DirFormat *b)
{
    char x[TEXT_MOST], y[TEXT_MOST];
    size_t bytes = put_all(a, x);

    return put_all(b, y) == bytes && memcmp(x, y, bytes) == 0;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

Status
dir_format_read(Ctx *cx, const char *path, DirFormat *out)
{
    const char *file = arena_printf(cx->arena, "%s/format", path);
    char text[TEXT_MOST] = "";
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    *out = (DirFormat){0};
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? ST_OK : fail_path(cx, "open", file);
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n > 0 && strncmp(text, first_text, sizeof(first_text) - 1) == 0)
        out->number = atoi(text + sizeof(first_text) - 1);
    if (out->number > DIR_FORMAT_LAST)
        return fail(cx, ST_ERROR, "0A000",
                    "data directory \"%s\" has format %d; this server knows formats up to %d", path,
                    out->number, DIR_FORMAT_LAST);
    if (out->number <= 0)
        return fail(cx, ST_CORRUPT, "XX001", "\"%s\" does not say which format the data directory has", file);
    if (parse(text, (size_t)n, out))
        return ST_OK;
    (void)fail(cx, ST_CORRUPT, "XX001", "\"%s\" is damaged: it holds the key of the encrypted data directory",
               file);
    fail_hint(cx, "Restore that file from a copy.");
    return ST_CORRUPT;
}

Status
dir_format_write(Ctx *cx, const char *path, const DirFormat *format)
{
    const char *file = arena_printf(cx->arena, "%s/format", path),
               *fresh = arena_printf(cx->arena, "%s.new", file);
    char text[TEXT_MOST];
    ssize_t n = (ssize_t)put_all(format, text);
    bool ok;
    int fd;

    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_path(cx, "create", fresh);
    ok = write(fd, text, (size_t)n) == n && fsync(fd) == 0;
    close(fd);
    if (!ok || rename(fresh, file) != 0)
        return fail_path(cx, "write", file);
    return env_sync_folder(cx->env, path) == 0 ? ST_OK : fail_path(cx, "flush directory", path);
}

/* ---- the key ----------------------------------------------------------------------------------------------------- */

/* Of the user's key and the salt: so one user's key may serve many directories. */
static Status
open_wrapper(Ctx *cx, const DirFormat *f, const SealKey *user_key, Sealer **out)
{
    SealKey key;
    Status rc = seal_key_derive(cx, user_key, purpose, f->salt, &key);

    if (rc == ST_OK)
        rc = sealer_open(cx, &key, out);
    seal_wipe(&key, sizeof(key));
    return rc;
}

Status
dir_format_wrap(Ctx *cx, const SealKey *user_key, const SealKey *data_key, DirFormat *out)
{
    char head[TEXT_MOST];
    SealBound bound = {.data = head, .bytes = (uint32_t)put_head(DIR_FORMAT_ENCRYPTED, head)};
    Sealer *sealer;
    Status rc;

    *out = (DirFormat){.number = DIR_FORMAT_ENCRYPTED};
    if (!cx->env->random(cx->env, out->salt, sizeof(out->salt)))
        return fail(cx, ST_IO, "58030", "the system gives no random numbers");
    TRY(open_wrapper(cx, out, user_key, &sealer));
    rc = sealer_seal(cx, sealer, 0, bound, data_key, sizeof(*data_key), &out->wrapped, out->tag);
    sealer_close(sealer);
    return rc;
}

Status
dir_format_unwrap(Ctx *cx, const DirFormat *format, const SealKey *user_key, SealKey *data_key, bool *fits)
{
    char head[TEXT_MOST];
    SealBound bound = {.data = head, .bytes = (uint32_t)put_head(DIR_FORMAT_ENCRYPTED, head)};
    Sealer *sealer;

    TRY(open_wrapper(cx, format, user_key, &sealer));
    *fits = sealer_unseal(sealer, 0, bound, &format->wrapped, sizeof(format->wrapped), data_key, format->tag);
    sealer_close(sealer);
    return ST_OK;
}
