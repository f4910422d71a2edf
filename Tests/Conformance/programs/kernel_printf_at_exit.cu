// What a kernel printed appears when the program resets the device, without any other synchronisation.
#include "check.h"

__global__ void greet(int who) { printf("greeting %d\n", who); }

int main() {
    greet<<<1, 1>>>(1);
    greet<<<1, 1>>>(2);
    CHECK(cudaDeviceReset());
    printf("host: after the reset\n");
    return 0;
}
