"""Which programs there are, in the order of what they tell: what does not fit the time stays out."""

from __future__ import annotations

import fnmatch

from .program import Program

#: These ship machine code only.
MACHINE_CODE = "needs machine code: real GPU only"

#: The name of the row of the conformance suite; where it stands is when it runs.
CONFORMANCE = "conformance"


def _nvcc(name: str, **more) -> Program:
    return Program(f"nvcc_{name}", "nvcc", **{"typical": 1.5, "limit": 20.0, **more})


def _torch(name: str, **more) -> Program:
    return Program(f"torch_{name}", "torch", **{"hardware": MACHINE_CODE, **more})


def _cupy(name: str, **more) -> Program:
    return Program(f"cupy_{name}", "cupy", **{"typical": 4.0, "limit": 60.0, **more})


PROGRAMS = [
    _nvcc("launches", quick=True),
    _nvcc("copies", quick=True),
    _nvcc("bodies", quick=True),
    _torch("tensors", quick=True),
    _torch("matmul", quick=True),
    _torch("gpt_eager", quick=True),
    _cupy("elementwise", quick=True),
    Program(CONFORMANCE, "nvcc", typical=20.0, limit=120.0, quick=True),
    _torch("resnet", quick=True, limit=60.0),
    _torch("transformer"),
    _torch("memory", quick=True, alone=True, scales=("total", "total of the properties")),
    _torch("gpt_graph"),
    Program("triton_softmax", "triton", typical=9.0, hardware=MACHINE_CODE),
    Program("nvml_query", "pynvml", typical=1.0, limit=15.0, quick=True, scales=("memory of 0",)),
    _torch("conv"),
    _torch("autograd"),
    Program("jax_matmul", "jax", typical=10.0, hardware=MACHINE_CODE),
    # What it launches depends on what was fastest.
    Program("jax_tuned", "jax", typical=30.0, limit=90.0, hardware=MACHINE_CODE, by_results=True),
    _torch("ops", typical=15.0, limit=60.0),
    _cupy("rawkernel"),
    _torch("copies"),
    _torch("dataloader"),
    _torch("streams"),
    _torch("amp"),
    _nvcc("graphs"),
    _nvcc("pools"),
    _nvcc("callbacks"),
    _nvcc("managed"),
    _nvcc("textures"),
    _torch("compile", typical=15.0, limit=90.0),
    _torch("nccl", limit=40.0),
    _torch("processes", limit=60.0),
    _cupy("matmul"),
    _cupy("fft"),
    _cupy("sort"),
    Program("numba_kernels", "numba", typical=4.0, limit=60.0),
    Program("jax_grad", "jax", typical=12.0, limit=60.0, hardware=MACHINE_CODE),
    _torch("segments"),
    Program("transformers_gpt2", "transformers", typical=14.0, limit=60.0, hardware=MACHINE_CODE,
            by_results=True),
]


def chosen(quick: bool, software: bool, patterns: list[str], rehearse: bool = False) -> list[Program]:
    """The programs of a run; what is asked for by name need not be quick, and on the software GPU all
    are that can run. A rehearsal is of those that cannot."""
    if rehearse and not patterns:
        return [program for program in PROGRAMS if program.hardware == MACHINE_CODE and not program.by_results]
    if patterns:
        return [program for program in PROGRAMS
                if any(program.name.startswith(p) or fnmatch.fnmatchcase(program.name, p) for p in patterns)]
    return [program for program in PROGRAMS if program.quick or software or not quick]
