/* The table of cuGetProcAddress with names for addresses; see proc_names.c. */
#ifndef FERRY_PROC_NAMES_H
#define FERRY_PROC_NAMES_H
#include "ferry_proc.h"

extern const struct ferry_proc ferry_proc_names[];
extern const int ferry_proc_names_count;

static inline const struct ferry_proc *ferry_proc_names_table(void) { return ferry_proc_names; }

#endif
