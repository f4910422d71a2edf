#pragma once

// What the server and the command line need of Linux and Swift cannot say: system calls that
// glibc got late or only as variadic functions.

#include <stdint.h>
#include <sys/types.h>

/// A descriptor that stands for the process `pid`, or -1 with errno. It is close-on-exec and
/// readable once the process has ended (Linux 5.3).
int ferry_pidfd_open(pid_t pid);

/// Sends `signal` to the process of a descriptor; 0, or -1 with errno. Never hits another process
/// that got the number of a dead one.
int ferry_pidfd_send_signal(int pidfd, int signal);

/// open(2) without its variadic tail: `mode` is used where `flags` has O_CREAT. -1 with errno.
int ferry_open(const char *path, int flags, mode_t mode);

/// Makes the descriptor blocking (1) or not (0); 0, or -1 with errno.
int ferry_set_blocking(int fd, int blocking);

/// Bytes that wait to be read from the descriptor, or -1 with errno.
int ferry_bytes_waiting(int fd);
