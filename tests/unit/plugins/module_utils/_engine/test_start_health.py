# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release that should serve, and is not well or not there: no run calls it unchanged."""

from __future__ import annotations

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Wait,
)
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import Phase
from tests.unit.plugins.module_utils._engine import cases
from tests.unit.plugins.module_utils._engine.cases import (
    NOW,
    moved,
    plan,
    record,
    seen,
    targets,
)
from tests.unit.plugins.module_utils._engine.test_start import BEGIN, LIVE, start, stopped


@pytest.mark.parametrize("pin", [False, True])
def test_a_live_release_with_sick_targets_is_not_called_unchanged(pin: bool) -> None:
    sick = moved(targets=(*targets("new", count=1), *targets("new", "unhealthy")[1:]))
    young = cases.state(Phase.START, record=LIVE, started=NOW - 1)
    _ignored, command = cases.step(young, sick, plan=plan(pin=pin))
    assert isinstance(command, Wait)
    _ignored, command = start(sick, record=LIVE, plan=plan(pin=pin))
    assert "new-1 is unhealthy" in stopped(command, "needs_operator")
    _ignored, command = start(moved(targets=targets("new", count=1)), record=LIVE, plan=plan(pin=pin))
    assert "1 of 2 targets are healthy" in stopped(command, "needs_operator")


def test_targets_that_start_are_given_their_time() -> None:
    growing = moved(targets=(*targets("new"), *targets("new", "initial", 3)[2:]), desired=3)
    _ignored, command = cases.step(cases.state(Phase.START, record=LIVE, started=NOW - 59), growing)
    assert isinstance(command, Wait)
    _ignored, command = cases.step(cases.state(Phase.START, record=LIVE, started=NOW - 60), growing)
    assert "new-2 is initial" in stopped(command, "needs_operator")


def test_fields_mended_around_sick_targets_are_no_live() -> None:
    sick = moved(targets=targets("new", "unhealthy"))
    mended = cases.state(Phase.CONFIGURING, record=LIVE, only_configure=True)
    _ignored, command = cases.step(mended, sick)
    assert "new-0 is unhealthy" in stopped(command, "needs_operator")


@pytest.mark.parametrize(
    "now",
    [
        seen(exists=False, serving="", targets=()),
        seen(serving="x", targets=targets("x")),
        seen(targets=targets("old")[:1]),
    ],
)
def test_a_pinned_release_that_does_not_serve_is_not_called_unchanged(now) -> None:  # type: ignore[no-untyped-def]
    _ignored, command = start(now, record=record(pinned="old", pinned_by="bob"))
    assert "is pinned by bob" in stopped(command, "needs_operator")


def test_a_service_that_seems_gone_is_looked_for_twice() -> None:
    gone = seen(exists=False, targets=(), serving="", todo=BEGIN)
    state, command = cases.step(cases.state(Phase.START, started=NOW - 1), gone)
    assert isinstance(command, Wait)
    state, _ignored = cases.step(cases.state(Phase.START, started=NOW - 5), gone)
    assert (state.phase, state.first) == (Phase.CHECKING, True)


def test_a_count_that_was_raised_is_waited_for() -> None:
    raised = cases.state(Phase.CONFIGURING, record=LIVE, only_configure=True, changed=True)
    _ignored, command = cases.step(raised, moved(desired=3))
    assert isinstance(command, Wait)
    assert "2 of 3 targets are healthy" in command.why
    _ignored, command = cases.step(raised, moved(desired=3, at=NOW + 496), now=NOW + 496)
    assert "2 of 3 targets are healthy" in stopped(command, "needs_operator")
