# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from tests.lab.images.server.faults import HANG, Fault, parse


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", Fault()),
        ("slow_start", Fault("slow_start", 15.0)),
        ("slow_start:2.5", Fault("slow_start", 2.5)),
        ("never_healthy", Fault("never_healthy")),
        ("souring:3", Fault("souring", 3.0)),
        ("engine_dead", Fault("engine_dead")),
        ("engine_dead:hang", Fault("engine_dead", HANG, hang=True)),
    ],
)
def test_parse(text: str, fault: Fault) -> None:
    assert parse(text) == fault


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tired", "unknown kind; known: slow_start, never_healthy"),
        ("crash_after:soon", "'soon' is not allowed"),
        ("crash_after:-1", "'-1' is not allowed"),
        ("crash_after:nan", "'nan' is not allowed"),
        ("wrong_answers:3", "'3' is not allowed"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text)
