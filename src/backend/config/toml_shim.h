/* toml_shim.h - toml++ behind three C types. The only C++ of the program is in toml_shim.cc. */
#ifndef TOML_SHIM_H
#define TOML_SHIM_H
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* TOML_EMPTY_SECTION: a section without keys; the leaf's key is "". */
enum TomlKind {
    TOML_BOOL,
    TOML_INTEGER,
    TOML_FLOAT,
    TOML_STRING,
    TOML_EMPTY_LIST,
    TOML_EMPTY_TABLE,
    TOML_EMPTY_SECTION,
    TOML_OTHER
};

/* Called for every leaf, in the order of the file. `section` "" = outside of any; tables within
 * tables, and arrays of strings: key "a.b" and one call for each element. Texts are valid during the
 * call only; a string has its NUL-terminated value, everything else its text as in the file. */
typedef void (*TomlLeaf)(void *arg, const char *section, const char *key, enum TomlKind kind, const char *text,
                         int element, unsigned line);

/* 1 = read; 0 = it is not TOML: message (cut to fit) and line; -1 = out of memory. Never throws. */
int toml_shim_parse(const char *text, size_t bytes, TomlLeaf leaf, void *arg, char *message,
                    size_t message_bytes, unsigned *line);

#ifdef __cplusplus
}
#endif
#endif
