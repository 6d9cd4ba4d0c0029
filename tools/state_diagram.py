# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/rollout.svg: the engine's transition table as a picture. `python tools/state_diagram.py` writes it anew.

The way forward runs down in the middle (green), the way back stands on the right (red), the ends on the left. Lines
that skip a phase run in lanes; all that lead to one phase share its lane.
"""

from __future__ import annotations

import importlib
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "rollout.svg"
PHASES = "ansible_collections.greenlight.serving.plugins.module_utils._engine.phases"

FORWARD = (
    *("start", "locking", "checking", "configuring", "arming", "beginning", "moving", "holding", "pausing"),
    *("proceeding", "judging", "baking", "finishing", "proving", "disarming"),
)
BACK = {"turning_back": 7, "rolling_back": 9, "verifying": 11, "removing": 13}  # phase -> row
ENDS = {"unchanged": 0, "planned": 2, "in_progress": 6, "paused": 8, "rolled_back": 11, "removed": 12, "live": 14}
ROW, HEIGHT, WIDTH, END_WIDTH = 74, 52, 300, 110
LEFT, MARGIN = 470, 24
RIGHT = LEFT + WIDTH + 170
GREEN, RED, GREY = "#1a7f37", "#cf222e", "#6e7781"


@dataclass(frozen=True)
class Box:
    """A phase or an end."""

    name: str
    x: int
    y: int
    width: int
    text: str = ""
    end: bool = False

    @property
    def middle(self) -> int:
        return self.y + HEIGHT // 2


def boxes(phases: ModuleType) -> dict[str, Box]:
    """Every phase and end of the table, where it stands. Raises KeyError for one that has no place."""
    rows = {phase.value: row for phase, row in phases.TABLE.items()}
    made = {}
    for name, row in rows.items():
        column, line = (LEFT, FORWARD.index(name)) if name in FORWARD else (RIGHT, BACK[name])
        made[name] = Box(name, column, MARGIN + 40 + line * ROW, WIDTH, f"{row.waits_for} ({row.who})")
    for name in sorted({target.value for _source, target in phases.edges()} - set(rows)):
        made[name] = Box(name, MARGIN, MARGIN + 40 + ENDS[name] * ROW, END_WIDTH, end=True)
    return made


def draw(phases: ModuleType) -> str:
    """The picture as SVG text."""
    made = boxes(phases)
    lines = [_line(made[source.value], made[target.value]) for source, target in phases.edges()]
    ends = ", ".join(end.value for end in phases.ANYWHERE)
    height = MARGIN * 2 + 60 + len(FORWARD) * ROW
    width = RIGHT + WIDTH + MARGIN
    heads = "".join(_head(colour) for colour in (GREEN, RED, GREY))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
            f'font-size="13" role="img" aria-label="The phases of a rollout">',
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            f"<defs>{heads}</defs>",
            f'<text x="{LEFT}" y="{MARGIN + 14}" fill="{GREEN}" font-weight="bold">the way forward</text>',
            f'<text x="{RIGHT}" y="{MARGIN + 14}" fill="{RED}" font-weight="bold">the way back</text>',
            f'<text x="{RIGHT}" y="{height - MARGIN}" fill="{GREY}">from every phase: {escape(ends)}</text>',
            *lines,
            *(_box(box) for box in made.values()),
            "</svg>",
            "",
        ]
    )


def _head(colour: str) -> str:
    shape = f'<path d="M0,0 L8,4 L0,8 z" fill="{colour}"/>'
    return (
        f'<marker id="{_name(colour)}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto">{shape}</marker>'
    )


def _name(colour: str) -> str:
    return {GREEN: "green", RED: "red", GREY: "grey"}[colour]


def _box(box: Box) -> str:
    radius = HEIGHT // 2 if box.end else 6
    colour = RED if box.name in BACK or box.name in ("rolled_back", "removed") else GREEN
    head = box.middle + 4 if box.end else box.y + 17
    parts = [
        f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{HEIGHT}" rx="{radius}" fill="#ffffff" '
        f'stroke="{colour}" stroke-width="{1 if box.end else 2}"/>',
        f'<text x="{box.x + box.width // 2}" y="{head}" text-anchor="middle" font-weight="bold">{box.name}</text>',
    ]
    for number, line in enumerate(textwrap.wrap(box.text, 50)[:2]):
        parts.append(
            f'<text x="{box.x + box.width // 2}" y="{head + 14 + 13 * number}" text-anchor="middle" font-size="11" '
            f'fill="#424a53">{escape(line)}</text>'
        )
    return "".join(parts)


def _line(source: Box, target: Box) -> str:
    """One edge: straight down to the next row, else through the lane of its target, which its other edges share."""
    back = target.name in BACK or target.name in ("rolled_back", "removed")
    colour = RED if back else GREY if target.y < source.y or source.name in BACK else GREEN
    lane, shift = _lane(source, target)
    right, out, into = source.x + source.width, source.middle + shift, target.middle
    if source == target:
        path = f"M{right},{source.y + 12} h14 v20 h-14"
    elif source.x == target.x and target.y - source.y == ROW:
        path = f"M{source.x + source.width // 2},{source.y + HEIGHT} V{target.y}"
    elif source.x == RIGHT and target.end:
        above = f"V{target.y - 8} H{target.x + target.width // 2} V{target.y}"
        path = f"M{source.x},{out} H{lane} {above}"
    elif source.x == RIGHT:
        edge = target.x if target.x == RIGHT else target.x + target.width
        path = f"M{source.x},{out} H{lane} V{into + 6} H{edge}"
    elif target.x == RIGHT:
        path = f"M{right},{out} H{lane} V{into} H{target.x}"
    else:
        edge = target.x + target.width if target.end else target.x
        path = f"M{source.x},{out} H{lane} V{into + (6 if colour == GREY else 0)} H{edge}"
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.4" marker-end="url(#{_name(colour)})">'
        f"<title>{source.name} to {target.name}</title></path>"
    )


def _lane(source: Box, target: Box) -> tuple[int, int]:
    """Where the lane of a target stands, and where its lines leave a box: up for what lies above, else down."""
    order = (*FORWARD, *BACK, *ENDS)
    number = order.index(target.name)
    shift = (number % 7 - 3) * 6
    if target.x == RIGHT or source.x == RIGHT:
        places = {"turning_back": 130, "rolling_back": 105, "removing": 150, "verifying": 150, "start": 55}
        return LEFT + WIDTH + places.get(target.name, 30), shift
    used = [name for name in order if name not in BACK]
    return LEFT - 18 - used.index(target.name) * 290 // len(used), shift


def main() -> int:
    """Write the picture."""
    sys.path.insert(0, str(ROOT))
    importlib.import_module("tests.unit.conftest")  # the collection's import finder
    TARGET.write_text(draw(importlib.import_module(PHASES)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
