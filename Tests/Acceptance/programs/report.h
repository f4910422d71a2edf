// What the programs by nvcc share: stopping at an unexpected error, and one line of JSON at the end
// with the time and the results, as report.py prints it.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <cuda_runtime.h>

#define CHECK(call)                                                                     \
    do {                                                                                \
        cudaError_t check_error = (call);                                               \
        if (check_error != cudaSuccess) {                                               \
            fprintf(stderr, "%s: %s\n", #call, cudaGetErrorName(check_error));          \
            exit(1);                                                                    \
        }                                                                               \
    } while (0)

/// Collects the results of one program.
class Report {
public:
    /// A text or truth value that is the same on every run.
    void exact(const std::string &name, bool value) { add(results, name, value ? "true" : "false"); }
    /// Data of which every bit is the same on every run (FNV-1a).
    template <typename T> void digest(const std::string &name, const std::vector<T> &values) {
        uint64_t hash = 0xcbf29ce484222325;
        const auto *bytes = reinterpret_cast<const unsigned char *>(values.data());
        for (size_t i = 0; i < values.size() * sizeof(T); i++) hash = (hash ^ bytes[i]) * 0x100000001b3;
        char text[20];
        snprintf(text, sizeof text, "\"%016llx\"", static_cast<unsigned long long>(hash));
        add(results, name, text);
    }
    /// A figure for people: nobody expects it to be the same.
    void measure(const std::string &name, double value, const std::string &unit) {
        char text[100];
        snprintf(text, sizeof text, "%.6g, \"unit\": \"%s\"", value, unit.c_str());
        add(measures, name, text);
    }
    /// Prints the line; the exit status.
    int finish(double seconds) {
        printf("{\"seconds\": %.9f, \"results\": {%s}, \"measures\": {%s}, \"libraries\": [%s]}\n", seconds,
               results.c_str(), measures.c_str(), libraries().c_str());
        return 0;
    }

private:
    std::string results, measures;

    static void add(std::string &list, const std::string &name, const std::string &value) {
        list += (list.empty() ? "\"" : ", \"") + name + "\": {\"value\": " + value + "}";
    }
    /// The files of the driver that this process has loaded.
    static std::string libraries() {
        std::string found;
        char line[5000];
        FILE *maps = fopen("/proc/self/maps", "r");
        while (maps && fgets(line, sizeof line, maps)) {
            char *path = strchr(line, '/');
            if (!path || !strstr(path, "/libcuda.so")) continue;
            path[strcspn(path, "\n")] = 0;
            if (found.find(path) != std::string::npos) continue;
            found += (found.empty() ? "\"" : ", \"") + std::string(path) + "\"";
        }
        if (maps) fclose(maps);
        return found;
    }
};

inline double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Seconds that a step takes once everything is loaded: the best of three rounds.
template <typename Step> double steady(Step step, int repeats) {
    step();
    CHECK(cudaDeviceSynchronize());
    double best = 1e9;
    for (int round = 0; round < 3; round++) {
        double started = now();
        for (int i = 0; i < repeats; i++) step();
        CHECK(cudaDeviceSynchronize());
        double taken = (now() - started) / repeats;
        if (taken < best) best = taken;
    }
    return best;
}

/// Memory of the device with the values of a vector.
template <typename T> T *upload(const std::vector<T> &values) {
    T *there;
    CHECK(cudaMalloc(&there, values.size() * sizeof(T)));
    CHECK(cudaMemcpy(there, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice));
    return there;
}

template <typename T> std::vector<T> download(const T *there, size_t count) {
    std::vector<T> values(count);
    CHECK(cudaMemcpy(values.data(), there, count * sizeof(T), cudaMemcpyDeviceToHost));
    return values;
}
