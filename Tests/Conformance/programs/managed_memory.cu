// Managed memory: one pointer for the program and the GPU, used in turns: whole arrays, single bytes, lists of
// objects, variables of the module, copies of every kind, streams, graphs, threads, files and the program's own
// handler of faults.
#include "check.h"

#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstring>
#include <fstream>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

__managed__ int counter = 5;
__managed__ float table[3000];
__managed__ char letter = 'a';

__global__ void add(const float *a, const float *b, float *sum, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) sum[i] = a[i] + b[i];
}

__global__ void increment(unsigned char *bytes, size_t n) {
    size_t i = blockIdx.x * static_cast<size_t>(blockDim.x) + threadIdx.x;
    if (i < n) bytes[i]++;
}

__global__ void use_variables() {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < 3000) table[i] = table[i] * 2 + static_cast<float>(i);
    if (i == 0) {
        atomicAdd(&counter, 10);
        letter++;
    }
}

struct Node {
    int value;
    Node *next;
    void *operator new(size_t size) {
        void *memory;
        CHECK(cudaMallocManaged(&memory, size));
        return memory;
    }
    void operator delete(void *memory) { CHECK(cudaFree(memory)); }
};

__global__ void double_all(Node *node) {
    for (; node; node = node->next) node->value *= 2;
}

void arrays() {
    for (int n : {1, 1000, 1 << 20}) {
        float *a, *b, *sum;
        CHECK(cudaMallocManaged(&a, n * sizeof(float)));
        CHECK(cudaMallocManaged(&b, n * sizeof(float)));
        CHECK(cudaMallocManaged(&sum, n * sizeof(float)));
        for (int i = 0; i < n; i++) {
            a[i] = static_cast<float>(i);
            b[i] = 2;
        }
        bool equal = true;
        for (int round = 0; round < 4; round++) {
            add<<<(n + 255) / 256, 256>>>(a, b, sum, n);
            CHECK(cudaDeviceSynchronize());
            for (int i = 0; i < n; i++) equal = equal && sum[i] == static_cast<float>(i) + static_cast<float>(2 + round);
            // Every value, from what the host has had all the time.
            for (int i = 0; i < n; i++) b[i] += 1;
        }
        // One after the other without a look between them.
        add<<<(n + 255) / 256, 256>>>(a, b, sum, n);
        add<<<(n + 255) / 256, 256>>>(sum, b, a, n);
        CHECK(cudaStreamSynchronize(nullptr));
        for (int i = 0; i < n; i++) equal = equal && a[i] == static_cast<float>(i) + 12;
        expect(equal, "arrays that program and GPU take turns with");
        for (float *memory : {a, b, sum}) CHECK(cudaFree(memory));
    }
}

void single_bytes() {
    const size_t n = (6 << 20) + 123;
    unsigned char *bytes;
    CHECK(cudaMallocManaged(&bytes, n));
    std::vector<unsigned char> mirror(n);
    Random random(3);
    for (size_t i = 0; i < n; i++) bytes[i] = mirror[i] = static_cast<unsigned char>(random.next32());
    bool equal = true;
    for (int round = 0; round < 20; round++) {
        increment<<<static_cast<unsigned>((n + 511) / 512), 512>>>(bytes, n);
        for (unsigned char &v : mirror) v++;
        CHECK(cudaDeviceSynchronize());
        for (int k = 0; k < 200; k++) {
            size_t i = random.next() % n;
            equal = equal && bytes[i] == mirror[i];
            size_t j = random.next() % n;
            bytes[j] = mirror[j] = static_cast<unsigned char>(random.next32());
        }
    }
    expect(equal, "single bytes here and there");
    expect(memcmp(bytes, mirror.data(), n) == 0, "all bytes in the end");
    CHECK(cudaFree(bytes));
}

void objects() {
    Node *first = nullptr;
    for (int i = 0; i < 300; i++) {
        Node *node = new Node;
        node->value = i;
        node->next = first;
        first = node;
    }
    for (int round = 0; round < 3; round++) {
        double_all<<<1, 1>>>(first);
        CHECK(cudaDeviceSynchronize());
        first->value++;
    }
    bool equal = true;
    int i = 299;
    for (Node *node = first; node; i--) {
        equal = equal && node->value == (i == 299 ? 299 * 8 + 4 + 2 + 1 : i * 8);
        Node *next = node->next;
        delete node;
        node = next;
    }
    expect(equal && i == -1, "a list of objects");
}

void variables() {
    bool equal = counter == 5 && letter == 'a' && table[17] == 0;
    for (int i = 0; i < 3000; i++) table[i] = 1;
    counter = 7;
    use_variables<<<12, 256>>>();
    CHECK(cudaDeviceSynchronize());
    equal = equal && counter == 17 && letter == 'b';
    for (int i = 0; i < 3000; i++) equal = equal && table[i] == static_cast<float>(2 + i);
    letter = 'x';
    use_variables<<<12, 256>>>();
    CHECK(cudaDeviceSynchronize());
    equal = equal && counter == 27 && letter == 'y' && table[100] == 2 * 102 + 100;
    expect(equal, "variables");
    int copy = 0;
    CHECK(cudaMemcpyFromSymbol(&copy, counter, sizeof copy));
    expect(copy == 27, "a copy of a variable");
}

void copies() {
    const int n = 50000;
    std::vector<int> host(n), back(n);
    for (int i = 0; i < n; i++) host[i] = i * 3;
    int *managed, *other;
    CHECK(cudaMallocManaged(&managed, n * sizeof(int)));
    CHECK(cudaMallocManaged(&other, n * sizeof(int)));
    Device<int> device(n);
    CHECK(cudaMemcpy(managed, host.data(), n * sizeof(int), cudaMemcpyHostToDevice));
    expect(memcmp(managed, host.data(), n * sizeof(int)) == 0, "a copy to it as device memory");
    managed[4] = -1;
    CHECK(cudaMemcpy(device, managed, n * sizeof(int), cudaMemcpyHostToDevice));
    managed[4] = -2;
    CHECK(cudaMemcpy(back.data(), device, n * sizeof(int), cudaMemcpyDeviceToHost));
    expect(back[4] == -1 && back[5] == 15, "a copy from it as host memory");
    CHECK(cudaMemcpy(other, device, n * sizeof(int), cudaMemcpyDeviceToHost));
    expect(other[4] == -1 && other[n - 1] == (n - 1) * 3, "a copy to it as host memory");
    CHECK(cudaMemcpy(other, managed, n * sizeof(int), cudaMemcpyDefault));
    expect(other[4] == -2 && other[5] == 15, "a copy from one to another");
    CHECK(cudaMemset(other, 0x22, n * sizeof(int)));
    expect(other[0] == 0x22222222 && other[n - 1] == 0x22222222, "a set");
    CHECK(cudaMemcpy2D(other, 40, managed, 80, 40, 100, cudaMemcpyDefault));
    expect(other[10] == 60 && other[999] == 99 * 60 + 27 && other[1000] == 0x22222222, "a copy of rows");
    cudaStream_t stream;
    CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    other[7] = 70;
    CHECK(cudaMemcpyAsync(device, other, n * sizeof(int), cudaMemcpyDefault, stream));
    CHECK(cudaMemcpyAsync(managed, device, n * sizeof(int), cudaMemcpyDefault, stream));
    CHECK(cudaStreamSynchronize(stream));
    expect(managed[7] == 70 && managed[8] == other[8], "copies in a stream");
    int *late;
    CHECK(cudaMallocManaged(&late, sizeof *late));
    *late = 5;
    CHECK(cudaMemcpyAsync(device, late, sizeof *late, cudaMemcpyDefault, stream));
    CHECK(cudaFreeAsync(late, stream));
    CHECK(cudaStreamSynchronize(stream));
    CHECK(cudaStreamDestroy(stream));
    CHECK(cudaFree(managed));
    CHECK(cudaFree(other));
}

void streams_and_advice() {
    const size_t n = 300000;
    unsigned char *parts[2];
    cudaStream_t streams[2];
    for (int i = 0; i < 2; i++) {
        CHECK(cudaStreamCreate(&streams[i]));
        CHECK(cudaMallocManaged(&parts[i], n, cudaMemAttachHost));
        CHECK(cudaStreamAttachMemAsync(streams[i], parts[i], 0, cudaMemAttachSingle));
        CHECK(cudaStreamSynchronize(streams[i]));
        memset(parts[i], i, n);
    }
    bool equal = true;
    for (int round = 1; round <= 5; round++) {
        increment<<<600, 512, 0, streams[0]>>>(parts[0], n);
        // The other one is the program's meanwhile.
        for (size_t i = 0; i < n; i += 1000) equal = equal && parts[1][i] == static_cast<unsigned char>(round);
        CHECK(cudaStreamSynchronize(streams[0]));
        for (size_t i = 0; i < n; i += 1000) equal = equal && parts[0][i] == static_cast<unsigned char>(round);
        increment<<<600, 512, 0, streams[1]>>>(parts[1], n);
        CHECK(cudaStreamSynchronize(streams[1]));
    }
    expect(equal, "memory of one stream");
    cudaPointerAttributes attributes;
    CHECK(cudaPointerGetAttributes(&attributes, parts[0] + 100));
    expect(attributes.type == cudaMemoryTypeManaged && attributes.hostPointer == parts[0] + 100 &&
               attributes.devicePointer == parts[0] + 100, "what a pointer is");
    int claimed = 0;
    CHECK(cudaDeviceGetAttribute(&claimed, cudaDevAttrManagedMemory, 0));
    expect(claimed == 1, "the attribute");
    for (int i = 0; i < 2; i++) {
        CHECK(cudaFree(parts[i]));
        CHECK(cudaStreamDestroy(streams[i]));
    }
}

void graphs() {
    const size_t n = 10000;
    unsigned char *bytes;
    CHECK(cudaMallocManaged(&bytes, n));
    memset(bytes, 7, n);
    cudaStream_t stream;
    CHECK(cudaStreamCreate(&stream));
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
    increment<<<20, 512, 0, stream>>>(bytes, n);
    CHECK(cudaStreamEndCapture(stream, &graph));
    CHECK(cudaGraphInstantiate(&exec, graph, 0));
    bool equal = true;
    for (int round = 0; round < 3; round++) {
        bytes[round] = 100;
        CHECK(cudaGraphLaunch(exec, stream));
        CHECK(cudaStreamSynchronize(stream));
        equal = equal && bytes[round] == 101 && bytes[n - 1] == 8 + round;
    }
    expect(equal, "launches of a graph");
    CHECK(cudaGraphExecDestroy(exec));
    CHECK(cudaGraphDestroy(graph));
    CHECK(cudaStreamDestroy(stream));
    CHECK(cudaFree(bytes));
}

void parameters() {
    struct Arguments {
        unsigned char *bytes;
        size_t n;
    } *arguments;
    CHECK(cudaMallocManaged(&arguments, sizeof *arguments));
    CHECK(cudaMallocManaged(&arguments->bytes, 100));
    arguments->n = 50;
    memset(arguments->bytes, 0, 100);
    for (int round = 0; round < 3; round++) {
        void *list[] = {&arguments->bytes, &arguments->n};
        CHECK(cudaLaunchKernel(reinterpret_cast<void *>(increment), dim3(1), dim3(128), list, 0, nullptr));
    }
    CHECK(cudaDeviceSynchronize());
    expect(arguments->bytes[49] == 3 && arguments->bytes[50] == 0, "parameters that are in it");
    CHECK(cudaFree(arguments->bytes));
    CHECK(cudaFree(arguments));
}

void threads_and_files() {
    const size_t n = 4 << 20;
    unsigned char *bytes;
    CHECK(cudaMallocManaged(&bytes, n));
    FILE *file = tmpfile();
    std::vector<unsigned char> content(n);
    for (size_t i = 0; i < n; i++) content[i] = static_cast<unsigned char>(i * 31);
    bool equal = file && fwrite(content.data(), 1, n, file) == n && fseek(file, 0, SEEK_SET) == 0;
    // Straight from the file, without a look at it.
    equal = equal && read(fileno(file), bytes, n) == static_cast<ssize_t>(n);
    increment<<<8192, 512>>>(bytes, n);
    CHECK(cudaDeviceSynchronize());
    std::vector<std::thread> threads;
    std::vector<int> right(4, 0);
    for (int t = 0; t < 4; t++)
        threads.emplace_back([&, t] {
            // All through the same pages.
            for (size_t i = static_cast<size_t>(t); i < n; i += 4)
                right[static_cast<size_t>(t)] += bytes[i] == static_cast<unsigned char>(content[i] + 1);
        });
    for (std::thread &thread : threads) thread.join();
    for (int count : right) equal = equal && count == static_cast<int>(n / 4);
    expect(equal, "a file, and threads that look at once");
    fclose(file);
    CHECK(cudaFree(bytes));
}

// Buffers of system calls that the GPU has had last.
void system_calls() {
    const size_t n = (3 << 20) + 77;
    unsigned char *bytes;
    CHECK(cudaMallocManaged(&bytes, n));
    for (size_t i = 0; i < n; i++) bytes[i] = static_cast<unsigned char>(i * 7);
    auto bump = [&] {
        increment<<<8192, 512>>>(bytes, n);
        CHECK(cudaDeviceSynchronize());
    };
    auto is = [&](const std::vector<unsigned char> &copy, int added) {
        bool equal = copy.size() == n;
        for (size_t i = 0; equal && i < n; i++) equal = copy[i] == static_cast<unsigned char>(i * 7 + static_cast<size_t>(added));
        return equal;
    };
    std::vector<unsigned char> copy(n);
    char name[] = "/tmp/managed-XXXXXX";
    int file = mkstemp(name);
    bump();
    expect(write(file, bytes, n) == static_cast<ssize_t>(n), "written");
    expect(pread(file, copy.data(), n, 0) == static_cast<ssize_t>(n) && is(copy, 1), "what was written");
    bump();
    FILE *stream = fdopen(dup(file), "r+");
    rewind(stream);
    expect(fwrite(bytes, 1, n, stream) == n && fflush(stream) == 0, "written by fwrite");
    expect(pread(file, copy.data(), n, 0) == static_cast<ssize_t>(n) && is(copy, 2), "what was written by fwrite");
    fclose(stream);
    bump();
    {
        std::ofstream out(name, std::ios::binary);
        out << "x";
        out.write(reinterpret_cast<char *>(bytes), static_cast<std::streamsize>(n));
        expect(out.good(), "written by a C++ stream");
    }
    expect(pread(file, copy.data(), n, 1) == static_cast<ssize_t>(n) && is(copy, 3), "what was written by a C++ stream");
    // Part of a page at each end; what is around it stays the GPU's.
    bump();
    expect(pread(file, bytes + 5000, 20000, 1 + 5000) == 20000, "read in the middle");
    expect(pread(file, bytes, n, -1) == -1 && errno == EINVAL && pwrite(file, bytes, n, -1) == -1 && errno == EINVAL,
           "not before the beginning");
    bool equal = true;
    for (size_t i = 0; i < n; i++)
        equal = equal && bytes[i] == static_cast<unsigned char>(i * 7 + (i >= 5000 && i < 25000 ? 3 : 4));
    expect(equal, "what was read in the middle");
    // Less comes than there is room for.
    bump();
    int ends[2];
    expect(pipe(ends) == 0 && write(ends[1], copy.data() + 100, 6000) == 6000, "a pipe");
    expect(read(ends[0], bytes + 100, 50000) == 6000, "read from a pipe");
    bump();
    equal = true;
    for (size_t i = 0; i < n; i++) {
        size_t added = i >= 100 && i < 6100 ? 4 : (i >= 5000 && i < 25000 ? 5 : 6);
        equal = equal && bytes[i] == static_cast<unsigned char>(i * 7 + added);
    }
    expect(equal, "what was read from a pipe");
    bump();
    int sockets[2];
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0, "sockets");
    expect(send(sockets[0], bytes + 9000, 3000, 0) == 3000, "sent");
    expect(recv(sockets[1], bytes + 50001, 3000, MSG_WAITALL) == 3000, "received");
    expect(memcmp(bytes + 9000, bytes + 50001, 3000) == 0, "what was received");
    for (int end : {ends[0], ends[1], sockets[0], sockets[1], file}) close(end);
    unlink(name);
    CHECK(cudaFree(bytes));
}

// Much at once from a C++ stream, of a process that has no part in the memory.
int write_list() {
    std::string much(100000, 'x');
    std::ofstream out("/dev/null");
    out << 'x';
    out.write(much.data(), static_cast<std::streamsize>(much.size()));
    return out.good() ? 0 : 1;
}

void children(const char *self) {
    int *value;
    CHECK(cudaMallocManaged(&value, sizeof *value));
    pid_t child = fork();
    if (child == 0) _exit(write_list());
    int status = -1;
    expect(waitpid(child, &status, 0) == child && status == 0, "a child");
    expect(system((std::string(self) + " child").c_str()) == 0, "a program that is started");
    CHECK(cudaFree(value));
}

struct Turn {
    unsigned char *bytes;
    int sum;
};

// A function that a stream calls looks at what the stream has done before, and leaves something for what comes behind.
void host_function() {
    const size_t n = 100000;
    Turn turn = {};
    CHECK(cudaMallocManaged(&turn.bytes, n));
    memset(turn.bytes, 1, n);
    cudaStream_t stream;
    CHECK(cudaStreamCreate(&stream));
    increment<<<200, 512, 0, stream>>>(turn.bytes, n);
    CHECK(cudaLaunchHostFunc(stream, [](void *argument) {
        Turn *turn = static_cast<Turn *>(argument);
        for (size_t i = 0; i < 100000; i++) turn->sum += turn->bytes[i];
    }, &turn));
    CHECK(cudaStreamSynchronize(stream));
    expect(turn.sum == 200000 && turn.bytes[99999] == 2, "a function that a stream calls");
    CHECK(cudaStreamDestroy(stream));
    CHECK(cudaFree(turn.bytes));
}

void page_locked() {
    const int n = 20000;
    unsigned char *host, *device;
    CHECK(cudaHostAlloc(&host, n, cudaHostAllocMapped | cudaHostAllocPortable));
    CHECK(cudaHostGetDevicePointer(&device, host, 0));
    for (int i = 0; i < n; i++) host[i] = static_cast<unsigned char>(i);
    increment<<<40, 512>>>(device, n);
    CHECK(cudaDeviceSynchronize());
    bool equal = true;
    for (int i = 0; i < n; i++) equal = equal && host[i] == static_cast<unsigned char>(i + 1);
    expect(equal, "page-locked memory that kernels use");
    Device<unsigned char> other(n);
    cudaStream_t stream;
    CHECK(cudaStreamCreate(&stream));
    host[3] = 77;
    CHECK(cudaMemcpyAsync(other, host, n, cudaMemcpyHostToDevice, stream));
    increment<<<40, 512, 0, stream>>>(other, n);
    CHECK(cudaMemcpyAsync(host, other, n, cudaMemcpyDeviceToHost, stream));
    CHECK(cudaStreamSynchronize(stream));
    expect(host[3] == 78 && host[4] == 6, "copies of it in a stream");
    cudaPointerAttributes attributes;
    CHECK(cudaPointerGetAttributes(&attributes, host + 10));
    expect(attributes.type == cudaMemoryTypeHost && attributes.devicePointer == host + 10, "what its pointer is");
    unsigned int flags = 0;
    CHECK(cudaHostGetFlags(&flags, host));
    printf("flags %u\n", flags & ~static_cast<unsigned>(cudaHostAllocWriteCombined));
    SHOW(cudaFree(host));
    CHECK(cudaStreamDestroy(stream));
    CHECK(cudaFreeHost(host));
    SHOW(cudaHostGetDevicePointer(&device, host, 0));
}

sigjmp_buf jump;
void on_fault(int) { siglongjmp(jump, 1); }

void faults() {
    int *value;
    CHECK(cudaMallocManaged(&value, sizeof *value));
    *value = 1;
    void *nothing = nullptr;
    for (int round = 0; round < 2; round++) {
        // The program's handler comes after the driver's; what is wrong reaches it all the same.
        signal(SIGSEGV, on_fault);
        CHECK(cudaDeviceSynchronize());
        volatile int caught = sigsetjmp(jump, 1);
        if (!caught) *static_cast<volatile int *>(nothing) = 1;
        expect(caught == 1, "a fault of the program's own");
        double_all<<<1, 1>>>(nullptr);
        CHECK(cudaDeviceSynchronize());
        expect(*value == 1 + round, "an access after it");
        *value += 1;
    }
    CHECK(cudaFree(value));
}

int main(int argc, char **argv) {
    if (argc > 1) return write_list();
    arrays();
    single_bytes();
    objects();
    variables();
    copies();
    streams_and_advice();
    graphs();
    parameters();
    threads_and_files();
    system_calls();
    children(argv[0]);
    host_function();
    page_locked();
    faults();
    int *null = nullptr;
    SHOW(cudaMallocManaged(&null, 0));
    SHOW(cudaMallocManaged(&null, 64, 8));
    SHOW(cudaStreamAttachMemAsync(nullptr, &null, 0, cudaMemAttachGlobal));
    return finish();
}
