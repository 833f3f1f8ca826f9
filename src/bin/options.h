/* src/bin/options.h - what `start` was asked for: defaults, file, environment, flags, in one place. */
#ifndef BIN_OPTIONS_H
#define BIN_OPTIONS_H
#include "backend/auth/auth.h"
#include "backend/config/settings.h"
#include "bin/flags.h"

typedef struct StartOptions {
    SettingSet settings;
    const FlagSet *flags;
    const char *config_file; /* NULL = none was found */
    const char *password; /* NULL = none */
    const char *password_name; /* what it was given by, for messages */
    bool password_by_file; /* by the configuration file */
    bool password_comes_late; /* the data directory has roles already, with passwords of their own */
    const char *data_dir; /* absolute; NULL = memory mode */
    bool place_open; /* of a file that is only checked: it leaves open where the data lies */
    const char *pid_file;
    bool pid_file_given;
    const char *log_file; /* NULL = standard error */
    const char *unix_dir; /* NULL = no Unix socket */
    bool unix_wanted;
    bool daemon, insecure;
    bool usage_error; /* the failure is one of usage: exit status 2 */
} StartOptions;

/* One row of a table of flags: the configuration file. */
#define CONFIG_FLAG                                                                                            \
    {                                                                                                          \
        {"config"}, 'c', OPT_CONFIG, "FILE",                                                                   \
            "configuration file (default: $HELIOSDB_CONFIG, ./heliosdb.toml, /etc/heliosdb/heliosdb.toml)"     \
    }
extern const Flag start_flags[];
extern const Flag config_flags[];

/* Settings only: file and flags. Used by `start`, `reload` and `config show`. `flags` may be NULL. */
MUST_CHECK Status options_load_settings(Ctx *cx, const FlagSet *flags, const char *config_path, SettingSet *out,
                                        const char **config_file, bool *usage_error);
/* All of it, checked for what contradicts itself. Failures say in one line what is wrong and what to do. */
MUST_CHECK Status options_load(Ctx *cx, const FlagSet *flags, StartOptions *out);
/* The same for a file (NULL: the one `start` would find) that nobody starts yet: where it leaves open where the data
 * lies, as with --memory. */
MUST_CHECK Status options_load_file(Ctx *cx, const FlagSet *flags, const char *config_path, StartOptions *out);
/* Where to mend a value: "h.toml:3: server.port: " before a message; "" when it does not come from a file. */
const char *options_place(Ctx *cx, const SettingSet *s, SettingNo no);
/* Says in the log what was given and will not be used. */
void options_warn(const StartOptions *options);
AuthMethod options_auth_method(const SettingSet *settings);
/* pid file of a command that talks to a server: --pid-file, --data-dir, configuration, else ./heliosdb.pid. Fails only
 * when the file that --config names can not be read. */
MUST_CHECK Status options_pid_file(Ctx *cx, const FlagSet *flags, const char **out, const char **data_dir);

enum OptionId {
    /* Ids below SETTING_COUNT are settings. */
    OPT_DATA_DIR = 1000,
    OPT_MEMORY,
    OPT_CONFIG,
    OPT_PASSWORD,
    OPT_DAEMON,
    OPT_PID_FILE,
    OPT_INSECURE,
    OPT_LISTEN,
    OPT_MODE,
    OPT_TIMEOUT,
    OPT_NEW_CONFIG,
    OPT_LATER, /* known, but not there yet */
};

#endif
