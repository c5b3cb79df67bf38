#ifndef BENCHMARK_MARK_H
#define BENCHMARK_MARK_H

/// Does nothing. Callgrind is told to write down its counts whenever it is called.
void countersign_benchmark_mark(void);

#endif
