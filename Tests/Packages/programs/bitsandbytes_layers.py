"""bitsandbytes: layers of 8 and 4 bits, optimisers with paged state (managed memory)."""

import warnings

import bitsandbytes as bnb
import torch
from bitsandbytes import functional

warnings.simplefilter("ignore")
weights = torch.ones(256, 256, device="cuda", dtype=torch.float16)
packed, state = functional.quantize_4bit(weights, quant_type="nf4")
print(packed.shape, functional.dequantize_4bit(packed, state).shape)
packed, state = functional.quantize_blockwise(weights)
print(functional.dequantize_blockwise(packed, state).shape)
print(bnb.nn.Linear8bitLt(256, 256, has_fp16_weights=False).cuda()(weights).shape)
print(bnb.nn.Linear4bit(256, 256, compute_dtype=torch.float16).cuda()(weights).shape)
layer = torch.nn.Linear(64, 64).cuda()
for kind in (bnb.optim.Adam8bit, bnb.optim.PagedAdamW8bit, bnb.optim.PagedAdamW32bit):
    optimiser = kind(layer.parameters(), lr=1e-3)
    layer(torch.ones(4, 64, device="cuda")).sum().backward()
    optimiser.step()
    torch.cuda.synchronize()
    print(kind.__name__)
