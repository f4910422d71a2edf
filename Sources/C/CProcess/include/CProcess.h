#pragma once

// What the server and the command line need of Linux and Swift cannot say: system calls that
// older C libraries have no function for.

#include <stdint.h>
#include <sys/types.h>

/// A descriptor that stands for the process `pid`, or -1 with errno. It is close-on-exec and
/// readable once the process has ended (Linux 5.3).
int ferry_pidfd_open(pid_t pid);

/// Sends `signal` to the process of a descriptor; 0, or -1 with errno. Never hits another process
/// that got the number of a dead one.
int ferry_pidfd_send_signal(int pidfd, int signal);

/// Whether a child has ended; it remains for waitpid(2). 1 too when there is no such child.
int ferry_has_ended(pid_t child);

/// pipe(2) with both ends close-on-exec; 0, or -1 with errno.
int ferry_pipe(int ends[2]);

/// Two connected Unix sockets that keep messages apart, close-on-exec; the first is non-blocking.
/// -1 with errno.
int ferry_message_pair(int ends[2]);

/// Sends a message and with it a copy of a descriptor. Its bytes, or -1 with errno.
ssize_t ferry_send_with_descriptor(int socket, const void *bytes, size_t count, int descriptor);

/// An event counter, close-on-exec and non-blocking; -1 with errno.
int ferry_eventfd(void);

/// accept(2) that makes the connection close-on-exec and non-blocking; -1 with errno.
int ferry_accept(int listener);

/// Starts `executable` in a session of its own with no signal blocked and every one at its
/// default but SIGPIPE, which it inherits. Its descriptors 0 ..< `count` are copies of
/// `descriptors`; every other one is closed. 0 and the process number in `pid`, or an errno value.
int ferry_spawn(pid_t *pid, const char *executable, char *const argv[], char *const envp[],
                const int *descriptors, int count);

/// Who owns the file and its type and permission bits; 0, or -1 with errno. (Swift sees `struct
/// stat` through whichever module imported it first.)
int ferry_owner_and_mode(const char *path, uid_t *owner, mode_t *mode);

/// Milliseconds since 1970, or since boot, sleep included.
int64_t ferry_wall_milliseconds(void);
int64_t ferry_uptime_milliseconds(void);

// MARK: - Running a program in the foreground

/// Notes which descriptors the process was started with, and whether SIGPIPE was ignored. Call it
/// first of all.
void ferry_note_inheritance(void);

/// Blocks the signals that a runner handles, in this thread and those it will start. Any other
/// thread that does not block them could swallow them.
void ferry_block_signals(void);

/// Waits for one of the blocked signals: its number, and the process that sent it, or 0 when the
/// kernel did (as for a key press in a terminal).
int ferry_wait_signal(pid_t *sender);

/// Stops this process as `signal` (SIGTSTP, SIGTTIN or SIGTTOU) would if it were not blocked;
/// returns when it goes on, or at once where the kernel stops nobody.
void ferry_stop_as(int signal);

/// Starts a program in this process group and terminal, with the signal mask that was there before
/// `ferry_block_signals` and only the descriptors that were noted. 0 and the process number in
/// `pid`, or an errno value.
int ferry_spawn_program(pid_t *pid, const char *executable, char *const argv[], char *const envp[]);

// MARK: - Unix sockets

/// A Unix socket that listens at `path`, close-on-exec and non-blocking; -1 with errno.
int ferry_listen_path(const char *path, int backlog);

/// Whether somebody listens at `path`: 0, or errno's value of an attempt to connect.
int ferry_probe_path(const char *path);

/// The number of the file at `path`; 0 when there is none.
uint64_t ferry_inode(const char *path);
