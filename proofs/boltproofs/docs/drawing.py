"""Drawings: a few shapes as inline SVG, coloured by the style sheet of the site.

Inline, because only then do they follow the reader's choice of a light or dark page; no blank lines, because these
would end the block in Markdown.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise

LINE_HEIGHT = 16
"""Pixels from one line of text to the next."""
HEAD = 7
"""Length of an arrow's head in pixels."""

Point = tuple[float, float]


class Drawing:
    """A picture under construction; coordinates are pixels from the upper left corner."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self._size = (width, height)
        self._title = title
        self._shapes: list[str] = []

    def text(self, x: float, y: float, lines: str | Sequence[str], anchor: str = "middle", style: str = "") -> None:
        """Write one or more lines, the first with its base line at ``y``; ``anchor`` is start, middle or end."""
        for index, line in enumerate([lines] if isinstance(lines, str) else lines):
            down = y + index * LINE_HEIGHT
            self._shapes.append(
                f'<text x="{x:g}" y="{down:g}" text-anchor="{anchor}" class="{style}">{escape(line)}</text>'
            )

    def box(self, corner: Point, size: Point, lines: Sequence[str]) -> None:
        """Draw a box from its upper left corner, with lines of text centred in it."""
        (x, y), (width, height) = corner, size
        self._shapes.append(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" class="box"/>')
        first = y + height / 2 - (len(lines) - 1) * LINE_HEIGHT / 2 + 5
        self.text(x + width / 2, first, lines)

    def line(self, points: Sequence[Point], style: str = "line") -> None:
        """Draw straight lines through some points."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        self._shapes.append(f'<polyline points="{path}" class="{style}"/>')

    def arrow(self, points: Sequence[Point], style: str = "line") -> None:
        """Draw a line with a head at its end; the last stretch is horizontal or vertical."""
        self.line(points, style)
        (x0, y0), (x1, y1) = list(pairwise(points))[-1]
        across, down = (x1 > x0) - (x1 < x0), (y1 > y0) - (y1 < y0)
        back = (x1 - HEAD * across, y1 - HEAD * down)
        wing = (HEAD / 2 * down, HEAD / 2 * across)
        corners = [(x1, y1), (back[0] + wing[0], back[1] + wing[1]), (back[0] - wing[0], back[1] - wing[1])]
        path = " ".join(f"{x:g},{y:g}" for x, y in corners)
        self._shapes.append(f'<polygon points="{path}" class="head"/>')

    def figure(self, caption: str = "") -> str:
        """Return the picture as a block of HTML."""
        width, height = self._size
        lines = [
            '<figure class="drawing">',
            f'<svg viewBox="0 0 {width} {height}" style="max-width: {width}px" role="img" xmlns="http://www.w3.org/2000/svg">',
            f"<title>{escape(self._title)}</title>",
            *self._shapes,
            "</svg>",
            *([f"<figcaption>{escape(caption)}</figcaption>"] if caption else []),
            "</figure>",
        ]
        return "\n".join(lines) + "\n"
