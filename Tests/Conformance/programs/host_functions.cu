// Functions of the program that streams call: in order with the work around them, also when nobody waits, many of
// them, beside slow ones, and with what copies have brought.
#include "check.h"

#include <atomic>
#include <pthread.h>
#include <thread>
#include <unistd.h>

__global__ void add(int *value, int amount) { *value += amount; }

static pthread_t main_thread;

static cudaStream_t independent() {
    cudaStream_t stream;
    CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    return stream;
}

template <typename T> static T *locked(size_t count) {
    T *memory;
    CHECK(cudaMallocHost(&memory, count * sizeof(T)));
    for (size_t i = 0; i < count; i++) memory[i] = T{};
    return memory;
}

// --- order

struct Journal {
    int *shown;
    std::vector<int> seen;
    bool elsewhere = true;
};

static void note(void *data) {
    auto journal = static_cast<Journal *>(data);
    journal->seen.push_back(*journal->shown);
    journal->elsewhere = journal->elsewhere && !pthread_equal(pthread_self(), main_thread);
}

static void CUDART_CB note_too(cudaStream_t, cudaError_t status, void *data) {
    auto journal = static_cast<Journal *>(data);
    journal->seen.push_back(*journal->shown + status);
}

/// Each sees what the copy before it has brought, and none what comes later.
static void in_order(cudaStream_t stream, bool isDefault) {
    Device<int> value(std::vector<int>{0});
    Journal journal{locked<int>(1), {}};
    int sum = 0;
    std::vector<int> expected;
    for (int i = 1; i <= 40; i++) {
        add<<<1, 1, 0, stream>>>(value, i);
        CHECK(cudaMemcpyAsync(journal.shown, value, sizeof(int), cudaMemcpyDeviceToHost, stream));
        if (i % 2) CHECK(cudaLaunchHostFunc(stream, note, &journal));
        else CHECK(cudaStreamAddCallback(stream, note_too, &journal, 0));
        expected.push_back(sum += i);
    }
    CHECK(cudaStreamSynchronize(stream));
    expect(journal.seen == expected, isDefault ? "order in the default stream" : "order in a stream");
    expect(journal.elsewhere, "on another thread");
    CHECK(cudaFreeHost(journal.shown));
}

static void stream_of_callback() {
    static cudaStream_t given, found;
    static int argument;
    static void *found_argument;
    given = independent();
    CHECK(cudaStreamAddCallback(given, [](cudaStream_t stream, cudaError_t, void *data) {
        found = stream;
        found_argument = data;
    }, &argument, 0));
    CHECK(cudaStreamSynchronize(given));
    expect(found == given && found_argument == &argument, "a callback gets its stream and its argument");
    CHECK(cudaStreamDestroy(given));
}

// --- waiting

struct Gate {
    std::atomic<int> state{0};  // 1: the function has begun, 2: it may return, 3: it has returned
    void await(int value) const { while (state < value) usleep(100); }
};

static void pass(void *data) {
    auto gate = static_cast<Gate *>(data);
    gate->state = 1;
    gate->await(2);
    gate->state = 3;
}

/// Later work waits until a function has returned, and everything that asks knows that it has not.
static void later_work_waits(cudaStream_t stream) {
    Gate gate;
    int *shown = locked<int>(1);
    Device<int> value(std::vector<int>{1});
    cudaEvent_t event;
    CHECK(cudaEventCreate(&event));
    CHECK(cudaLaunchHostFunc(stream, pass, &gate));
    CHECK(cudaEventRecord(event, stream));
    add<<<1, 1, 0, stream>>>(value, 6);
    CHECK(cudaMemcpyAsync(shown, value, sizeof(int), cudaMemcpyDeviceToHost, stream));
    gate.await(1);
    usleep(30000);
    bool isHeld = *shown == 0 && cudaStreamQuery(stream) == cudaErrorNotReady && cudaEventQuery(event) == cudaErrorNotReady;
    expect(isHeld, "later work waits for a function");
    std::thread opener([&] {
        usleep(20000);
        gate.state = 2;
    });
    CHECK(cudaEventSynchronize(event));
    expect(gate.state == 3, "an event behind it, too");
    CHECK(cudaStreamSynchronize(stream));
    expect(*shown == 7, "and then it is done");
    opener.join();
    CHECK(cudaEventDestroy(event));
    CHECK(cudaFreeHost(shown));
}

/// Every way to wait waits for a function.
static void every_wait() {
    cudaStream_t stream = independent(), other = independent();
    cudaEvent_t event;
    CHECK(cudaEventCreate(&event));
    static std::atomic<int> count;
    auto slow = [](void *) {
        usleep(30000);
        count++;
    };
    CHECK(cudaLaunchHostFunc(stream, slow, nullptr));
    CHECK(cudaStreamSynchronize(stream));
    bool holds = count == 1;
    CHECK(cudaLaunchHostFunc(stream, slow, nullptr));
    CHECK(cudaDeviceSynchronize());
    holds = holds && count == 2;
    CHECK(cudaLaunchHostFunc(stream, slow, nullptr));
    CHECK(cudaEventRecord(event, stream));
    CHECK(cudaStreamWaitEvent(other, event, 0));
    CHECK(cudaStreamSynchronize(other));
    holds = holds && count == 3;
    CHECK(cudaLaunchHostFunc(stream, slow, nullptr));
    while (cudaStreamQuery(stream) == cudaErrorNotReady) usleep(100);
    holds = holds && count == 4;
    // The default stream waits for those that do not say otherwise.
    cudaStream_t blocking;
    CHECK(cudaStreamCreate(&blocking));
    CHECK(cudaLaunchHostFunc(blocking, slow, nullptr));
    CHECK(cudaStreamSynchronize(nullptr));
    holds = holds && count == 5;
    expect(holds, "every way to wait waits for functions");
    CHECK(cudaStreamDestroy(blocking));
    CHECK(cudaStreamDestroy(other));
    CHECK(cudaStreamDestroy(stream));
    CHECK(cudaEventDestroy(event));
}

/// The program makes no call: it looks into its memory.
static void nobody_waits(cudaStream_t stream) {
    static std::atomic<int> sum;
    sum = 0;
    static int *shown;
    shown = locked<int>(1);
    Device<int> value(std::vector<int>{0});
    for (int i = 1; i <= 10; i++) {
        add<<<1, 1, 0, stream>>>(value, i);
        CHECK(cudaMemcpyAsync(shown, value, sizeof(int), cudaMemcpyDeviceToHost, stream));
        CHECK(cudaLaunchHostFunc(stream, [](void *) { sum += *shown; }, nullptr));
    }
    for (int i = 0; i < 3000 && sum != 220; i++) usleep(10000);
    expect(sum == 220, "functions are called while nobody waits");
    CHECK(cudaStreamSynchronize(stream));
    CHECK(cudaFreeHost(shown));
}

/// A function that takes its time holds up neither other threads nor other streams.
static void slow_beside_work(cudaStream_t stream) {
    Gate gate;
    cudaStream_t other = independent();
    Device<int> value(std::vector<int>{0});
    int *shown = locked<int>(1);
    CHECK(cudaLaunchHostFunc(stream, pass, &gate));
    bool equal = true;
    auto work = [&](int rounds) {
        for (int i = 0; i < rounds; i++) {
            add<<<1, 1, 0, other>>>(value, 1);
            CHECK(cudaMemcpyAsync(shown, value, sizeof(int), cudaMemcpyDeviceToHost, other));
            CHECK(cudaStreamSynchronize(other));
        }
    };
    work(50);
    std::thread([&] { work(50); }).join();
    equal = *shown == 100 && gate.state < 2;
    gate.await(1);
    gate.state = 2;
    CHECK(cudaStreamSynchronize(stream));
    expect(equal && gate.state == 3, "other work goes on beside a slow function");
    CHECK(cudaStreamDestroy(other));
    CHECK(cudaFreeHost(shown));
}

/// Memory is allocated and freed while a function has not returned, which another thread lets go.
static void memory_beside(cudaStream_t stream) {
    Gate gate;
    int *shown = locked<int>(1);
    int *extra;
    CHECK(cudaMalloc(&extra, 1 << 20));
    Device<int> value(std::vector<int>{5});
    CHECK(cudaLaunchHostFunc(stream, pass, &gate));
    CHECK(cudaMemcpyAsync(shown, value, sizeof(int), cudaMemcpyDeviceToHost, stream));
    std::thread opener([&] {
        usleep(50000);
        gate.state = 2;
    });
    CHECK(cudaFree(extra));
    int *more;
    CHECK(cudaMalloc(&more, 1 << 20));
    CHECK(cudaFree(more));
    opener.join();
    CHECK(cudaStreamSynchronize(stream));
    expect(*shown == 5 && gate.state == 3, "memory comes and goes beside a function");
    CHECK(cudaFreeHost(shown));
}

// --- many

static void many(cudaStream_t stream, int count) {
    static std::atomic<int> called, disordered;
    called = disordered = 0;
    for (int i = 0; i < count; i++) {
        CHECK(cudaLaunchHostFunc(stream, [](void *data) {
            if (called++ != static_cast<int>(reinterpret_cast<intptr_t>(data))) disordered++;
        }, reinterpret_cast<void *>(static_cast<intptr_t>(i))));
    }
    CHECK(cudaStreamSynchronize(stream));
    printf("%d of %d functions: %s\n", called.load(), count, disordered == 0 ? "in order" : "WRONG");
    expect(called == count && disordered == 0, "many functions");
}

static void several_threads() {
    const int threads = 4, streams = 3, rounds = 60;
    struct Lane {
        cudaStream_t stream = independent();
        Device<int> value{std::vector<int>{0}};
        int *shown = locked<int>(1);
        int next = 0, wrong = 0;
    };
    std::vector<std::thread> all;
    std::atomic<int> wrong{0};
    for (int t = 0; t < threads; t++)
        all.emplace_back([&] {
            std::vector<Lane> lanes(streams);
            for (int i = 0; i < rounds; i++)
                for (Lane &lane : lanes) {
                    add<<<1, 1, 0, lane.stream>>>(lane.value, 1);
                    CHECK(cudaMemcpyAsync(lane.shown, lane.value, sizeof(int), cudaMemcpyDeviceToHost, lane.stream));
                    CHECK(cudaLaunchHostFunc(lane.stream, [](void *data) {
                        auto lane = static_cast<Lane *>(data);
                        if (*lane->shown != ++lane->next) lane->wrong++;
                    }, &lane));
                }
            for (Lane &lane : lanes) {
                CHECK(cudaStreamSynchronize(lane.stream));
                wrong += lane.wrong + (lane.next != rounds);
                CHECK(cudaStreamDestroy(lane.stream));
                CHECK(cudaFreeHost(lane.shown));
            }
        });
    for (std::thread &thread : all) thread.join();
    expect(wrong == 0, "several threads and streams");
}

// --- what functions write

/// A copy to the GPU behind a function takes what the function has written.
static void source_of_copy(cudaStream_t stream, size_t count, bool isSynchronous) {
    static int *words;
    static size_t length;
    static Gate *door;
    Gate gate;
    door = &gate;
    length = count;
    words = locked<int>(count);
    Device<int> device(count);
    CHECK(cudaMemset(device, 0, count * sizeof(int)));
    CHECK(cudaDeviceSynchronize());
    std::thread opener([&] {
        usleep(20000);
        gate.state = 2;
    });
    CHECK(cudaLaunchHostFunc(stream, [](void *) {
        door->await(2);
        for (size_t i = 0; i < length; i++) words[i] = static_cast<int>(i) + 3;
    }, nullptr));
    if (isSynchronous) CHECK(cudaMemcpy(device, words, count * sizeof(int), cudaMemcpyHostToDevice));
    else CHECK(cudaMemcpyAsync(device, words, count * sizeof(int), cudaMemcpyHostToDevice, stream));
    CHECK(cudaStreamSynchronize(stream));
    std::vector<int> found = device.download();
    bool equal = true;
    for (size_t i = 0; i < count; i++) equal = equal && found[i] == static_cast<int>(i) + 3;
    expect(equal, isSynchronous ? "a copy takes what a function wrote" : "an asynchronous copy takes what a function wrote");
    opener.join();
    CHECK(cudaFreeHost(words));
}

int main() {
    main_thread = pthread_self();
    cudaStream_t stream = independent();
    in_order(stream, false);
    in_order(nullptr, true);
    stream_of_callback();
    later_work_waits(stream);
    every_wait();
    nobody_waits(stream);
    slow_beside_work(stream);
    memory_beside(stream);
    many(stream, 5000);
    several_threads();
    for (size_t count : {size_t(1000), size_t(3) << 20}) {
        source_of_copy(stream, count, false);
        source_of_copy(nullptr, count, true);
    }
    CHECK(cudaStreamDestroy(stream));
    return finish();
}
