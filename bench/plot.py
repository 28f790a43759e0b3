"""Bars as SVG: a group for each variant, a bar for each peer, on a scale of powers of ten."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from bench.results import OURS as OUR_PEERS

WIDTH = 760
LEFT = 120  # of the bars; the peers' names stand before
RIGHT = 90  # for the figures behind the bars
BAR = 16
GAP = 4
HEADING = 26
OURS = "#1f6feb"
THEIRS = "#9aa4b2"


@dataclass(frozen=True, slots=True)
class Bar:
    """A peer's figure, and how it is written."""

    name: str
    value: float
    label: str


def draw(title: str, groups: Mapping[str, Sequence[Bar]]) -> str:
    """An SVG picture with a bar for each figure, in groups."""
    values = [bar.value for bars in groups.values() for bar in bars]
    scale = Scale(values)
    parts, top = [_text(10, 22, title, size=14, bold=True)], HEADING + 12
    for heading, bars in groups.items():
        parts.append(_text(10, top + 16, heading, size=12, bold=True))
        top += HEADING
        for bar in bars:
            parts += _bar(bar, top, scale)
            top += BAR + GAP
        top += GAP
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top + 8}" '
        f'viewBox="0 0 {WIDTH} {top + 8}" font-family="sans-serif">\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


class Scale:
    """Where a value ends. Logarithmic: peers are tens of times apart."""

    def __init__(self, values: Sequence[float]) -> None:
        positive = [value for value in values if value > 0] or [1.0]
        # The shortest bar is still to be seen.
        self._low = math.log10(min(positive)) - 0.3
        self._high = max(math.log10(max(positive)), self._low + 1)

    def width(self, value: float) -> float:
        """The length of a bar; nothing has none."""
        if value <= 0:
            return 0.0
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return round(share * (WIDTH - LEFT - RIGHT), 1)


def _bar(bar: Bar, top: int, scale: Scale) -> list[str]:
    width = scale.width(bar.value)
    color = OURS if bar.name in OUR_PEERS else THEIRS
    return [
        _text(LEFT - 8, top + 12, bar.name, size=11, anchor="end"),
        f'<rect x="{LEFT}" y="{top}" width="{width}" height="{BAR}" fill="{color}"/>',
        _text(LEFT + width + 6, top + 12, bar.label, size=11),
    ]


def _text(
    x: float, y: float, text: str, *, size: int, anchor: str = "start", bold: bool = False
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}"{weight}>'
        f"{escape(text)}</text>"
    )
