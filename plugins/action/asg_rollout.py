# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..module_utils._engine.state import Event
from ..module_utils._glue import argspec_asg
from ..module_utils._glue.kit_asg import run
from ..plugin_utils.live import Ears, LiveAction, Voice


class ActionModule(LiveAction):
    def specification(self) -> dict[str, Any]:
        return argspec_asg.specification()

    def work(self, params: Mapping[str, Any], voice: Voice, ears: Ears) -> dict[str, Any]:
        def report(event: Event, waiting: bool) -> None:
            (voice.beat if waiting else voice.change)(event.at, event.who, event.text)

        return run(params, self._task.check_mode, report, ears)
