# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module of ours ends: with its result, the parameters that look secret masked wherever Ansible shows them."""

from __future__ import annotations

from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule

from .redact import Redactor


def end(module: AnsibleModule, result: dict[str, Any]) -> NoReturn:
    """Exit, or fail when the result says so. The invocation that Ansible adds is masked by `no_log_values`."""
    module.no_log_values.update(Redactor(module.argument_spec, module.params).values)
    if not module._diff:
        result.pop("diff", None)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)
    raise AssertionError("exit_json returned")
