# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the parameters of asg_rollout themselves, all of it at once. Pure: no account is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .._engine.finding import Finding
from . import asg_plan, asg_release, aws_heart, aws_input
from . import aws_limits as limits
from .aws_input import between

Params = Mapping[str, Any]

# botocore ec2 LaunchTemplateName: 3 to 128 of these; the groups' names are longer by a colour and may not have a colon
NAME = re.compile(r"[A-Za-z0-9(.)/_-]{3,120}\Z")
IMAGE = re.compile(r"ami-[0-9a-f]{8,17}\Z")
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html: "limited to 16 KB, in raw form"
USER_DATA_BYTES = 16 * 1024
GP3_GIB, GP3_IOPS, GP3_THROUGHPUT = (1, 65536), (3000, 80000), (125, 2000)  # AWSEC2 API_EbsBlockDevice
HOOK_SECONDS = (30, 7200)  # botocore autoscaling PutLifecycleHookType.HeartbeatTimeout
EVENT_AGE = (60, 86400)  # botocore scheduler RetryPolicy.MaximumEventAgeInSeconds


def findings(params: Params) -> list[Finding]:
    """`params`: validated by `_glue.argspec_asg.asg_rollout()`, state present."""
    checks = (_name, _template, _user_data, _network, _capacity, _times, aws_input.tags, asg_plan.findings)
    found = [finding for check in checks for finding in check(params)]
    return [*found, *aws_input.balancer(params, asg_plan.route(params)), *aws_heart.findings(params)]


def _name(params: Params) -> Iterator[Finding]:
    if not NAME.match(str(params["name"])):
        problem = "must be 3 to 120 letters, digits and ( . ) / _ -"
        yield Finding("name", repr(params["name"])[:60], problem, "Choose another name.")


def _template(params: Params) -> Iterator[Finding]:
    wanted, volume = params["template"], params["template"]["root_volume"]
    if not IMAGE.match(str(wanted["image_id"])):
        problem = "must be the id of an AMI: a parameter that resolves to one leaves nothing to roll back to"
        yield Finding("template.image_id", str(wanted["image_id"])[:60], problem, "Give ami-….")
    yield from aws_input.repeated("template.security_groups", wanted["security_groups"])
    yield from between("template.security_groups", len(wanted["security_groups"]), (1, 5), "security groups")
    yield from between("template.root_volume.size_gib", volume["size_gib"], GP3_GIB, "GiB")
    for name, bounds in (("iops", GP3_IOPS), ("throughput", GP3_THROUGHPUT)):
        if volume.get(name) is not None:
            yield from between(f"template.root_volume.{name}", volume[name], bounds)


def _user_data(params: Params) -> Iterator[Finding]:
    text = str(params["template"]["user_data"])
    size = len(text.encode())
    if size > USER_DATA_BYTES:
        problem = f"must fit in {USER_DATA_BYTES} bytes"
        yield Finding("template.user_data", f"{size} bytes", problem, "Fetch what is long at the start.")
    if asg_release.PLACEHOLDER not in text:
        problem = f"must hold {asg_release.PLACEHOLDER}, or no answer could ever prove which release it comes from"
        yield Finding("template.user_data", f"{size} bytes", problem, "Put it where the server reads its release.")
    if not params["allow_plain_user_data"] and limits.SECRET_VALUE.search(text):
        mend = "Let the instance fetch it with its profile, or give allow_plain_user_data: true."
        yield Finding("template.user_data", "a value that is not shown", "looks as if it held a secret", mend)


def _network(params: Params) -> Iterator[Finding]:
    yield from aws_input.repeated("network.subnets", params["network"]["subnets"])
    yield from between("network.subnets", len(params["network"]["subnets"]), (1, 16), "subnets")


def _capacity(params: Params) -> Iterator[Finding]:
    capacity, maintenance = params["capacity"], params["maintenance"]
    low, wanted, high = capacity["min"], capacity["desired"], capacity["max"]
    if not 0 <= low <= wanted <= high:
        problem = "must be 0 <= min <= desired <= max"
        yield Finding("capacity", f"min {low}, desired {wanted}, max {high}", problem, "Mend the counts.")
    least, most = maintenance["minimum_healthy_percent"], maintenance["maximum_healthy_percent"]
    yield from between("maintenance.minimum_healthy_percent", least, (0, 100), "%")
    yield from between("maintenance.maximum_healthy_percent", most, (100, 200), "%")
    if most - least > 100:
        problem = f"may be at most 100 above the minimum of {least}"
        yield Finding("maintenance.maximum_healthy_percent", str(most), problem, f"At most {least + 100}.")
    names = [each["name"] for each in params["scaling"]]
    yield from aws_input.repeated("scaling", names)
    for each in params["scaling"]:
        if each["target"] <= 0:
            yield Finding(f"scaling.{each['name']}.target", f"{each['target']:g}", "must be above 0", "Raise it.")


def _times(params: Params) -> Iterator[Finding]:
    for name in ("health_check_grace_seconds", "warmup_seconds"):
        yield from between(name, params[name], (0, 7200), "s")
    if params["drain_seconds"]:
        yield from between("drain_seconds", params["drain_seconds"], HOOK_SECONDS, "s")
    yield from between("restore.event_age", params["restore"]["event_age"], EVENT_AGE, "s")
