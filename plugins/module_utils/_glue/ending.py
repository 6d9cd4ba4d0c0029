# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the work of a module ends: with a result, and with nothing secret wherever Ansible shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule

from .._clients.aws import Aws
from .._platforms.base import PortError
from .redact import Redactor

Work = Callable[[Mapping[str, Any], bool, Aws], dict[str, Any]]


def attempt(work: Work, spec: Mapping[str, Any], params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """The result of `work(params, check_mode, aws)`, masked; what the cloud refuses is a failure with its words."""
    try:
        result = work(params, check_mode, Aws(params))
    except PortError as error:
        result = {"failed": True, "msg": str(error)}
    masked: dict[str, Any] = Redactor(spec, params).result(result)
    return masked


def end(module: AnsibleModule, result: dict[str, Any]) -> NoReturn:
    """Exit, or fail when the result says so. The invocation that Ansible adds is masked by `no_log_values`."""
    module.no_log_values.update(Redactor(module.argument_spec, module.params).values)
    if not module._diff:
        result.pop("diff", None)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)
    raise AssertionError("exit_json returned")
