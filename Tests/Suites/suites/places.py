"""The suites, and where they lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from suite.places import ROOT, TOOLCHAIN

HERE = Path(__file__).resolve().parent.parent
PLUGINS = HERE / "plugins"
EXPECTED = HERE / "expected"
WORK = ROOT / "build" / "suites"
#: The packages that tests run with, made by `dev/toolchain tests`.
TESTS = TOOLCHAIN / "tests"


@dataclass(frozen=True)
class Suite:
    """The tests of one package."""

    #: In the last line of the output.
    title: str
    #: The part of the toolchain that has the package.
    part: str
    #: Where the tests lie below the packages of that part's Python, or below `source`.
    folder: str
    #: Which files below that folder hold tests.
    patterns: tuple[str, ...]
    #: The part of the toolchain that has the tests, if they are not in the package.
    source: str = ""
    #: Further parts of the toolchain that its tests call.
    tools: tuple[str, ...] = ()
    #: Environment of its tests.
    settings: dict[str, str] = field(default_factory=dict)
    plugins: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    #: The compute capability that the software GPU reports.
    capability: str = "12.0"
    #: Seconds for one test, which includes what it compiles.
    limit: float = 300
    #: Files that are left out, and why.
    left_out: dict[str, str] | None = None
    #: Tests that leave the GPU's context broken: they run after all others of their file.
    last: tuple[str, ...] = ()
    #: The files that a quick run takes.
    quick: tuple[str, ...] = ()

    @property
    def python(self) -> Path:
        return TOOLCHAIN / self.part / "bin" / "python"

    @property
    def root(self) -> Path:
        if self.source:
            return TOOLCHAIN / self.source / self.folder
        packages = next((TOOLCHAIN / self.part / "lib").glob("python3.*/site-packages"))
        return packages / self.folder

    @property
    def parts(self) -> list[str]:
        """What `dev/toolchain` has to make."""
        return [part for part in (self.part, "tests", self.source, *self.tools) if part]

    def modules(self, quick: bool) -> list[str]:
        """The test files, below the root."""
        found = {str(path.relative_to(self.root)) for pattern in self.patterns
                 for path in self.root.glob(pattern)} - set(self.left_out or {})
        if missing := set(self.quick) - found:
            raise SystemExit(f"run.py: {self.title} has no {', '.join(sorted(missing))}")
        return sorted(self.quick if quick else found)


#: Some of each kind, of those that take little time.
NUMBA_QUICK = """
cudadrv/test_context_stack cudadrv/test_cuda_array_slicing cudadrv/test_cuda_driver cudadrv/test_cuda_memory
cudadrv/test_cuda_ndarray cudadrv/test_deallocations cudadrv/test_events cudadrv/test_host_alloc cudadrv/test_linker
cudadrv/test_managed_alloc cudadrv/test_module_callbacks cudapy/test_array cudapy/test_atomics cudapy/test_complex
cudapy/test_constmem cudapy/test_cooperative_groups cudapy/test_dispatcher cudapy/test_flow_control cudapy/test_gufunc
cudapy/test_intrinsics cudapy/test_libdevice cudapy/test_localmem cudapy/test_math cudapy/test_multithreads
cudapy/test_print cudapy/test_random cudapy/test_record_dtype cudapy/test_recursion cudapy/test_reduction cudapy/test_sm
cudapy/test_ssa cudapy/test_sync cudapy/test_transpose cudapy/test_vectorize cudapy/test_warp_ops doc_examples/test_cg
doc_examples/test_laplace
""".split()

NUMBA = Suite(
    title="numba-cuda",
    part="numba",
    folder="numba_cuda/numba/cuda/tests",
    patterns=("**/test_*.py",),
    plugins=("ferry_numba",),
    # The tests are below numba.cuda, a package that numba-cuda lays over numba's.
    options=("--import-mode=importlib", "-o", "consider_namespace_packages=true"),
    # That of the GPUs that the package's own tests are run on.
    capability="9.0",
    left_out={
        "benchmarks/test_kernel_launch.py": "measures launches, and needs PyTorch and CuPy beside numba",
    },
    last=(
        "cudapy/test_dispatcher.py::TestDispatcher::test_dispatcher_cpointer_arguments",
        "cudapy/test_localmem.py::TestCudaLocalMem::test_struct_model_type_arr",
    ),
    quick=tuple(f"{name}.py" for name in NUMBA_QUICK),
)

CUPY = Suite(
    title="CuPy",
    part="cupy_libraries",
    source="cupy_tests",
    folder="tests",
    tools=("cuda12",),
    settings={"NVCC": str(TOOLCHAIN / "cuda12" / "tree" / "bin" / "nvcc")},
    patterns=tuple(f"cupy_tests/{kind}_tests/test_*.py" for kind in (
        "core", "creation", "fft", "linalg", "logic", "manipulation", "math", "random", "sorting", "statistics")),
    left_out={
        "cupy_tests/fft_tests/test_callback.py": "compiles callbacks with cufftXt.h, which CuPy does not find in a"
        " package, to code that cuFFT links to machine code",
    },
    # Above that of every GPU there is: the libraries of CUDA 12.9 then have machine code for none of their kernels,
    # and take PTX.
    capability="13.0",
    # What the suite itself calls slow takes hours.
    options=("-m", "not slow and not multi_gpu"),
)

SUITES = {"cupy": CUPY, "numba": NUMBA}
