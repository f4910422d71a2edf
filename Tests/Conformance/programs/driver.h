// What the C programs on the driver API share.
#pragma once

#include <cuda.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *error_name(CUresult result) {
    const char *name = NULL;
    return cuGetErrorName(result, &name) == CUDA_SUCCESS && name ? name : "unknown";
}

/// Ends the program when a call fails that should not.
#define CHECK(call)                                               \
    do {                                                          \
        CUresult check_result = (call);                           \
        if (check_result != CUDA_SUCCESS) {                       \
            printf("%s: %s\n", #call, error_name(check_result));  \
            exit(1);                                              \
        }                                                         \
    } while (0)

/// Prints what a call answers.
#define SHOW(call) printf("%s: %s\n", #call, error_name(call))

static int failures = 0;

static void expect(int holds, const char *what) {
    printf("%s: %s\n", what, holds ? "ok" : "WRONG");
    if (!holds) failures++;
}

static int finish(void) {
    printf(failures == 0 ? "passed\n" : "failed\n");
    return failures == 0 ? 0 : 1;
}

static inline CUcontext make_context(CUdevice device) {
    CUcontext context;
#if CUDA_VERSION >= 13000
    CHECK(cuCtxCreate(&context, NULL, 0, device));
#else
    CHECK(cuCtxCreate(&context, 0, device));
#endif
    return context;
}
