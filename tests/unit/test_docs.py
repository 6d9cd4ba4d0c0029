# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documents show is what the code does."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from ansible_collections.greenlight.serving.plugins.module_utils._engine import phases
from tools import state_diagram

ROOT = Path(__file__).resolve().parents[2]


def test_the_state_diagram_is_the_transition_table() -> None:
    page = (ROOT / "docs" / "rollout.md").read_text()
    diagram = page.partition("```mermaid\n")[2].partition("```")[0]
    assert diagram == phases.mermaid()


def test_the_picture_is_the_transition_table() -> None:
    picture = (ROOT / "docs" / "rollout.svg").read_text()
    assert picture == state_diagram.draw(phases), "run python tools/state_diagram.py"
    space = "{http://www.w3.org/2000/svg}"
    tree = ElementTree.fromstring(picture)  # noqa: S314 - our own file
    titles = [title.text for title in tree.iter(f"{space}title")]
    assert sorted(titles) == sorted(f"{source.value} to {target.value}" for source, target in phases.edges())
    texts = {text.text for text in tree.iter(f"{space}text")}
    assert {phase.value for phase in phases.TABLE} <= texts


def test_no_two_boxes_of_the_picture_lie_on_one_another() -> None:
    places = {(box.x, box.y) for box in state_diagram.boxes(phases).values()}
    assert len(places) == len(state_diagram.boxes(phases))
