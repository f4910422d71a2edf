/* The start of a program, for a glibc before 2.34: there the program itself runs its constructors,
 * and `__libc_start_main` is given the function that does; later ones find them alone, but still
 * take such a function. The C compiler's start files are of the building machine and give none. */
#include <stddef.h>

typedef int (*main_function)(int, char **, char **);
typedef void (*constructor)(int, char **, char **);

#define HIDDEN __attribute__((visibility("hidden")))

extern HIDDEN constructor __preinit_array_start[], __preinit_array_end[];
extern HIDDEN constructor __init_array_start[], __init_array_end[];

__asm__(".symver old___libc_start_main,__libc_start_main@GLIBC_2.2.5");
extern int old___libc_start_main(main_function main, int count, char **arguments, constructor init,
                                 void (*fini)(void), void (*linker_fini)(void), void *stack_end);

static void run_constructors(int count, char **arguments, char **environment) {
  for (constructor *next = __preinit_array_start; next < __preinit_array_end; next++)
    (*next)(count, arguments, environment);
  for (constructor *next = __init_array_start; next < __init_array_end; next++)
    (*next)(count, arguments, environment);
}

/* Only the start files of a program call it; a library has none and drops it. */
HIDDEN int __libc_start_main(main_function main, int count, char **arguments, constructor init,
                             void (*fini)(void), void (*linker_fini)(void), void *stack_end) {
  return old___libc_start_main(main, count, arguments, init ? init : run_constructors, fini,
                               linker_fini, stack_end);
}
