// Ways to end a program while streams still have functions of the program to call. The argument says which.
#include "check.h"

#include <atomic>
#include <cstring>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

__global__ void work(int *data, int n) {
    for (int i = threadIdx.x; i < n; i += blockDim.x) data[i] += i;
}

static std::atomic<int> begun, done;

static void slow(void *) {
    begun++;
    usleep(100000);
    done++;
}

/// A child has no CUDA and ends by itself; the parent's functions are called as if nothing had been.
static int fork_beside(cudaStream_t stream) {
    pid_t child = fork();
    if (child == 0) {
        alarm(30);
        bool refused = cudaLaunchHostFunc(stream, slow, nullptr) != cudaSuccess;
        refused = cudaStreamSynchronize(stream) != cudaSuccess && refused;
        exit(refused ? 7 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 7, "a child has no CUDA");
    CHECK(cudaStreamSynchronize(stream));
    expect(done == 6, "its parent's functions are called");
    return finish();
}

int main(int argc, char **argv) {
    const char *kind = argc > 1 ? argv[1] : "return";
    const int n = 1000;
    int *data, *pinned;
    cudaStream_t stream;
    CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    CHECK(cudaMalloc(&data, n * sizeof(int)));
    CHECK(cudaMallocHost(&pinned, n * sizeof(int)));
    CHECK(cudaMemsetAsync(data, 0, n * sizeof(int), stream));
    for (int i = 0; i < 3; i++) {
        CHECK(cudaLaunchHostFunc(stream, slow, nullptr));
        work<<<1, 256, 0, stream>>>(data, n);
        CHECK(cudaMemcpyAsync(pinned, data, n * sizeof(int), cudaMemcpyDeviceToHost, stream));
        CHECK(cudaStreamAddCallback(stream, [](cudaStream_t, cudaError_t, void *) { slow(nullptr); }, nullptr, 0));
    }
    while (begun == 0) usleep(1000);
    printf("%s with functions to call\n", kind);
    fflush(stdout);
    if (!strcmp(kind, "exit")) exit(3);
    if (!strcmp(kind, "_exit")) _exit(4);
    if (!strcmp(kind, "thread")) std::thread([] { exit(5); }).join();
    if (!strcmp(kind, "function")) {
        CHECK(cudaLaunchHostFunc(stream, [](void *) { _exit(6); }, nullptr));
        for (;;) pause();
    }
    if (!strcmp(kind, "fork")) return fork_beside(stream);
    if (!strcmp(kind, "stream")) {
        // What the stream was given is still called.
        CHECK(cudaStreamDestroy(stream));
        for (int i = 0; i < 1000 && done < 6; i++) usleep(10000);
        expect(done == 6, "functions of a stream that was destroyed");
        return finish();
    }
    if (!strcmp(kind, "reset")) {
        // Of what the context's streams were given nothing is left, and another one works.
        CHECK(cudaDeviceReset());
        static std::atomic<bool> isCalled;
        CHECK(cudaStreamCreate(&stream));
        CHECK(cudaLaunchHostFunc(stream, [](void *) { isCalled = true; }, nullptr));
        CHECK(cudaStreamSynchronize(stream));
        expect(isCalled, "a function after a reset");
        int *words;
        CHECK(cudaMalloc(&data, sizeof(int)));
        CHECK(cudaMallocHost(&words, sizeof(int)));
        CHECK(cudaMemcpyAsync(data, words, sizeof(int), cudaMemcpyHostToDevice, stream));
        CHECK(cudaStreamSynchronize(stream));
        return finish();
    }
    return 0;
}
