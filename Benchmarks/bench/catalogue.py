"""What is measured: rows of the table, in groups whose contestants take turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .contestants import FRESH, Spec
from .figures import Goal

#: Stripes of Ferry's bulk channels, and so of the raw stream beside them.
STRIPES = 1
#: Bytes of a launch of eight arguments on the wire, and of the buffer in which they gather.
LAUNCH_BYTES, GATHERED = 152, 16384
#: Nanoseconds of a launch by a real driver (facts of the RTX 5070, see README.md).
REAL_LAUNCH = "2650"
LINKS = (20, 50, 250, 500)


def same(value: float) -> float:
    return value


@dataclass(frozen=True)
class Row:
    """A figure and what it is compared with."""

    name: str
    unit: str
    value: Spec
    floor: Spec | None = None
    native: Spec | None = None
    goal: Goal | None = None
    #: What of the floor's sample is the floor of the figure.
    floor_from: Callable[[float], float] = field(default=same, compare=False)
    #: Whether `make bench-quick` measures it.
    is_quick: bool = True


def most(ratio: float) -> Goal:
    return Goal("ratio", "<=", ratio)


def least(ratio: float) -> Goal:
    return Goal("ratio", ">=", ratio)


def ferry(program: str, *arguments: str, **more: str) -> Spec:
    return Spec("ferry", program, arguments, **more)


def native(program: str, *arguments: str, **more: str) -> Spec:
    return Spec("native", program, arguments, **more)


def floor(program: str, *arguments: str) -> Spec:
    return Spec("floor", program, arguments)


def pingpong(transport: str, send: int = 64, reply: int = 64, manner: str = "ferry") -> Spec:
    return floor("pingpong", transport, "--send", str(send), "--reply", str(reply), "--manner", manner)


def call(name: str, what: str, goal: Goal | None = None, **more: bool) -> Row:
    """A small call over TCP."""
    return Row(name, "us", ferry("calls", what), pingpong("tcp"), native("calls", what), goal, **more)


def small_copy(name: str, way: str, send: int, reply: int, goal: Goal | None) -> Row:
    arguments = (way, "--size", "4096", "--count", "1000")
    return Row(name, "us", ferry("copy", *arguments), pingpong("tcp", send, reply),
               native("copy", *arguments), goal)


def small() -> list[Row]:
    return [
        Row("sync_tcp", "us", ferry("calls", "sync"), pingpong("tcp"), native("calls", "sync"), most(1.25)),
        call("launch_sync", "launch_sync"),
        call("burst20", "burst20", most(1.5)),
        call("event_record_query", "event"),
        call("alloc_free", "alloc_free"),
        small_copy("h2d_4k", "h2d", 4096, 64, most(1.0)),
        small_copy("d2h_4k", "d2h", 64, 4096, None),
        Row("floor_tcp_spin", "us", pingpong("tcp", manner="spin"), is_quick=False),
        Row("floor_tcp_block", "us", pingpong("tcp", manner="block"), is_quick=False),
    ]


def transports() -> list[Row]:
    return [Row(f"sync_{transport}", "us", ferry("calls", "sync", transport=transport),
                pingpong(transport), native("calls", "sync"), most(1.25))
            for transport in ("unix", "shm", "tls")]


def rates() -> list[Row]:
    raw = floor("stream", "tcp", "--chunk", str(GATHERED), "--size", str(LAUNCH_BYTES * 100_000),
                "--per-record", str(LAUNCH_BYTES))
    rows = []
    for threads in (1, 4):
        burst = ("launch", "--count", str(20_000 // threads), "--threads", str(threads))
        whole = ("launch_done", "--count", str(300_000 // threads), "--threads", str(threads))
        rows += [
            Row(f"launch_rate_{threads}", "M/s", ferry("calls", *burst), raw, native("calls", *burst),
                Goal("value", ">=", 2.0)),
            Row(f"launch_done_{threads}", "M/s", ferry("calls", *whole), raw, native("calls", *whole),
                Goal("value", ">=", 1.0)),
        ]
    one = ("launch_done", "--count", "300000", "--threads", "1")
    four = ("launch_done", "--count", "75000", "--threads", "4")
    rows.append(Row("launch_4_to_1", "M/s", ferry("calls", *four), ferry("calls", *one), goal=least(1.0)))
    return rows


def steps() -> list[Row]:
    shapes = {
        "step139": (("--launches", "139", "--host", "6500", "--count", "50"), 0.9, {50: 1.0, 250: 1.0}),
        "step1400": (("--launches", "1400", "--host", "3300", "--count", "8"), 0.75, {500: 0.85}),
    }
    rows = []
    for name, (arguments, goal, far) in shapes.items():
        straight = native("step", *arguments, launch=REAL_LAUNCH)
        rows.append(Row(name, "us", ferry("step", *arguments, launch=REAL_LAUNCH), straight, straight, most(goal)))
        for microseconds in LINKS:
            rows.append(Row(
                f"{name}_{microseconds}us", "us",
                ferry("step", *arguments, launch=REAL_LAUNCH, link=f"{microseconds}us"), straight, straight,
                most(far[microseconds]) if microseconds in far else None, is_quick=microseconds in far))
    return rows


def links() -> list[Row]:
    rows = []
    for microseconds in LINKS:
        rows.append(Row(
            f"sync_tcp_{microseconds}us", "us", ferry("calls", "sync", "--count", "200", link=f"{microseconds}us"),
            pingpong("tcp"), None, None, lambda raw, far=microseconds: raw + far, is_quick=False))
    rows.append(Row("h2d_256m_link10g", "GB/s", ferry("copy", "h2d", link="0us,10gbit"), stream("tcp"), None,
                    None, lambda raw: min(raw, 1.25), is_quick=False))
    # A slow link, and bytes that compress: beside those that do not.
    for way in ("h2d", "d2h"):
        slow = (way, "--size", str(32 << 20))
        random = ferry("copy", *slow, link="0us,1gbit")
        rows.append(Row(f"{way}_32m_link1g", "GB/s", random, stream("tcp"), None, least(0.9),
                        lambda raw: min(raw, 0.125), is_quick=False))
        rows.append(Row(f"{way}_32m_link1g_regular", "GB/s", ferry("copy", *slow, "--regular", "1", link="0us,1gbit"),
                        random, None, least(2), is_quick=False))
    return rows


def stream(transport: str, *more: str) -> Spec:
    return floor("stream", transport, "--stripes", str(STRIPES), *more)


def bulk() -> list[Row]:
    rows = []
    for transport, ending in (("tcp", ""), ("tls", "_tls"), ("unix", "_unix"), ("shm", "_shm")):
        for way in ("h2d", "d2h"):
            rows.append(Row(f"{way}_256m{ending}", "GB/s", ferry("copy", way, transport=transport),
                            stream(transport), native("copy", way), least(0.9)))
            locked = ("copy", way, "--locked", "1")
            rows.append(Row(f"{way}_256m_locked{ending}", "GB/s", ferry(*locked, transport=transport), stream(transport),
                            native(*locked), least(0.9), is_quick=not ending))
    rows.append(Row("h2d_256m_tls_to_tcp", "GB/s", ferry("copy", "h2d", transport="tls"), ferry("copy", "h2d"),
                    goal=least(0.35)))
    return rows


def sizes() -> list[Row]:
    rows = []
    for size, name, count in ((65536, "64k", 500), (1 << 20, "1m", 60), (16 << 20, "16m", 8)):
        for way in ("h2d", "d2h"):
            arguments = (way, "--size", str(size), "--count", str(count))
            is_rate = size >= 1 << 20
            raw = stream("tcp", "--size", str(size)) if is_rate else (
                pingpong("tcp", size, 64) if way == "h2d" else pingpong("tcp", 64, size))
            rows.append(Row(f"{way}_{name}", "GB/s" if is_rate else "us", ferry("copy", *arguments), raw,
                            native("copy", *arguments), is_quick=False))
    return rows


def starts() -> list[Row]:
    single = {"single": "told"}
    return [
        Row("run_true_ms", "ms", ferry("now", single="main"), None, native("now", single="main"),
            Goal("value", "<=", 50.0)),
        Row("start_ms", "ms", ferry("start", **single), pingpong("tcp"), native("start", **single), most(1.0),
            lambda raw: 3 * raw / 1e3 + 5),
        Row("module_warm", "ms", ferry("module", **single), floor("hash"), native("module", **single), most(1.0),
            lambda raw: raw + 5),
        Row("module_cold", "ms", ferry("module", "--seed", FRESH, **single), floor("hash"),
            native("module", "--seed", FRESH, **single)),
    ]


GROUPS: dict[str, Callable[[], list[Row]]] = {
    "small calls": small,
    "other transports": transports,
    "launch rates": rates,
    "steps": steps,
    "large copies": bulk,
    "starts": starts,
    "emulated links": links,
    "sizes": sizes,
}
