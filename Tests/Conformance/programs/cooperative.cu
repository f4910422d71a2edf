// Cooperative groups: tiles and reductions inside a block, and a grid whose blocks wait for each other.
#include "check.h"

#include <cooperative_groups.h>

namespace cg = cooperative_groups;

__global__ void tiles(const int *in, int *out) {
    cg::thread_block block = cg::this_thread_block();
    cg::thread_block_tile<8> tile = cg::tiled_partition<8>(block);
    int value = in[block.thread_rank()];
    for (int d = tile.size() / 2; d > 0; d /= 2) value += tile.shfl_down(value, d);
    if (tile.thread_rank() == 0) out[block.thread_rank() / 8] = value;
}

// Each round every block reads what all the others wrote in the round before.
__global__ void rounds(int *cells, int n) {
    cg::grid_group grid = cg::this_grid();
    int me = static_cast<int>(grid.thread_rank());
    for (int round = 0; round < n; round++) {
        int from = (me * 7 + 3) % static_cast<int>(grid.size());
        int value = cells[(round % 2) * grid.size() + from];
        cells[((round + 1) % 2) * grid.size() + me] = value * 3 + me;
        grid.sync();
    }
}

int main() {
    int supported = 0;
    CHECK(cudaDeviceGetAttribute(&supported, cudaDevAttrCooperativeLaunch, 0));
    expect(supported == 1, "cooperative launches are supported");

    std::vector<int> in(96), sums(12, 0);
    for (int i = 0; i < 96; i++) in[i] = i * i, sums[i / 8] += i * i;
    Device<int> din(in), dout(12);
    tiles<<<1, 96>>>(din, dout);
    CHECK(cudaGetLastError());
    expect(dout.download() == sums, "tiles of 8 threads");

    const int grid = 4, block = 64, n = 5, all = grid * block;
    std::vector<int> cells(2 * all, 1);
    Device<int> dcells(cells);
    int *pointer = dcells;
    int count = n;
    void *arguments[] = {&pointer, &count};
    CHECK(cudaLaunchCooperativeKernel(rounds, dim3(grid), dim3(block), arguments, 0, nullptr));
    CHECK(cudaDeviceSynchronize());
    for (int round = 0; round < n; round++)
        for (int me = 0; me < all; me++)
            cells[((round + 1) % 2) * all + me] = static_cast<int>(cells[(round % 2) * all + (me * 7 + 3) % all] * 3u + me);
    expect(dcells.download() == cells, "a grid that waits for itself");
    SHOW(cudaLaunchCooperativeKernel(rounds, dim3(1 << 20), dim3(1024), arguments, 0, nullptr));
    return finish();
}
