#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
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

int ferry_message_pair(int ends[2]) {
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return -1;
    int flags = fcntl(ends[0], F_GETFL);
    if (flags < 0 || fcntl(ends[0], F_SETFL, flags | O_NONBLOCK) != 0) {
        int number = errno;
        close(ends[0]);
        close(ends[1]);
        errno = number;
        return -1;
    }
    return 0;
}

ssize_t ferry_send_with_descriptor(int socket, const void *bytes, size_t count, int descriptor) {
    char room[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = {0};
    struct iovec part = {(void *)bytes, count};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
    return sendmsg(socket, &message, MSG_NOSIGNAL);
}
