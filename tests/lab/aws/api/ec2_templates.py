# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Launch templates as EC2's API has them: moto's records, with what it ignores.

Source: botocore ec2/2016-11-15: ClientToken of both creations, SourceVersion ("the new version inherits the launch
parameters from the source version"), and pages of up to 200 with a token; moto cuts each list after 15 silently.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from moto.core.responses import ActionResult
from moto.ec2.responses import EC2Response

from tests.lab.aws.api.base import Strict
from tests.lab.aws.core import AwsError

PAGE = 200
ALL = 10**6


class Templates(Strict, EC2Response):  # type: ignore[misc]
    answered: ClassVar[dict[tuple[str, str], ActionResult]]  # (operation, ClientToken) -> the answer

    def create_launch_template(self) -> ActionResult:
        return self._once("CreateLaunchTemplate", super().create_launch_template)

    def create_launch_template_version(self) -> ActionResult:
        return self._once("CreateLaunchTemplateVersion", self._create_version)

    def _create_version(self) -> ActionResult:
        given, store = self.parameters(), self.ec2_backend
        name, template = given.get("LaunchTemplateName"), given.get("LaunchTemplateId")
        found = store.get_launch_template_by_name(name) if name else store.get_launch_template(template)
        data = dict(given.get("LaunchTemplateData") or {})
        if given.get("SourceVersion"):
            source = {key: value for key, value in found.get_version(given["SourceVersion"]).data.items() if value}
            data = {**source, **data}
        made = found.create_version(data, given.get("VersionDescription"))
        return ActionResult({"LaunchTemplateVersion": self._shown(found, made)})

    def describe_launch_template_versions(self) -> ActionResult:
        given = self.parameters()
        versions = self.ec2_backend.describe_launch_template_versions(
            template_name=given.get("LaunchTemplateName"),
            template_id=given.get("LaunchTemplateId"),
            versions=list(given.get("Versions") or ()),
            min_version=int(given.get("MinVersion") or 0),
            max_version=int(given.get("MaxVersion") or 0),
            max_results=ALL,
        )
        newest = sorted(versions, key=lambda pair: -pair[1].number)  # as the CLI's example lists them
        items, token = self._page([self._shown(template, version) for template, version in newest])
        return ActionResult({"LaunchTemplateVersions": items, "NextToken": token})

    def describe_launch_templates(self) -> ActionResult:
        given = self.parameters()
        templates = self.ec2_backend.describe_launch_templates(
            template_names=list(given.get("LaunchTemplateNames") or ()),
            template_ids=list(given.get("LaunchTemplateIds") or ()),
            filters=self._filters_from_querystring(),
        )
        shown = [
            {
                "CreateTime": one.create_time,
                "CreatedBy": self._creator(),
                "DefaultVersionNumber": one.default_version_number,
                "LatestVersionNumber": one.latest_version_number,
                "LaunchTemplateId": one.id,
                "LaunchTemplateName": one.name,
                "Tags": one.get_tags(),
            }
            for one in templates
        ]
        items, token = self._page(shown)
        return ActionResult({"LaunchTemplates": items, "NextToken": token})

    def _once(self, operation: str, create: Callable[[], ActionResult]) -> ActionResult:
        """The same ClientToken is the same call once more."""
        key = (operation, self.parameters().get("ClientToken") or "")
        if key[1] and key in self.answered:
            return self.answered[key]
        result = create()
        self.answered[key] = result
        return result

    def _page(self, items: list[Any]) -> tuple[list[Any], str | None]:
        given = self.parameters()
        token, size = str(given.get("NextToken") or "0"), int(given.get("MaxResults") or PAGE)
        if not token.isdigit():
            raise AwsError("InvalidNextToken", "The specified NextToken is not valid.")
        first = int(token)
        return items[first : first + size], str(first + size) if first + size < len(items) else None

    def _shown(self, template: Any, version: Any) -> dict[str, Any]:
        return {
            "CreateTime": version.create_time,
            "CreatedBy": self._creator(),
            "DefaultVersion": template.is_default(version),
            "LaunchTemplateData": version.data,
            "LaunchTemplateId": template.id,
            "LaunchTemplateName": template.name,
            "VersionDescription": version.description,
            "VersionNumber": version.number,
        }

    def _creator(self) -> str:
        return f"arn:aws:iam::{self.lab.account}:root"
