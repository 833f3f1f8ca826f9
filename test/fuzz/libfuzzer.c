/* libfuzzer.c - the entry point of libFuzzer for the function named by FUZZ_TARGET. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    return FUZZ_TARGET(data, bytes);
}
