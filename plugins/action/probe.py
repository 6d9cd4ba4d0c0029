# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..module_utils._glue.probe_gate import Tools, argument_spec, run
from ..plugin_utils.live import Ears, LiveAction, Voice


class ActionModule(LiveAction):
    def specification(self) -> dict[str, Any]:
        return {"argument_spec": argument_spec()}

    def work(self, params: Mapping[str, Any], voice: Voice, ears: Ears) -> dict[str, Any]:
        def report(at: float, line: str, waiting: bool) -> None:
            (voice.beat if waiting else voice.change)(at, "probe", line)

        return run(params, report, Tools(stop=ears))
