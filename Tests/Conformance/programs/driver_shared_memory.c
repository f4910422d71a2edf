// Memory of one process in another one, by a file descriptor that goes over a socket: both are made by fork before
// anything of CUDA is used.
#include "driver.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { words = 1000 };

static CUdevice device;
static size_t page;
static unsigned host[words];

static void start(void) {
    CUcontext context;
    CHECK(cuInit(0));
    CHECK(cuDeviceGet(&device, 0));
    CHECK(cuDevicePrimaryCtxRetain(&context, device));
    CHECK(cuCtxSetCurrent(context));
}

static CUmemAllocationProp properties(CUmemAllocationHandleType types) {
    CUmemAllocationProp p;
    memset(&p, 0, sizeof p);
    p.type = CU_MEM_ALLOCATION_TYPE_PINNED;
    p.requestedHandleTypes = types;
    p.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
    p.location.id = device;
    return p;
}

static CUdeviceptr map(CUmemGenericAllocationHandle handle) {
    CUdeviceptr address;
    CUmemAccessDesc access;
    memset(&access, 0, sizeof access);
    access.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
    access.location.id = device;
    access.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
    CHECK(cuMemAddressReserve(&address, page, 0, 0, 0));
    CHECK(cuMemMap(address, page, 0, handle, 0));
    CHECK(cuMemSetAccess(address, page, &access, 1));
    return address;
}

static void unmap(CUdeviceptr address) {
    CHECK(cuMemUnmap(address, page));
    CHECK(cuMemAddressFree(address, page));
}

static int holds(CUdeviceptr address, unsigned first) {
    CHECK(cuMemcpyDtoH(host, address, sizeof host));
    for (unsigned i = 0; i < words; i++)
        if (host[i] != first + i) return 0;
    return 1;
}

static void fill(CUdeviceptr address, unsigned first) {
    for (unsigned i = 0; i < words; i++) host[i] = first + i;
    CHECK(cuMemcpyHtoD(address, host, sizeof host));
    CHECK(cuCtxSynchronize());
}

static void send_file(int socket, int file) {
    char byte = 'f', room[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &file, sizeof file);
    if (sendmsg(socket, &message, 0) != 1) exit(3);
}

static int receive_file(int socket) {
    int file;
    char byte, room[CMSG_SPACE(sizeof(int))];
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    if (recvmsg(socket, &message, 0) != 1) exit(4);
    memcpy(&file, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof file);
    return file;
}

static void wait_for(int socket) {
    char byte;
    if (read(socket, &byte, 1) != 1) exit(5);
}

static void tell(int socket) {
    if (write(socket, "t", 1) != 1) exit(6);
}

static int child(int socket) {
    start();
    CUmemAllocationProp p = properties(CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR), found;
    CHECK(cuMemGetAllocationGranularity(&page, &p, CU_MEM_ALLOC_GRANULARITY_MINIMUM));
    int file = receive_file(socket);
    size_t before, after, total;
    CHECK(cuMemGetInfo(&before, &total));
    CUmemGenericAllocationHandle handle;
    CHECK(cuMemImportFromShareableHandle(&handle, (void *)(intptr_t)file, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR));
    close(file);
    CHECK(cuMemGetAllocationPropertiesFromHandle(&found, handle));
    expect(found.location.type == CU_MEM_LOCATION_TYPE_DEVICE && found.location.id == device, "whose memory it is");
    CUdeviceptr address = map(handle);
    expect(holds(address, 100), "what the parent has written");
    fill(address, 5000);
    tell(socket);
    wait_for(socket);
    expect(holds(address, 7000), "what it has written since");
    unmap(address);
    CHECK(cuMemRelease(handle));
    CHECK(cuMemGetInfo(&after, &total));
    expect(after == before, "it takes nothing of this process' memory");
    tell(socket);
    return finish();
}

static void refusals(void) {
    int file = open("/dev/null", O_RDONLY), wrong = -1;
    CUmemGenericAllocationHandle handle, private;
    expect(cuMemImportFromShareableHandle(&handle, (void *)(intptr_t)file, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR) !=
               CUDA_SUCCESS,
           "another file is refused");
    close(file);
    expect(cuMemImportFromShareableHandle(&handle, (void *)(intptr_t)12345, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR) !=
               CUDA_SUCCESS,
           "no file is refused");
    CUmemAllocationProp p = properties(CU_MEM_HANDLE_TYPE_NONE);
    CHECK(cuMemCreate(&private, page, &p, 0));
    expect(cuMemExportToShareableHandle(&wrong, private, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR, 0) != CUDA_SUCCESS,
           "memory that was not made for it is refused");
    CHECK(cuMemRelease(private));
}

static int parent(int socket, pid_t pid) {
    start();
    CUmemAllocationProp p = properties(CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR);
    CHECK(cuMemGetAllocationGranularity(&page, &p, CU_MEM_ALLOC_GRANULARITY_MINIMUM));
    refusals();
    CUmemGenericAllocationHandle handle, own;
    CHECK(cuMemCreate(&handle, page, &p, 0));
    CUdeviceptr address = map(handle);
    fill(address, 100);
    int file = -1, again = -1;
    CHECK(cuMemExportToShareableHandle(&file, handle, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR, 0));
    CHECK(cuMemExportToShareableHandle(&again, handle, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR, 0));
    expect(file >= 0 && again >= 0 && again != file, "a descriptor of its own each time");
    expect(fcntl(file, F_GETFD) & FD_CLOEXEC, "which programs that are started do not get");

    // The process can import it itself.
    CHECK(cuMemImportFromShareableHandle(&own, (void *)(intptr_t)again, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR));
    close(again);
    CUdeviceptr second = map(own);
    expect(holds(second, 100), "the same memory at another address");
    unmap(second);
    CHECK(cuMemRelease(own));

    send_file(socket, file);
    close(file);
    wait_for(socket);
    expect(holds(address, 5000), "what the other process has written");
    fill(address, 7000);
    tell(socket);
    wait_for(socket);
    unmap(address);
    CHECK(cuMemRelease(handle));
    int status = -1;
    waitpid(pid, &status, 0);
    expect(status == 0, "the other process");
    return finish();
}

int main(void) {
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0) return 2;
    fflush(stdout);
    pid_t pid = fork();
    if (pid != 0) return parent(sockets[0], pid);
    // Its text would come in between.
    if (!freopen("/dev/null", "w", stdout)) return 2;
    return child(sockets[1]);
}
