"""Whether cost grows faster than the players."""

from __future__ import annotations

from bench.measuring import Line, Yardstick


def growth_line(work: str, *, fewer: int, fewer_seconds: float, more: int, seconds: float) -> Line:
    """Compare a work's seconds with what the smaller population's seconds grow to, player for player."""
    factor = more / fewer
    return Line(
        work=f"{work}, from {fewer:,} to {more:,} players",
        seconds=seconds,
        rate=f"{factor:.0f} × the players, {seconds / fewer_seconds:.1f} × the seconds",
        limit=Yardstick(name=f"{factor:.0f} × the smaller one's seconds", seconds=factor * fewer_seconds, times=1),
    )
