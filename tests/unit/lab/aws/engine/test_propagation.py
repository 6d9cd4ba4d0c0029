# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from tests.lab.aws.engine.propagation import Lagging


def test_a_value_is_seen_after_its_delay_and_shown_at_once() -> None:
    value = Lagging("old")
    value.set("new", now=10.0, delay=1.0)

    assert (value.get(10.9), value.latest) == ("old", "new")
    assert value.get(11.0) == "new"
    assert value.get(99.0) == "new"


def test_changes_arrive_in_the_order_they_were_made() -> None:
    value = Lagging(0)
    value.set(1, now=0.0, delay=5.0)
    value.set(2, now=1.0, delay=1.0)

    assert [value.get(now) for now in (0.0, 2.0, 4.9, 5.0)] == [0, 0, 0, 2]
