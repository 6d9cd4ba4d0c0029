# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of a canary and a linear deployment, and the weights of a share."""

from __future__ import annotations

import pytest

from tests.lab.aws.engine import ecs_traffic
from tests.unit.lab.aws.engine.ecs_world import GREEN, GROUP, World


@pytest.mark.parametrize(
    ("percent", "shares"), [(3.0, 34), (10.0, 10), (12.5, 8), (33.4, 3), (50.0, 2), (99.9, 2), (100.0, 1)]
)
def test_linear_steps(percent: float, shares: int) -> None:
    found = ecs_traffic.steps({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": percent}}, first=False)
    assert (len(found), found[-1]) == (shares, 100.0)
    assert found[0] == percent


@pytest.mark.parametrize(("share", "mine", "other"), [(0, 0, 100), (10, 10, 90), (12.5, 125, 874), (0.1, 1, 998)])
def test_weights(share: float, mine: int, other: int) -> None:
    service = World().create()
    lb = service.primary.revision.load_balancers[0]
    assert ecs_traffic.weights(lb, share) == {GROUP: mine, GREEN: other}
