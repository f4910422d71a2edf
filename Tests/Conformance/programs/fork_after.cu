// A child forked after CUDA's start has no CUDA: each call is an error, none hangs, and it ends. What it
// runs by exec has. The parent goes on undisturbed.
#include "check.h"

#include <csignal>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

__global__ void fill(int *data, int n, int value) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) data[i] = value + i;
}

int work(int value) {
    const int n = 1000;
    Device<int> data(n);
    fill<<<blocks(n, 128), 128>>>(data, n, value);
    CHECK(cudaGetLastError());
    std::vector<int> host = data.download();
    for (int i = 0; i < n; i++)
        if (host[i] != value + i) return 1;
    return 0;
}

/// Prints how a child ended; a child that hangs is ended by its alarm.
void report(const char *what, pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    printf("%s: %s %d\n", what, WIFEXITED(status) ? "exit" : "signal",
           WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 7, what);
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "again")) return work(500) == 0 ? 7 : 1;
    int *data;
    CHECK(cudaMalloc(&data, 4096));
    expect(work(1) == 0, "before the fork");
    fflush(stdout);

    pid_t child = fork();
    if (child == 0) {
        alarm(30);
        void *p = nullptr;
        int value = 0;
        bool refused = cudaMalloc(&p, 16) != cudaSuccess;
        refused = cudaMemcpy(&value, data, 4, cudaMemcpyDeviceToHost) != cudaSuccess && refused;
        fill<<<1, 1>>>(data, 1, 1);
        refused = cudaGetLastError() != cudaSuccess && refused;
        refused = cudaDeviceSynchronize() != cudaSuccess && refused;
        refused = cudaFree(data) != cudaSuccess && refused;
        printf("in the child: %s\n", cudaGetErrorName(cudaMalloc(&p, 16)));
        fflush(stdout);
        // By exit, so that what the runtime does at the end happens here too.
        exit(refused ? 7 : 1);
    }
    report("child that calls CUDA", child);

    child = fork();
    if (child == 0) {
        alarm(30);
        _exit(7);
    }
    report("child that does not", child);

    child = fork();
    if (child == 0) {
        alarm(60);
        execl("/proc/self/exe", argv[0], "again", static_cast<char *>(nullptr));
        _exit(1);
    }
    report("child that runs a program", child);
    expect(system("exit 3") == 3 << 8, "system()");
    expect(work(2) == 0, "parent after the forks");
    CHECK(cudaFree(data));
    return finish();
}
