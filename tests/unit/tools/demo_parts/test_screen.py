# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import io

from tools.demo_parts.screen import Screen


def test_lines_say_when_and_who_and_fit_the_screen() -> None:
    times = iter([100.0, 105.4, 172.0])
    out = io.StringIO()
    screen = Screen(out, lambda: next(times))
    screen.say("ECS", "started a task")
    screen.say("greenlight", "word " * 30)
    screen.paragraph("An end.")
    lines = out.getvalue().splitlines()
    assert lines[0] == "  0:05 ECS        started a task"
    assert lines[1].startswith("  1:12 greenlight word word")
    assert lines[2].startswith(" " * 18 + "word")
    assert lines[-2:] == ["", "An end."]
    assert max(map(len, lines)) <= 80
    assert screen.text == out.getvalue()
