# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.matrix.report`: the results in build/matrix as tables; `--update-docs` puts them into the docs."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tests.unit.conftest  # noqa: F401 - makes the collection importable

from .plays import PLATFORMS, plays

ROOT = Path(__file__).resolve().parents[2]
BUILD, DOCS = ROOT / "build" / "matrix", ROOT / "docs" / "reliability.md"
HEAD = (
    "| cell | end | requests (per s) | failed: our moves, unattributed, crashed targets (budget) "
    "| wrong answers (bound) | p99, s | s |\n|---|---|---|---|---|---|---|\n"
)


def marks(platform: str) -> tuple[str, str]:
    """Between which lines of the page a platform's table stands."""
    begin = f"<!-- live matrix of {platform}: python -m tests.matrix.report --update-docs -->\n"
    return begin, f"<!-- end of live matrix of {platform} -->\n"


def row(found: Mapping[str, Any]) -> str:
    """A line of the table. A cell that could not be played has no figures."""
    end = found.get("state", "") or "not played"
    verdict = end if found["ok"] else f"**failed**: {end}"
    load = found.get("load")
    if not load:
        return f"| {found['cell']} | {verdict} | | | | | |\n"
    bound = "any" if found["wrong_bound"] is None else found["wrong_bound"]
    causes = f"{found['by_our_moves']}, {found['unattributed']}, {found['by_loss']} ({found['by_loss_budget']})"
    requests = f"{load['requests']} ({found['held']:g})"
    late = load["latency"].get("p99", 0.0)
    wrong = f"{load['wrong_answers']} ({bound})"
    return f"| {found['cell']} | {verdict} | {requests} | {causes} | {wrong} | {late:.2f} | {found['seconds']:.0f} |\n"


def table(results: Sequence[Mapping[str, Any]], known: int) -> str:
    """All cells and what they add up to, naive rollouts, which must fail requests, apart. `known`: cells in all."""
    naive = [found for found in results if found["cell"].startswith("naive-")]
    others = [found for found in results if found not in naive]
    text = HEAD + "".join(row(found) for found in others) + "\n" + total(others) + "\n"
    if known > len(results):
        text += f"\n{known - len(results)} of {known} cells have not been played.\n"
    if naive:
        told = [f"{found['cell']} {found.get('load', {}).get('dropped', 0)}" for found in naive]
        text += (
            "\nFailed requests of the three naive rollouts, each of which must be over 100: " + ", ".join(told) + ".\n"
        )
    return text


def total(results: Sequence[Mapping[str, Any]]) -> str:
    played = [found for found in results if found.get("load")]
    requests = sum(found["load"]["requests"] for found in played)
    moves = sum(found["by_our_moves"] + found["unattributed"] for found in played)
    ok = sum(found["ok"] is True for found in results)
    text = f"{ok} of {len(results)} cells passed; {requests:,} requests"
    return f"{text}, {moves} of them failed by our moves or unexplained."


def results(folder: Path, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What is in the folder of those cells, in their order."""
    for name in names:
        path = folder / f"{name}.json"
        if path.exists():
            yield json.loads(path.read_text())


def placed(page: str, platform: str, text: str) -> str:
    """The page with the platform's table between its marks. Raises ValueError if they are not there."""
    begin, end = marks(platform)
    if begin not in page or end not in page:
        raise ValueError(f"{DOCS.name} lacks the marks of the live matrix of {platform}")
    return re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _found: begin + text + end, page, flags=re.DOTALL)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.matrix.report", description=__doc__)
    parser.add_argument("--update-docs", action="store_true", help=f"write docs/{DOCS.name}")
    update = parser.parse_args(arguments).update_docs
    for platform in PLATFORMS:
        names = list(plays(platform, every=True))
        found = list(results(BUILD, names))
        if not found:
            continue  # not played here: what the page says of it stays
        text = table(found, len(names))
        if update:
            DOCS.write_text(placed(DOCS.read_text(), platform, text))
        else:
            print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
