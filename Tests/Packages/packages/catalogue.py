"""The programs, and what they run with."""

from __future__ import annotations

from dataclasses import dataclass

#: For packages that bring machine code only: everything but the kernels is done (docs/adr/0020).
REHEARSED = {"FERRY_SOFT_GPU_CODE": "machine", "FERRY_SOFT_GPU_LAUNCH": "null",
             "FERRY_SOFT_GPU_COMPUTE_CAPABILITY": "9.0", "FERRY_SOFT_GPU_MEMORY_MIB": "16384"}
AMPERE = {**REHEARSED, "FERRY_SOFT_GPU_COMPUTE_CAPABILITY": "8.0"}


@dataclass(frozen=True)
class Program:
    """A file in `programs`."""

    name: str
    #: What its Python has, with versions; programs with the same packages share one.
    requirements: tuple[str, ...]
    #: Settings of the software GPU.
    gpu: tuple[tuple[str, str], ...] = ()
    seconds: float = 600

    @property
    def is_rehearsed(self) -> bool:
        return ("FERRY_SOFT_GPU_LAUNCH", "null") in self.gpu


def _program(name: str, *requirements: str, gpu: dict[str, str] | None = None) -> Program:
    return Program(name, requirements, tuple(sorted((gpu or {}).items())))


TORCH = ("torch==2.15.0", "bitsandbytes==0.50.2", "onnxruntime-gpu==1.31.1", "onnx==1.23.2",
         "nvidia-curand==10.4.5.25")

PROGRAMS = (
    _program("warp_simulation", "warp-lang==1.10.1", "numpy==2.4.6"),
    _program("taichi_fields", "taichi==1.7.4", "numpy==2.4.6"),
    _program("xgboost_trees", "xgboost==3.2.0", "numpy==2.4.6"),
    _program("catboost_trees", "catboost==1.2.10", "numpy==2.4.6"),
    _program("cuda_core_graphs", "cuda-core==1.2.2", "cuda-bindings==13.5.0", "nvidia-cuda-nvrtc==13.5.37",
             "numpy==2.4.6"),
    _program("cudf_frames", "cudf-cu12==26.10.2"),
    _program("faiss_indexes", "faiss-gpu-cu12==1.14.1.post1", "numpy==2.4.6", gpu=AMPERE),
    _program("bitsandbytes_layers", *TORCH, gpu=REHEARSED),
    _program("onnxruntime_model", *TORCH, gpu=REHEARSED),
    _program("torch_profiler", *TORCH, gpu=REHEARSED),
    _program("tensorflow_model", "tensorflow[and-cuda]==2.21.0", gpu=REHEARSED),
)
