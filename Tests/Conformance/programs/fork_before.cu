// Children forked before CUDA's start each have a CUDA of their own, at the same time as the parent.
#include "check.h"

#include <sys/wait.h>
#include <unistd.h>

__global__ void fill(int *data, int n, int value) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) data[i] = value + i;
}

int work(int value) {
    const int n = 10000;
    Device<int> data(n);
    fill<<<blocks(n, 128), 128>>>(data, n, value);
    CHECK(cudaGetLastError());
    std::vector<int> host = data.download();
    for (int i = 0; i < n; i++)
        if (host[i] != value + i) return 1;
    return 0;
}

int main() {
    pid_t children[3];
    for (int c = 0; c < 3; c++) {
        children[c] = fork();
        if (children[c] == 0) {
            alarm(60);
            _exit(work(1000 * c) == 0 ? 10 + c : 1);
        }
    }
    expect(work(77) == 0, "parent");
    for (int c = 0; c < 3; c++) {
        int status = 0;
        waitpid(children[c], &status, 0);
        printf("child %d: %s %d\n", c, WIFEXITED(status) ? "exit" : "signal",
               WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
        expect(WIFEXITED(status) && WEXITSTATUS(status) == 10 + c, "child");
    }
    return finish();
}
