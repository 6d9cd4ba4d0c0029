# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ECS rules share: where they come from, how they refuse, the service as a request would make it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tests.lab.aws.truth.base import Params, Refusal

if TYPE_CHECKING:
    from tests.lab.aws.api.ecs_known import Known, TaskDefinition

GUIDE = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/"
API = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_"


def invalid(message: str) -> Refusal:
    return Refusal("InvalidParameterException", message)


def unsupported(what: str) -> Refusal:
    return Refusal("UnsupportedFeatureException", f"The lab does not support {what}.")


def wanted(params: Params, known: Known) -> Mapping[str, Any]:
    """The request over what the service has: rules then hold for CreateService and UpdateService alike."""
    service = known.service(params.get("serviceName") or params.get("service") or "", params.get("cluster"))
    if service is None or "serviceName" in params:
        return params
    return {**service.params, **service.primary.revision.shown, **{k: v for k, v in params.items() if v is not None}}


def definition(params: Params, known: Known) -> TaskDefinition | None:
    return known.task_definition(wanted(params, known).get("taskDefinition") or "")


def balancers(params: Params, known: Known) -> list[Mapping[str, Any]]:
    return list(wanted(params, known).get("loadBalancers") or ())


def advanced_of(lb: Mapping[str, Any]) -> Mapping[str, Any]:
    return lb.get("advancedConfiguration") or {}
