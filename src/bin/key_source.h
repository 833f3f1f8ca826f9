/* src/bin/key_source.h - the user's key for an encrypted data directory: from where the settings say, to the data key.
 *
 * A key is 32 bytes: as 64 hexadecimal digits or in base64, with white space around; or, from anywhere but the environment, as
 * they are. */
#ifndef BIN_KEY_SOURCE_H
#define BIN_KEY_SOURCE_H
#include "backend/config/settings.h"
#include "bin/dir_format.h"
#include "bin/flags.h"

/* F0000, naming the source, when there is no key or it is none. What is in the environment is overwritten there. */
MUST_CHECK Status key_source_read(Ctx *cx, const SettingSet *settings, SealKey *out);

/* For who wants to open, or to make, the directory. Fails when it is encrypted and the settings say otherwise, or the other
 * way round, or the key is another one. Touches nothing. *data_key: NULL = not encrypted; else to be given to seal_key_forget.
 * *format: as it is, or as one that is made has to be. */
MUST_CHECK Status key_source_open(Ctx *cx, const char *path, const SettingSet *settings, DirFormat *format,
                                  SealKey **data_key);
/* The same for commands that open what is there; whether it is encrypted is seen there. --config says where the key comes
 * from. */
MUST_CHECK Status key_source_for_command(Ctx *cx, const char *path, const FlagSet *flags, SealKey **data_key);

#endif
