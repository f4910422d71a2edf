"""Which programs there are, how each is built and run, and what it must answer."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field, replace

ALL_TARGETS = ("software", "ferry", "native", "ferry-native")
#: A device that can run PTX only.
SOFTWARE_ONLY = ("software", "ferry")

#: Builds of a CUDA C++ program: toolkit and kind of runtime.
CUDA_BUILDS = ("cu13-static", "cu13-shared", "cu12-static")
#: Builds of a C program on the driver API: the header it is compiled with.
DRIVER_BUILDS = ("c13", "c12")


@dataclass(frozen=True)
class Case:
    """One way of running one program."""

    name: str
    program: str
    build: str
    sources: tuple[str, ...]
    flags: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    #: Fatbin files that are made for it and given to it as arguments: source and compiler flags.
    fatbins: tuple[tuple[str, ...], ...] = ()
    gpus: int = 1
    #: On a real GPU it needs the whole memory, or sees it change when other programs run.
    alone: bool = False
    seconds: float = 120
    #: The exit status as a shell tells it: 128 + n for signal n.
    status: int = 0
    #: Sent to the program once it has printed `working`.
    kill: signal.Signals | None = None
    targets: tuple[str, ...] = ALL_TARGETS
    #: Whether it needs a software GPU whose memory processes can share. Ferry's own server has none: a check starts one.
    shares: bool = False
    #: Name of the file of expected output, without `.txt`.
    expected: str = ""


def extension(build: str) -> str:
    """What the sources of a build are called."""
    return ".cu" if build in CUDA_BUILDS else ".c" if build in DRIVER_BUILDS else ".py"


@dataclass(frozen=True)
class Program:
    """A program and its variants."""

    name: str
    sources: tuple[str, ...] = ()
    builds: tuple[str, ...] = CUDA_BUILDS
    #: Variant name and what differs in it.
    variants: dict[str, dict] = field(default_factory=dict)
    options: dict = field(default_factory=dict)

    def cases(self) -> list[Case]:
        found = []
        for build in self.builds:
            sources = self.sources or (self.name + extension(build),)
            for variant, more in (self.variants or {"": {}}).items():
                base = self.name + (f".{variant}" if variant else "")
                case = Case(name=f"{base}[{build}]", program=self.name, build=build,
                            sources=sources, expected=base)
                found.append(replace(case, **{**self.options, **more}))
        return found


def _argument(*names: str, **options) -> dict[str, dict]:
    """Variants that differ in the program's one argument."""
    return {name: {"arguments": (name,), **options} for name in names}


def _signals() -> dict[str, dict]:
    variants = {}
    for kind in ("launches", "copies", "kernel"):
        for number in (signal.SIGKILL, signal.SIGTERM):
            variants[f"{kind}-{number.name}"] = {
                "arguments": (kind,), "kill": number, "status": 128 + number}
    return variants


#: What the compiler makes of a kernel differs by these; what the kernel computes may not.
_COMPILERS = {
    "O0": ("-Xcicc", "-O0", "-gencode", "arch=compute_75,code=compute_75"),
    "O1": ("-Xcicc", "-O1", "-gencode", "arch=compute_80,code=compute_80"),
    "O2": ("-Xcicc", "-O2", "-gencode", "arch=compute_89,code=compute_89"),
    "O3": ("-Xcicc", "-O3", "-gencode", "arch=compute_90,code=compute_90"),
    "debug": ("-G", "-gencode", "arch=compute_86,code=compute_86"),
}


def _by_compiler(*names: str) -> list[Program]:
    """Programs that compare what kernels compute with the CPU, by every way to compile them."""
    return [Program(f"{name}_{how}", sources=(f"{name}.cu",), builds=("cu13-static",),
                    options={"flags": flags, "expected": name, "targets": SOFTWARE_ONLY})
            for name in names for how, flags in _COMPILERS.items()]


_PTX_ONLY = ("-fatbin", "-gencode", "arch=compute_75,code=compute_75")

PROGRAMS = [
    Program("vector_add"),
    Program("saxpy"),
    Program("matrix_product"),
    Program("reduction_shuffle"),
    Program("reduction_atomic"),
    Program("histogram"),
    Program("transpose"),
    Program("prefix_sum"),
    Program("stencil_constant"),
    Program("double_int64"),
    Program("math_functions"),
    Program("device_calls"),
    Program("kernel_printf"),
    Program("kernel_printf_at_exit"),
    Program("streams_events"),
    Program("host_threads"),
    Program("copies_in_turn"),
    Program("copies_aside"),
    Program("large_copies"),
    Program("host_functions"),
    Program("host_function_error"),
    Program("host_function_endings", variants={
        "return": {"arguments": ("return",)},
        "exit": {"arguments": ("exit",), "status": 3},
        "_exit": {"arguments": ("_exit",), "status": 4},
        "thread": {"arguments": ("thread",), "status": 5},
        "function": {"arguments": ("function",), "status": 6},
        "fork": {"arguments": ("fork",)},
        "stream": {"arguments": ("stream",)},
        "reset": {"arguments": ("reset",)},
    }),
    Program("objects_in_threads"),
    Program("per_thread_stream", options={"flags": ("--default-stream", "per-thread")}),
    Program("two_devices", options={"gpus": 2}),
    Program("peer_access", options={"gpus": 2}),
    Program("process_sharing", options={
        "shares": True, "targets": tuple(name for name in ALL_TARGETS if name != "ferry")}),
    Program("memory_info", options={"alone": True}),
    Program("memory_copies"),
    Program("managed_memory"),
    Program("page_locked"),
    Program("matrix_fragments",
            options={"flags": ("-gencode", "arch=compute_80,code=compute_80")}),
    Program("textures"),
    # Ferry calls no functions of the program from graphs inside of nodes, and NVIDIA's driver has not been asked.
    Program("graphs", variants={
        **_argument("work", targets=SOFTWARE_ONLY), **_argument("functions", targets=("software",))}),
    # NVIDIA's driver has not been asked for its statuses.
    Program("graph_memory", options={"targets": SOFTWARE_ONLY, "alone": True}),
    # What is inside of a graph that calls the program Ferry refuses in part: a check looks at that.
    Program("graph_functions", variants={"": {}, **_argument(
        "inside", targets=tuple(name for name in ALL_TARGETS if not name.startswith("ferry")))}),
    Program("captures", options={"targets": SOFTWARE_ONLY}),
    Program("cooperative"),
    Program("device_properties"),
    Program("separate_compilation", sources=("separate_main.cu", "separate_part.cu"),
            options={"flags": ("-rdc=true",)}),
    *_by_compiler("matrix_product", "reduction_shuffle", "histogram", "transpose", "prefix_sum",
                  "stencil_constant", "double_int64", "math_functions", "device_calls", "cooperative"),
    Program("error_launch"),
    Program("error_kernel",
            variants=_argument("null", "write", "read", "misaligned", "assert", "trap", "shared")),
    Program("error_out_of_memory", options={"alone": True}),
    Program("error_freed_memory"),
    Program("error_arguments"),
    Program("fork_before"),
    Program("fork_after"),
    Program("killed", builds=("cu13-static",), variants=_signals()),
    Program("endings", variants={
        "return": {"arguments": ("return",)},
        "exit": {"arguments": ("exit",), "status": 3},
        "_exit": {"arguments": ("_exit",), "status": 4},
        "thread": {"arguments": ("thread",), "status": 5},
        "reset": {"arguments": ("reset",), "status": 6},
        "abort": {"arguments": ("abort",), "status": 128 + signal.SIGABRT},
        "segfault": {"arguments": ("segfault",), "status": 128 + signal.SIGSEGV},
    }),
    # Only for the check of slices, which knows their sizes.
    Program("slice", builds=("cu13-static",), options={"targets": ()}),
    Program("machine_code_only",
            options={"flags": ("-gencode", "arch=compute_75,code=sm_75"), "targets": SOFTWARE_ONLY}),
    Program("driver_launches", builds=DRIVER_BUILDS),
    Program("driver_modules", builds=DRIVER_BUILDS),
    Program("driver_contexts", builds=DRIVER_BUILDS),
    Program("driver_arrays", builds=DRIVER_BUILDS),
    Program("driver_virtual_memory", builds=DRIVER_BUILDS, options={"alone": True}),
    # It wants a slice, which a check gives it.
    Program("slice_processes", options={"targets": ()}),
    Program("driver_shared_memory", builds=DRIVER_BUILDS, options={"alone": True}),
    Program("driver_memory_pools", builds=DRIVER_BUILDS, options={"alone": True}),
    Program("driver_no_context", builds=DRIVER_BUILDS),
    Program("driver_conditional", builds=DRIVER_BUILDS),
    Program("driver_host_functions", builds=DRIVER_BUILDS, variants={
        **_argument("arguments", "contexts"),
        # CUDA leaves it open what becomes of such calls.
        **_argument("forbidden", targets=("ferry", "ferry-native")),
    }),
    Program("nvml", builds=("c13",), options={"gpus": 2}),
    # What NVIDIA's driver answers to these has not been seen yet.
    Program("driver_array_errors", builds=DRIVER_BUILDS, options={"targets": SOFTWARE_ONLY}),
    # Nor does it keep objects of the program for graphs.
    Program("driver_graphs", builds=DRIVER_BUILDS,
            variants={
                **_argument("work", "moved", targets=SOFTWARE_ONLY), **_argument("objects", targets=("software",))}),
    Program("driver_texture_references", builds=("c12",), options={"targets": SOFTWARE_ONLY}),
    Program("driver_stale_handles", builds=("c13",), options={"targets": SOFTWARE_ONLY}),
    Program("driver_images", builds=("c13",), options={
        "targets": SOFTWARE_ONLY,
        "fatbins": (
            ("image_kernel.cu", *_PTX_ONLY, "-Xfatbin", "-compress=false"),
            ("image_kernel.cu", *_PTX_ONLY, "--compress-mode=speed", "-Xfatbin", "-compress-all"),
            ("image_kernel.cu", *_PTX_ONLY, "--compress-mode=size"),
            ("image_kernel.cu", "-fatbin"),
        )}),
    Program("cupy_start", builds=("py-cupy",), variants={"first": {}, "more": {"arguments": ("more",)}},
            options={"seconds": 300}),
    Program("cupy_arrays", builds=("py-cupy",), options={"seconds": 300}),
    Program("cupy_sort", builds=("py-cupy",), options={"seconds": 300}),
    Program("cupy_kernels", builds=("py-cupy",), options={"seconds": 300}),
    Program("cupy_streams", builds=("py-cupy",), options={"seconds": 300}),
    Program("numba_kernels", builds=("py-numba",), options={"seconds": 300}),
    Program("numba_atomics", builds=("py-numba",), options={"seconds": 300}),
    Program("numba_streams", builds=("py-numba",), options={"seconds": 300}),
]


def all_cases() -> list[Case]:
    return [case for program in PROGRAMS for case in program.cases()]
