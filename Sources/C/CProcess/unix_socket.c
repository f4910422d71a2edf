#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/// A socket and the address for `path`; -1 with errno.
static int make(const char *path, struct sockaddr_un *address) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address->sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address->sun_path, path);
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

int ferry_listen_path(const char *path, int backlog) {
    struct sockaddr_un address;
    int number = make(path, &address);
    if (number < 0) return -1;
    if (bind(number, (struct sockaddr *)&address, sizeof address) == 0 &&
        listen(number, backlog) == 0)
        return number;
    int code = errno;
    close(number);
    errno = code;
    return -1;
}

int ferry_probe_path(const char *path) {
    struct sockaddr_un address;
    int number = make(path, &address);
    if (number < 0) return errno;
    int code = connect(number, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
    close(number);
    // Its queue is full, but it is there.
    return code == EAGAIN ? 0 : code;
}

uint64_t ferry_inode(const char *path) {
    struct stat facts;
    return lstat(path, &facts) == 0 ? (uint64_t)facts.st_ino : 0;
}
