/* src/bin/dir_format.h - DIR/format (doc/format/data-directory.md): which format a data directory has, and the key of one that
 * is encrypted.
 *
 * Everything there is encrypted with keys made from one data key. It is made with the directory and never changes; the file
 * holds it encrypted with the user's key, which can be changed by writing this file alone. */
#ifndef BIN_DIR_FORMAT_H
#define BIN_DIR_FORMAT_H
#include "storage/seal/seal.h"

enum {
    DIR_FORMAT_NONE = 0,
    DIR_FORMAT_PLAIN = 1,
    DIR_FORMAT_ENCRYPTED = 2,
    DIR_FORMAT_LAST = DIR_FORMAT_ENCRYPTED
};

typedef struct DirFormat {
    int number; /* DIR_FORMAT_NONE: there is no such file */
    /* Of an encrypted one. */
    uint8_t salt[SEAL_SALT_BYTES];
    SealKey wrapped;
    uint8_t tag[SEAL_TAG_BYTES];
} DirFormat;

MUST_CHECK bool dir_format_equal(const DirFormat *a, const DirFormat *b);
/* XX001 when the file is damaged, 0A000 when the format is one that we do not know. */
MUST_CHECK Status dir_format_read(Ctx *cx, const char *path, DirFormat *out);
/* Durable, and at once. */
MUST_CHECK Status dir_format_write(Ctx *cx, const char *path, const DirFormat *format);

/* Encrypts the data key for that user. */
MUST_CHECK Status dir_format_wrap(Ctx *cx, const SealKey *user_key, const SealKey *data_key, DirFormat *out);
/* *fits false: it is another key. */
MUST_CHECK Status dir_format_unwrap(Ctx *cx, const DirFormat *format, const SealKey *user_key,
                                    SealKey *data_key, bool *fits);

#endif
