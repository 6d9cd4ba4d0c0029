# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be simulated: by platform's name, its story and how its seeds are drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.play import Play
    from tests.simulation.schedule import Deck


def _ecs() -> type[Play]:
    from tests.simulation.ecs_play import EcsPlay

    return EcsPlay


def _asg() -> type[Play]:
    from tests.simulation.asg_play import AsgPlay  # takes the argument specification and the platform's own code along

    return AsgPlay


PLAYS: dict[str, Callable[[], type[Play]]] = {"ecs": _ecs, "asg": _asg}


def _ecs_deck() -> Deck:
    from tests.simulation.ecs_schedule import DECK

    return DECK


def _asg_deck() -> Deck:
    from tests.simulation.asg_schedule import DECK

    return DECK


DECKS: dict[str, Callable[[], Deck]] = {"ecs": _ecs_deck, "asg": _asg_deck}
