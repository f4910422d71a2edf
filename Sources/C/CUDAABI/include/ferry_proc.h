/* A row of the table from which cuGetProcAddress answers. */
#ifndef FERRY_PROC_H
#define FERRY_PROC_H

struct ferry_proc {
  const char *base;     /* name by which it is asked for; the table is sorted by it */
  void *function;       /* the exported symbol */
  int version;          /* CUDA version that introduced this variant */
  int is_per_thread;    /* 1 for the _ptds and _ptsz variants */
};

#endif
