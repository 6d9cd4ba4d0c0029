# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documents show is what the code does."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.greenlight.serving.plugins.module_utils._engine import phases

ROOT = Path(__file__).resolve().parents[2]


def test_the_state_diagram_is_the_transition_table() -> None:
    page = (ROOT / "docs" / "rollout.md").read_text()
    diagram = page.partition("```mermaid\n")[2].partition("```")[0]
    assert diagram == phases.mermaid()
