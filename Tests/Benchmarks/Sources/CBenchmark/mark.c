#include "benchmark_mark.h"

__attribute__((noinline)) void countersign_benchmark_mark(void) { __asm__ volatile(""); }
