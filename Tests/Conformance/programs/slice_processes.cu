// Two processes of a run that has a slice: together they have no more than it, and what one of them had is free when it has ended,
// however it does.
#include "check.h"

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

static int to_second[2], to_parent[2];

static void tell(const int *pipe) {
    if (write(pipe[1], "t", 1) != 1) exit(3);
}

static void wait_for(const int *pipe) {
    char byte;
    if (read(pipe[0], &byte, 1) != 1) exit(4);
}

static int first() {
    size_t free_bytes, total;
    void *data;
    CHECK(cudaMemGetInfo(&free_bytes, &total));
    CHECK(cudaMalloc(&data, total / 5 * 3));
    tell(to_second);
    for (;;) pause();
}

static int second() {
    size_t free_bytes, total;
    void *data = nullptr;
    wait_for(to_second);
    CHECK(cudaMemGetInfo(&free_bytes, &total));
    expect(free_bytes <= total / 5 * 2, "what the other process has is not free");
    SHOW(cudaMalloc(&data, total / 5 * 3));
    cudaGetLastError();
    CHECK(cudaMalloc(&data, total / 5));
    CHECK(cudaFree(data));
    tell(to_parent);
    cudaError_t error = cudaErrorMemoryAllocation;
    for (int i = 0; i < 100 && error != cudaSuccess; i++) {
        usleep(100000);
        error = cudaMalloc(&data, total / 5 * 3);
        cudaGetLastError();
    }
    expect(error == cudaSuccess, "it is free when the other process has ended");
    return finish();
}

int main() {
    if (pipe(to_second) || pipe(to_parent)) return 2;
    pid_t one = fork();
    if (one == 0) return first();
    pid_t two = fork();
    if (two == 0) return second();
    wait_for(to_parent);
    kill(one, SIGKILL);
    waitpid(one, nullptr, 0);
    int status = -1;
    waitpid(two, &status, 0);
    return status == 0 ? 0 : 1;
}
