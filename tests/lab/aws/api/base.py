# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the lab gets between a request and moto: subclassed response classes.

moto parses the request and serialises the answer from botocore's own model; a subclass overrides
just the operations that move, and returns `ActionResult(plain dict)`. To write one:

    class LabECS(Strict, EC2ContainerServiceResponse):
        service = "ecs"                     # boto3's client name ("ecs", "elbv2"): the truth filter's key
        errors = ECSException               # moto finds the service's model by this class's module

        def create_service(self) -> ActionResult:
            params = self.parameters()
            ...
            return ActionResult({"service": …})

    def install(lab: Lab) -> None:
        replace(moto.ecs.urls.url_paths, EC2ContainerServiceResponse, bind(LabECS, lab))

Operations moto has no method for are just new methods (`list_service_deployments`). Raise
`AwsError(code, message)` anywhere. `Lab.lock` is held by the server around the whole call.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any, ClassVar, TypeVar

from botocore.model import OperationNotFoundError
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult

from tests.lab.aws.core import AwsError, Lab

R = TypeVar("R", bound="type[Strict]")
UNKNOWN = {"query": "InvalidAction", "ec2": "InvalidAction", "json": "UnknownOperationException"}


class Strict:
    """First base of a subclassed moto response class: truth filter, AWS-like errors, no HTML 500."""

    service: ClassVar[str]
    errors: ClassVar[type[ServiceException]]
    protocol: ClassVar[str] = "json"  # "query" and "ec2" name an unknown operation differently
    lab: ClassVar[Lab]

    # from moto's BaseResponse
    params: Any
    serialized: Callable[[ActionResult], Any]
    _get_action: Callable[[], str]

    def parameters(self) -> dict[str, Any]:
        """The request by botocore's names, as plain dicts and lists."""
        params = self.params
        return dict(params.original_dict() if hasattr(params, "original_dict") else params)

    def _dispatch(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super()._dispatch(*args, **kwargs)  # type: ignore[misc]
        except OperationNotFoundError:
            return self._refused(self._unknown())

    def call_action(self) -> Any:
        """moto's hook: one API call."""
        refusal = self.lab.truth.refusal(self.service, self._get_action(), self.parameters())
        if refusal is not None:
            return self._refused(AwsError(refusal.code, refusal.message))
        try:
            return super().call_action()  # type: ignore[misc]
        except AwsError as error:
            return self._refused(error)
        except NotImplementedError:
            return self._refused(self._unknown())

    def _unknown(self) -> AwsError:
        return AwsError(UNKNOWN[self.protocol], f"The lab has no {self.service} operation {self._get_action()}.")

    def _refused(self, error: AwsError) -> Any:
        return self.serialized(ActionResult(self.errors(error.code, error.message)))


def bind(response: R, lab: Lab) -> R:
    """Hand the lab to a response class (moto makes an instance per request, without arguments)."""
    response.lab = lab
    return response


def replace(paths: MutableMapping[str, Any], original: type, response: type) -> None:
    """Put `response` in the place of `original` in moto's table `moto.<service>.urls.url_paths`.

    moto reads the table when the first request of a service arrives. ELBv2 shares its table with
    classic load balancers and looks its class up per call: set `moto.elb.urls.ELBV2Response` there.
    """
    for path, handler in list(paths.items()):
        if getattr(handler, "__self__", None) is original:
            paths[path] = getattr(response, handler.__name__)
