#define _GNU_SOURCE
#include "CProcess.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int ferry_pidfd_open(pid_t pid) {
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

int ferry_pidfd_send_signal(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

int ferry_has_ended(pid_t child) {
    siginfo_t status;
    status.si_pid = 0;
    if (waitid(P_PID, (id_t)child, &status, WEXITED | WNOHANG | WNOWAIT) != 0)
        return errno == ECHILD;
    return status.si_pid != 0;
}

int ferry_pipe(int ends[2]) {
    return pipe2(ends, O_CLOEXEC);
}

int ferry_eventfd(void) {
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

int ferry_accept(int listener) {
    return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

enum { most_descriptors = 8 };

/// Closes in the child all that is open from `first` on; an errno value. glibc can since 2.34;
/// before, what is open now is named one by one, and what opens meanwhile closes on exec.
static int close_from(posix_spawn_file_actions_t *actions, int first) {
    int (*close_all)(posix_spawn_file_actions_t *, int) =
        (int (*)(posix_spawn_file_actions_t *, int))dlsym(
            RTLD_DEFAULT, "posix_spawn_file_actions_addclosefrom_np");
    if (close_all) return close_all(actions, first);
    DIR *folder = opendir("/proc/self/fd");
    if (!folder) return errno;
    int code = 0;
    struct dirent *entry;
    while (code == 0 && (entry = readdir(folder))) {
        int number = atoi(entry->d_name);
        // One that is no longer open then is no error there.
        if (entry->d_name[0] != '.' && number >= first)
            code = posix_spawn_file_actions_addclose(actions, number);
    }
    closedir(folder);
    return code;
}

/// Fills in what the child gets; an errno value.
static int prepare(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes,
                   const int *copies, int count) {
    int code = 0;
    for (int number = 0; number < count && code == 0; number++) {
        code = posix_spawn_file_actions_adddup2(actions, copies[number], number);
    }
    if (code == 0) code = close_from(actions, count);
    sigset_t signals;
    sigemptyset(&signals);
    if (code == 0) code = posix_spawnattr_setsigmask(attributes, &signals);
    sigfillset(&signals);
    // A worker must outlive the reader of its log.
    sigdelset(&signals, SIGPIPE);
    if (code == 0) code = posix_spawnattr_setsigdefault(attributes, &signals);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID;
    if (code == 0) code = posix_spawnattr_setflags(attributes, flags);
    return code;
}

int ferry_spawn(pid_t *pid, const char *executable, char *const argv[], char *const envp[],
                const int *descriptors, int count) {
    if (count < 0 || count > most_descriptors) return EINVAL;
    // Copies, out of the way of the numbers that the child will have.
    int copies[most_descriptors];
    int made = 0;
    int code = 0;
    for (; made < count; made++) {
        copies[made] = fcntl(descriptors[made], F_DUPFD_CLOEXEC, most_descriptors);
        if (copies[made] < 0) {
            code = errno;
            break;
        }
    }
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (code == 0) code = posix_spawn_file_actions_init(&actions);
    if (code == 0) {
        code = posix_spawnattr_init(&attributes);
        if (code == 0) {
            code = prepare(&actions, &attributes, copies, count);
            if (code == 0) code = posix_spawn(pid, executable, &actions, &attributes, argv, envp);
            posix_spawnattr_destroy(&attributes);
        }
        posix_spawn_file_actions_destroy(&actions);
    }
    while (made > 0) close(copies[--made]);
    return code;
}

int ferry_owner_and_mode(const char *path, uid_t *owner, mode_t *mode) {
    struct stat status;
    if (stat(path, &status) != 0) return -1;
    *owner = status.st_uid;
    *mode = status.st_mode;
    return 0;
}

static int64_t milliseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t ferry_wall_milliseconds(void) {
    return milliseconds(CLOCK_REALTIME);
}

int64_t ferry_uptime_milliseconds(void) {
    return milliseconds(CLOCK_BOOTTIME);
}
