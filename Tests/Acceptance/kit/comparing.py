"""Comparing the results of one program run in two ways."""

from __future__ import annotations

import math
from typing import Any

Results = dict[str, dict[str, Any]]

#: How near a size must be to its part of the native one when a slice scales it.
SLICE_TOLERANCE = 0.01


def differences(native: Results, other: Results, scales: dict[str, float] | None = None) -> list[str]:
    """What differs, one text each. `scales` says which results are what part of the native ones."""
    scales = scales or {}
    found = [f"{name}: missing" for name in native if name not in other]
    found += [f"{name}: only here" for name in other if name not in native]
    for name in native:
        if name not in other:
            continue
        want, got = native[name]["value"], other[name]["value"]
        rtol, atol = native[name].get("rtol", 0.0), native[name].get("atol", 0.0)
        if name in scales:
            want, rtol = round(want * scales[name]), max(rtol, SLICE_TOLERANCE)
        where = difference(want, got, rtol, atol)
        if where is not None:
            part = f"{scales[name]:g} of " if name in scales else ""
            found.append(f"{name}{where}: {part}native {shown(native[name]['value'])}, here {shown(got)}")
    return found


def difference(want: Any, got: Any, rtol: float = 0.0, atol: float = 0.0) -> str | None:
    """None when equal, else the place inside a list, empty for the value itself."""
    if isinstance(want, list) and isinstance(got, list):
        if len(want) != len(got):
            return f" ({len(want)} and {len(got)} values)"
        for index, (one, other) in enumerate(zip(want, got)):
            inner = difference(one, other, rtol, atol)
            if inner is not None:
                return f"[{index}]{inner}"
        return None
    return None if same(want, got, rtol, atol) else ""


def same(want: Any, got: Any, rtol: float, atol: float) -> bool:
    if is_number(want) and is_number(got):
        if math.isnan(want) or math.isnan(got):
            return math.isnan(want) and math.isnan(got)
        return want == got or abs(want - got) <= atol + rtol * abs(want)
    # True is no 1 here, and 1.0 no "1.0".
    return type(want) is type(got) and want == got


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def shown(value: Any, limit: int = 40) -> str:
    text = f"{value:.7g}" if isinstance(value, float) else str(value)
    return text if len(text) <= limit else text[:limit - 1] + "…"
