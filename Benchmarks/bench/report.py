"""The table for people."""

from __future__ import annotations

from .figures import Figure

HEADINGS = ("name", "value", "unit", "floor", "ratio", "native", "target", "met", "low..high", "samples",
            "foreign", "")
IS_LEFT = (True, False, True, False, False, False, True, True, False, False, False, True)


def short(value: float | None) -> str:
    if value is None:
        return "-"
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 1 else 3
    return f"{value:.{digits}f}"


def cells(figure: Figure) -> tuple[str, ...]:
    met = {None: "-", True: "yes", False: "NO"}[figure.met]
    spread = "-" if figure.low is None else f"{short(figure.low)}..{short(figure.high)}"
    foreign = "-" if figure.foreign_cpu is None else f"{figure.foreign_cpu:.1f} %"
    return (figure.name, short(figure.value), figure.unit, short(figure.floor),
            "-" if figure.ratio is None else f"{figure.ratio:.3g}", short(figure.native), figure.target or "-",
            met, spread, str(figure.samples), foreign, figure.note[:90])


def table(figures: list[Figure]) -> str:
    rows = [HEADINGS, *(cells(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS) - 1)]
    lines = []
    for row in rows:
        words = [word.ljust(width) if is_left else word.rjust(width)
                 for word, width, is_left in zip(row, widths, IS_LEFT)]
        lines.append("  ".join([*words, row[-1]]).rstrip())
    return "\n".join(lines)


def summary(figures: list[Figure]) -> str:
    judged = [figure for figure in figures if figure.met is not None]
    met = sum(bool(figure.met) for figure in judged)
    absent = sum(figure.value is None for figure in figures)
    noisy = sum("noisy" in figure.note for figure in figures)
    return f"{met} of {len(judged)} targets met, {noisy} figures noisy, {absent} not available"
