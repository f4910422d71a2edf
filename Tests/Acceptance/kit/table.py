"""The table: for a terminal, and in Markdown."""

from __future__ import annotations

from .rows import BLAMED, Row

HEADINGS = ("program", "native", "Ferry", "ratio", "through Ferry", "-p 0.25", "round trips", "bytes")
WIDTHS = (18, 10, 10, 7, 14, 14, 12, 10)
#: A table fits terminals of this many columns.
COLUMNS = 120


def cells(row: Row) -> tuple[str, ...]:
    through = row.verdicts["ferry"].word if "ferry" in row.verdicts else row.note or "-"
    with_slice = row.verdicts["slice"].word if "slice" in row.verdicts else "-"
    ratio = row.ratio
    return (row.program.name, duration(row.seconds("native")), duration(row.seconds("ferry")),
            "-" if ratio is None else f"{ratio:.2f}", through, with_slice,
            number(row.total("round_trips")), size(row.total("bytes_sent", "bytes_received")))


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            break
    value = seconds / scale
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"


def number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def size(value: int | None) -> str:
    if value is None:
        return "-"
    for unit, shift in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if value >= 1 << shift:
            return f"{value / (1 << shift):.1f} {unit}"
    return f"{value} B"


def line(texts: tuple[str, ...]) -> str:
    """The first column and the verdicts to the left, figures to the right."""
    left = (0, 4, 5)
    parts = [text.ljust(width) if place in left else text.rjust(width)
             for place, (text, width) in enumerate(zip(texts, WIDTHS))]
    return "  ".join(parts).rstrip()


def text(rows: list[Row]) -> str:
    """The table for a terminal, and below it what failed or was not run, and why."""
    lines = [line(HEADINGS), "-" * (sum(WIDTHS) + 2 * (len(WIDTHS) - 1))]
    for row in rows:
        # A long note takes the place of the cells behind it, which are empty then.
        shown = cells(row)
        lines.append(line(shown) if len(shown[4]) <= WIDTHS[4] else line((*shown[:4], "", "", "", ""))
                     + "  " + shown[4])
    return "\n".join([*lines, "", *failures(rows)])


def failures(rows: list[Row]) -> list[str]:
    """The first telling line of each failure."""
    found = []
    for row in rows:
        for way, verdict in row.verdicts.items():
            if verdict.word in BLAMED:
                reason = verdict.reasons[0] if verdict.reasons else ""
                more = f" (and {len(verdict.reasons) - 1} more)" if len(verdict.reasons) > 1 else ""
                found.append(clipped(f"FAILED {row.program.name}, {way}: {verdict.word}: {reason}", more))
        if row.native is not None and row.note and row.native.detail:
            found.append(clipped(f"{row.note}: {row.program.name}: {row.native.detail}"))
    return found


def clipped(line: str, more: str = "") -> str:
    line = " ".join(line.split())
    room = COLUMNS - len(more)
    return (line if len(line) <= room else line[:room - 1] + "…") + more


def markdown(rows: list[Row], heading: str) -> str:
    """The table for docs/gpu-results.md."""
    lines = [heading, "", "| " + " | ".join(HEADINGS) + " |", "|---|--:|--:|--:|---|---|--:|--:|"]
    lines += ["| " + " | ".join(escaped(cell) for cell in cells(row)) + " |" for row in rows]
    reasons = failures(rows)
    return "\n".join([*lines, *(["", *(f"* {escaped(reason)}" for reason in reasons)] if reasons else []), ""])


def escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("<", "&lt;")
