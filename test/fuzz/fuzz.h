/* fuzz.h - entry points that take any bytes. Each is built twice: with --enable-fuzz as a libFuzzer program
 * (fuzz_NAME CORPUS_DIR), else into unit_fuzz, which replays the corpus and bytes derived from it. */
#ifndef FUZZ_H
#define FUZZ_H
#include <stddef.h>
#include <stdint.h>

int fuzz_wire(const uint8_t *data, size_t bytes);
int fuzz_toml(const uint8_t *data, size_t bytes);
int fuzz_copy(const uint8_t *data, size_t bytes);
int fuzz_sql(const uint8_t *data, size_t bytes);
int fuzz_type(const uint8_t *data, size_t bytes);
int fuzz_pattern(const uint8_t *data, size_t bytes);

#endif
