# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's output as committed: the README shows it, and it is that of a demo that kept its promises."""

from __future__ import annotations

import re
from pathlib import Path

from tools import demo
from tools.demo_parts.promises import PROMISES, WIDTH, excerpt

SHOWN = demo.DOCS.read_text()


def test_the_readme_shows_it() -> None:
    """Mend it with tools/demo.py --update-docs."""
    match = demo.SHOWN.search(demo.README.read_text())
    assert match
    assert match[0] == match[1] + excerpt(SHOWN) + match[2]


def test_it_fits_the_screen_and_kept_its_promises() -> None:
    assert max(map(len, SHOWN.splitlines())) <= WIDTH
    assert "As promised" in SHOWN
    for promise in PROMISES:
        row = next(line for line in SHOWN.splitlines() if line.startswith(promise.step))
        assert re.search(rf"{promise.state} +[\d,]+ +0 ", row)


def test_update_writes_both(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(demo, "DOCS", tmp_path / "docs" / "demo-output.txt")
    monkeypatch.setattr(demo, "README", tmp_path / "README.md")
    demo.README.write_text("a\n" + demo.SHOWN.search((demo.ROOT / "README.md").read_text())[0] + "\nb\n")
    demo.update_docs("one \\1 line\n")
    assert demo.DOCS.read_text() == "one \\1 line\n"
    assert "```text\none \\1 line\n```\n" in demo.README.read_text()
    assert demo.README.read_text().startswith("a\n")
