# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be in the variables of the role asg_fleet, beside those that every serving role has.

Limits: API references of EC2 Auto Scaling (CreateAutoScalingGroup, InstanceMaintenancePolicy, PutLifecycleHook,
RefreshPreferences, TargetTrackingConfiguration), EventBridge Scheduler (RetryPolicy) and EC2 (EbsBlockDevice).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._probes.reader import is_finite, is_whole
from . import service_inputs as shared
from .role_checks import (
    Check,
    Values,
    both,
    either,
    listing,
    named,
    numbers,
    one_of,
    text,
    whole,
    without,
    words,
    yes,
)

METRICS = ("cpu", "requests_per_target", "network_in", "network_out")
# Without AllocationStrategy, which is about mixed instances, and without a function's ARN.
TERMINATION = ("Default", "NewestInstance", "OldestInstance", "OldestLaunchTemplate", "ClosestToNextInstanceHour")
ARTIFACT_URL = r"(?:s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/|https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?/)[!#-&(-~]{1,1024}"
ADMINISTRATOR = ("arn:aws:iam::aws:policy/AdministratorAccess", "arn:aws-cn:iam::aws:policy/AdministratorAccess")
LONGEST_HOOK = 7200  # seconds; PutLifecycleHook, HeartbeatTimeout
# Beside draining and the server's own end: the notice, SIGTERM's way, the word that it is done.
HOOK_MARGIN = 60


def _empty(value: Any) -> bool:
    return value is None or value == ""


def _artifact(value: Any) -> bool:
    """Nothing, or where it is, what it has to be, and how it is started."""
    if not isinstance(value, Mapping) or not value:
        return value == {}
    command = value.get("command")
    sound = text(ARTIFACT_URL)(value.get("url")) and text(r"[0-9a-f]{64}")(value.get("sha256"))
    return sound and words(command) and bool(command) and set(value) == {"url", "sha256", "command"}


def _policies(value: Any) -> bool:
    """Target tracking policies, each with a metric of its own."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(policy, Mapping) for policy in value):
        return False
    return all(map(_policy, value)) and len({policy["metric"] for policy in value}) == len(value)


def _policy(policy: Mapping[str, Any]) -> bool:
    metric, target = policy.get("metric"), policy.get("target")
    known = set(policy) <= {"metric", "target", "disable_scale_in"} and one_of(*METRICS)(metric)
    sound = is_finite(target) and 0 < float(target or 0) <= (100 if metric == "cpu" else 1e12)
    return known and sound and isinstance(policy.get("disable_scale_in", False), bool)


def _restore(value: Any) -> bool:
    """How the restore schedule is kept: its group, how old a call may get, how late one may still come."""
    known = {"group": text(r"[0-9A-Za-z_.-]{1,64}"), "event_age": whole(60, 86400), "late": whole(0, 86400)}
    return isinstance(value, Mapping) and all(name in known and known[name](each) for name, each in value.items())


def _one_release(values: Values) -> bool:
    """Either an image or an artifact; an artifact that is wrong is told by itself."""
    return _empty(values.get("image")) == bool(values.get("artifact"))


def _named_risk(values: Values) -> bool:
    return values["min_size"] != 1 or yes(values.get("accept_single_instance"))


def _room(values: Values) -> bool:
    if not numbers(values, "min_size", "desired_capacity"):
        return True
    zones = values.get("minimum_zones")
    least = values["min_size"] or (zones if is_whole(zones) else 2)
    return bool(values["max_size"] >= max(least, values["desired_capacity"]))


def _wanted(values: Values) -> bool:
    given = values["desired_capacity"]
    return given == 0 or not numbers(values, "min_size") or given >= values["min_size"]


def _patient(values: Values) -> bool:
    return not numbers(values, "load_seconds") or values["health_check_grace_seconds"] >= 2 * values["load_seconds"]


def _hook(values: Values) -> bool:
    stop = values.get("stop_timeout")
    return not is_whole(stop) or values["drain_seconds"] + stop + HOOK_MARGIN <= LONGEST_HOOK


def _spread(values: Values) -> bool:
    least = values.get("minimum_healthy_percent")
    return not is_finite(least) or values["maximum_healthy_percent"] - least <= 100


def _plain(values: Values) -> bool:
    """systemd, which starts an artifact, takes quotes and backslashes for its own (systemd.exec, EnvironmentFile)."""
    return not values.get("artifact") or named(shared.VARIABLE, r"[^\"'\\]*")(values["environment"])


NAMES: tuple[Check, ...] = (
    Check(
        "name",
        text(r"[A-Za-z0-9][A-Za-z0-9_-]{2,31}"),
        "3 to 32 letters, digits, dashes and underscores, starting with a letter or digit",
        "It is the launch template's name, and the stem of the roles' names, which AWS ends at 64.",
    ),
    *(check for check in shared.NAMES if check.field != "name"),
)

SOURCE: tuple[Check, ...] = (
    Check(
        "image",
        either(_empty, text(shared.BY_DIGEST)),
        "an image by digest, as registry/model:7@sha256:<64 hex digits>, without scheme and credentials",
        "A tag can move, and then an instance that is replaced is a release that nobody judged.",
    ),
    Check(
        "image",
        either(_empty, text("(?s:.*)")),
        "exactly one of the variables image and artifact",
        "Name the release: an image by digest, or an artifact with its checksum.",
        fits=_one_release,
    ),
    Check(
        "artifact",
        _artifact,
        "url (s3://bucket/key or https://...), sha256 (64 hex digits) and command (a list of strings)",
        "The checksum decides what runs; sha256sum prints it.",
    ),
    Check("command", words, "a list of strings", "Put numbers in quotes."),
    Check("port", whole(1024, 65535), "a whole number, 1024 to 65535", "Ordinary users may not listen below 1024."),
    Check("stop_timeout", whole(1, 3600), "whole seconds, 1 to 3600", "Longer than the longest answer."),
    Check(
        "environment",
        named(shared.VARIABLE, r"[^\x00-\x1f\x7f]*"),
        "a dictionary of names (letters, digits, underscores) and strings of one line; of an artifact without quotes "
        "and backslashes",
        "Put numbers and booleans in quotes; keep longer things in the image.",
        fits=_plain,
        hide=True,
    ),
)

HOST: tuple[Check, ...] = (
    Check(
        "ami_id",
        text(r"ami-[0-9a-f]{8,17}"),
        "the id of a machine image, such as ami-0123456789abcdef0",
        "An SSM parameter could not be rolled back: look the id up, and write it down.",
    ),
    Check("instance_type", text(r"[a-z0-9-]+\.[a-z0-9-]+"), "an instance type, such as g6.xlarge", "Name one."),
    Check(
        "root_device_name",
        text(r"/dev/[a-z0-9]{1,20}"),
        "a device, such as /dev/xvda",
        "Name the machine image's root device.",
    ),
    Check("root_volume_gib", whole(1, 16384), "whole GiB, 1 to 16384", "Room for the machine image and the release."),
    Check("root_volume_kms_key", text(f"(?:{shared.KMS_KEY})?"), "the ARN of a KMS key, or empty", "Not an alias."),
    Check(
        "instance_policies",
        both(listing(shared.POLICY), without(*ADMINISTRATOR)),
        "a list of different ARNs of managed policies, without AdministratorAccess",
        "Name what the host needs; a container does not get these rights.",
    ),
)

FLEET: tuple[Check, ...] = (
    Check(
        "min_size",
        whole(0, 10000),
        "a whole number, 0 (one for each zone) or more; with 1 the loss of an instance or of its zone is an outage",
        "Ask for 2 or more, or accept the risk by name with the variable accept_single_instance.",
        fits=_named_risk,
    ),
    Check(
        "max_size",
        whole(1, 10000),
        "a whole number, not less than min_size (or minimum_zones, where that is 0) and desired_capacity",
        "It is where scaling out ends.",
        fits=_room,
    ),
    Check(
        "desired_capacity",
        lambda value: whole(0, 10000)(value) and value != 1,
        "a whole number, 0 (as min_size, but at least 2) or 2 and more, not less than min_size",
        "With a single instance every failure is an outage. Write it without quotes.",
        fits=_wanted,
    ),
    Check("load_seconds", whole(1, 7200), "whole seconds, 1 to 7200", "Measure from launch to the first right answer."),
    Check(
        "health_check_grace_seconds",
        whole(0, 2147483647),
        "whole seconds, at least twice load_seconds",
        "What is not healthy by then is replaced; with less no instance might ever be left alone to load.",
        fits=_patient,
    ),
    Check("warmup_seconds", whole(0, 3600), "whole seconds, 0 (as load_seconds) to 3600", "Write it without quotes."),
    Check(
        "drain_seconds",
        whole(0, 3600),
        f"whole seconds, 0 to 3600, with stop_timeout at most {LONGEST_HOOK - HOOK_MARGIN}",
        "As long as the load balancer lets a leaving target finish.",
        fits=_hook,
    ),
    Check("minimum_healthy_percent", whole(1, 100), "a whole number, 1 to 100", "At 100 nothing takes capacity away."),
    Check(
        "maximum_healthy_percent",
        whole(101, 200),
        "a whole number, 101 to 200, at most 100 more than minimum_healthy_percent",
        "Room to launch a new instance before an old one goes.",
        fits=_spread,
    ),
    Check(
        "termination_policies",
        listing("|".join(TERMINATION), least=1),
        f"a list of different policies of {', '.join(TERMINATION)}",
        "They are asked in this order, after the zones were balanced.",
    ),
    Check(
        "target_tracking",
        _policies,
        f"a list of policies, each with metric ({', '.join(METRICS)}; none twice), target (of cpu: percent) and, "
        "perhaps, disable_scale_in",
        "For example [{metric: cpu, target: 50}]; without any nothing scales.",
    ),
    Check(
        "restore",
        _restore,
        "group (a schedule group's name), event_age (60 to 86400 seconds) and late (0 to 86400 seconds)",
        "Leave it empty for the defaults.",
    ),
)


def checks(absent: bool) -> tuple[Check, ...]:
    """All of them, in the order in which they are told. Removing needs no more than the names."""
    everything = (*SOURCE, *shared.RELEASE, *HOST, *shared.PLACE, *shared.ROLLOUT, *FLEET)
    return NAMES if absent else (*NAMES, *everything)
