"""PyTorch's profiler, whose CUPTI asks the driver for tables of its own."""

import torch
from torch.profiler import ProfilerActivity, profile

with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiled:
    torch.ones(64, 64, device="cuda").add_(1)
    torch.cuda.synchronize()
print("aten::add_" in profiled.key_averages().table())
