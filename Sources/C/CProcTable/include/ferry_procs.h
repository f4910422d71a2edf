/* The table from which cuGetProcAddress answers. In C, because it is constant data that holds the
 * addresses of functions of any type, which Swift would build at run time. */
#ifndef FERRY_PROCS_H
#define FERRY_PROCS_H

struct ferry_proc {
  const char *base;     /* name by which it is asked for; the table is sorted by it */
  void *function;       /* the exported symbol */
  int version;          /* CUDA version that introduced this variant */
  int is_per_thread;    /* 1 for the _ptds and _ptsz variants */
};

extern const struct ferry_proc ferry_procs[];
extern const int ferry_proc_count;

/* An array of unknown length is not imported. */
static inline const struct ferry_proc *ferry_proc_table(void) { return ferry_procs; }

#endif
