"""What the PyTorch programs share: the same numbers on every run, and digests of tensors."""

from __future__ import annotations

import os
import warnings

# cuBLAS gives the same bits on every run only with a workspace of a fixed size.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

import torch  # noqa: E402

#: A processor will do for what needs nothing of a GPU.
DEVICE = torch.device(os.environ.get("KIT_DEVICE", "cuda"))


def prepare(deterministic: bool = True) -> None:
    """Seeds all generators and asks for algorithms that give the same bits on every run."""
    torch.manual_seed(7)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    # Some operations warn although what they do here is the same on every run.
    warnings.filterwarnings("ignore", message=".*deterministic.*")
    torch.use_deterministic_algorithms(deterministic, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False


def wait() -> None:
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def data(*tensors: torch.Tensor) -> list[bytes]:
    """All bits of tensors, for a digest."""
    flat = [tensor.detach().cpu().contiguous().flatten() for tensor in tensors]
    return [tensor.view(torch.uint8).numpy().tobytes() for tensor in flat]


def gradients(model: torch.nn.Module) -> list[torch.Tensor]:
    return [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
