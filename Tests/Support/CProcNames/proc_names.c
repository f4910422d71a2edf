#include "proc_names.h"

/* The generated table once more, with the symbols' names in place of their addresses, so that
 * tests can look into it without linking the exports. */
#define FERRY_PROC(name) (void *)#name
#define ferry_procs ferry_proc_names
#define ferry_proc_count ferry_proc_names_count
#include "../../../Sources/C/CProcTable/procs.c"
