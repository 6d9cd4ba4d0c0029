# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2 instances as its API shows them: moto's records, moved by `hosts.py` (implements `hosts.Records`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.backends import get_backend

from tests.lab.aws.hosts import Blueprint
from tests.lab.aws.ports import HostRequest, HostState, Interface, LaunchRefused

# Source: EC2 API reference, "InstanceState".
CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
PARAMETER = "resolve:ssm:"  # an AMI named by a Systems Manager parameter; EC2 user guide, "Use a … parameter"
VOLUME = 8  # GiB of a root volume whose template names no size


class InstanceRecords:
    def __init__(self, account: str, region: str) -> None:
        self._ec2: Any = get_backend("ec2")[account][region]
        self._ssm: Any = get_backend("ssm")[account][region]
        self._region = region

    def template(self, template: str, name: str = "") -> Any | None:
        """moto's launch template, by id or name."""
        found = template or self._ec2.launch_template_name_to_ids.get(name, "")
        return self._ec2.launch_templates.get(found)

    def data(self, template: str, version: str) -> Mapping[str, Any] | None:
        """LaunchTemplateData of a numbered version."""
        found = self.template(template)
        if found is None or not version.isdigit() or not 1 <= int(version) <= len(found.versions):
            return None
        data: Mapping[str, Any] = found.versions[int(version) - 1].data
        return data

    def image(self, given: str) -> str | None:
        """The AMI's id, also behind a parameter; None for one that does not exist."""
        if given.startswith(PARAMETER):
            parameter = self._ssm.get_parameter(given.removeprefix(PARAMETER))
            given = str(parameter.value) if parameter is not None else ""
        return given if given in self._ec2.amis else None

    def zone(self, subnet: str) -> str | None:
        for zone in self._ec2.subnets.values():
            if subnet in zone:
                return str(zone[subnet].availability_zone)
        return None

    def groups(self, data: Mapping[str, Any]) -> tuple[str, ...]:
        """Ids of the security groups a template's instances carry."""
        interfaces = data.get("NetworkInterfaces") or ()
        named = [group for one in interfaces for group in one.get("Groups") or ()]
        return tuple(named or data.get("SecurityGroupIds") or ())

    def blueprint(self, request: HostRequest) -> Blueprint:
        data = self.data(request.template, request.version)
        if data is None:
            text = f"The specified launch template version does not exist: {request.template}, {request.version}."
            raise LaunchRefused("InvalidLaunchTemplateId.VersionNotFound", text)
        image = self.image(data.get("ImageId") or "")
        if image is None:
            text = f"The image id '[{data.get('ImageId')}]' does not exist"
            raise LaunchRefused("InvalidAMIID.NotFound", text)
        groups = self.groups(data)
        for group in groups:
            if self._ec2.get_security_group_from_id(group) is None:
                raise LaunchRefused("InvalidGroup.NotFound", f"The security group '{group}' does not exist")
        if not groups:
            vpc = self._ec2.describe_subnets(filters={"subnet-id": [request.subnet]})[0].vpc_id
            groups = (str(self._ec2.get_default_security_group(vpc).id),)
        return Blueprint(image, data.get("InstanceType") or "m1.small", groups, str(data.get("UserData") or ""))

    def created(self, request: HostRequest, blueprint: Blueprint, interface: Interface) -> None:
        data = self.data(request.template, request.version) or {}
        self._ec2.enis[interface.id].requester_managed = False
        profile = data.get("IamInstanceProfile") or {}
        devices = [_device(one) for one in data.get("BlockDeviceMappings") or () if one.get("Ebs")]
        made = self._ec2.run_instances(
            blueprint.image,
            1,
            None,
            [],
            instance_type=blueprint.instance_type,
            is_instance_type_default=False,
            region_name=self._region,
            nics=[{"DeviceIndex": 0, "NetworkInterfaceId": interface.id, "SubnetId": interface.subnet}],
            private_ip=interface.address,
            security_group_ids=list(blueprint.security_groups),
            launch_template={"LaunchTemplateId": request.template, "Version": request.version},
            tags={"instance": dict(request.tags)},
            metadata_options=data.get("MetadataOptions") or {},
            iam_instance_profile=profile.get("Arn") or profile.get("Name"),
            **({"block_device_mappings": devices} if devices else {}),
        ).instances[0]
        self._ec2.tags[request.id] = self._ec2.tags.pop(made.id, {})
        made.id = request.id

    def changed(self, instance: str, state: HostState) -> None:
        record = self._ec2.get_instance_by_id(instance)
        if record is None:
            return
        if state.state == "terminated":
            record.disable_api_termination = False
            record.terminate()
        record._state.name, record._state.code = state.state, CODES[state.state]
        record.lab_status = state.status


def _device(given: Mapping[str, Any]) -> dict[str, Any]:
    """A block device with what moto needs to know of it."""
    ebs = {"VolumeSize": VOLUME, "DeleteOnTermination": True, "Encrypted": False, **given["Ebs"]}
    return {**given, "Ebs": ebs}
