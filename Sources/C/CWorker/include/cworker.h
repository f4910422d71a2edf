#ifndef FERRY_CWORKER_H
#define FERRY_CWORKER_H

/* What the worker needs of Linux and Swift cannot say: variadic calls and macros. */

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/prctl.h>

/* No new privileges for this process and its children, and no reading of its memory by others
 * of the same user. 0, or -1 with errno. */
int ferry_drop_privileges(void);

/* Writing to a pipe that nobody reads is an error from now on, and no signal. */
void ferry_ignore_broken_pipes(void);

/* Programs that this process may start do not get the descriptor. 0, or -1 with errno. */
int ferry_close_on_exec(int descriptor);

/* When this process crashes, the end of what was written to the file `text` (the runtime's last
 * words, for example) is copied to the descriptor `log` before it dies. */
void ferry_keep_last_words(int text, int log);

/* Waits until the peer of a socket has closed its side or the connection is broken; data that
 * comes does not wake it. 1, or -1 with errno. */
int ferry_wait_for_end(int socket);

/* Lets SIGTERM wake ferry_await_termination() in place of ending the process. 1, or 0 when the system
 * has no descriptor for it. */
int ferry_catch_termination(void);
/* SIGTERM ends the process again. */
void ferry_leave_termination(void);
/* Waits for SIGTERM. */
void ferry_await_termination(void);
/* Ends the process as SIGTERM does. */
void ferry_terminate(void);

#endif
