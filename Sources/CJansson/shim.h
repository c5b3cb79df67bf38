#ifndef COUNTERSIGN_CJANSSON_SHIM_H
#define COUNTERSIGN_CJANSSON_SHIM_H
#include <jansson.h>

// Swift does not import function-like macros.
static inline size_t countersign_json_indent(size_t columns) { return JSON_INDENT(columns); }

#endif
