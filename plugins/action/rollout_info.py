# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..module_utils._glue.argspec_info import REQUIRES, rollout_info
from ..module_utils._glue.ending import attempt
from ..module_utils._glue.info import run
from ..plugin_utils.live import LocalAction


class ActionModule(LocalAction):
    def specification(self) -> dict[str, Any]:
        return {"argument_spec": rollout_info(), "required_if": REQUIRES}

    def answer(self, params: Mapping[str, Any], host: str) -> dict[str, Any]:
        del host  # nothing is said before the end
        return attempt(run, rollout_info(), params, self._task.check_mode)
