/* The table from which cuGetProcAddress answers. In C, because it is constant data that holds the
 * addresses of functions of any type, which Swift would build at run time. It refers to every
 * export, so it is linked into the two driver libraries only. */
#ifndef FERRY_PROCS_H
#define FERRY_PROCS_H
#include "ferry_proc.h"

extern const struct ferry_proc ferry_procs[];
extern const int ferry_proc_count;

/* An array of unknown length is not imported. */
static inline const struct ferry_proc *ferry_proc_table(void) { return ferry_procs; }

#endif
