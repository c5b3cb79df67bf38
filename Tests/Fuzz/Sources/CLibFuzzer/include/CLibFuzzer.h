#ifndef COUNTERSIGN_CLIBFUZZER_H
#define COUNTERSIGN_CLIBFUZZER_H

#include <stddef.h>
#include <stdint.h>

// libFuzzer with a main of one's own: https://llvm.org/docs/LibFuzzer.html#using-libfuzzer-as-a-library
// The library is there when everything is linked with -sanitize=fuzzer.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));

#endif
