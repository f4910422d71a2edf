#define _GNU_SOURCE
#include "CProcess.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

static const int handled[] = {
    SIGINT,  SIGTERM, SIGHUP,  SIGQUIT, SIGUSR1, SIGUSR2,
    SIGWINCH, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGCHLD,
};

enum { most_noted = 1024 };

static unsigned char noted[most_noted];
static int was_pipe_ignored;
static sigset_t old_mask;

/// Calls `body` with each open descriptor but the one that this needs itself.
static void each_descriptor(void (*body)(int)) {
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) return;
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        char *end;
        long number = strtol(entry->d_name, &end, 10);
        if (end != entry->d_name && *end == 0 && number != dirfd(folder)) body((int)number);
    }
    closedir(folder);
}

static void note(int descriptor) {
    if (descriptor < most_noted) noted[descriptor] = 1;
}

/// The program's own descriptors stay; ours must not reach it.
static void hide(int descriptor) {
    if (descriptor < most_noted && !noted[descriptor]) fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

void ferry_note_inheritance(void) {
    struct sigaction action;
    was_pipe_ignored = sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
    each_descriptor(note);
}

static void handled_set(sigset_t *set) {
    sigemptyset(set);
    for (size_t i = 0; i < sizeof handled / sizeof *handled; i++) sigaddset(set, handled[i]);
}

void ferry_block_signals(void) {
    sigset_t set;
    handled_set(&set);
    pthread_sigmask(SIG_BLOCK, &set, &old_mask);
}

int ferry_wait_signal(pid_t *sender) {
    sigset_t set;
    handled_set(&set);
    siginfo_t info;
    int signal;
    do signal = sigwaitinfo(&set, &info);
    while (signal < 0 && errno == EINTR);
    *sender = signal > 0 && info.si_code <= 0 ? info.si_pid : 0;
    return signal;
}

void ferry_stop_as(int signal) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    kill(getpid(), signal);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int ferry_spawn_program(pid_t *pid, const char *executable, char *const argv[], char *const envp[]) {
    each_descriptor(hide);
    posix_spawnattr_t attributes;
    int code = posix_spawnattr_init(&attributes);
    if (code != 0) return code;
    sigset_t defaults;
    sigemptyset(&defaults);
    // The network library may have ignored it; the program must find what our parent left.
    if (!was_pipe_ignored) sigaddset(&defaults, SIGPIPE);
    code = posix_spawnattr_setsigmask(&attributes, &old_mask);
    if (code == 0) code = posix_spawnattr_setsigdefault(&attributes, &defaults);
    if (code == 0) {
        code = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    if (code == 0) code = posix_spawn(pid, executable, NULL, &attributes, argv, envp);
    posix_spawnattr_destroy(&attributes);
    return code;
}
