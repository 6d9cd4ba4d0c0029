# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be in the variables that every serving role on AWS has, under the same names.

Limits: API references of EC2, IAM, Elastic Load Balancing v2 (CreateRule), CloudWatch Logs (PutRetentionPolicy) and
S3 (bucket naming rules).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .._probes.reader import is_finite
from .role_checks import Check, Values, both, either, listing, named, no, one_of, text, whole, without, yes

OCTET = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
CIDR = rf"(?:{OCTET}\.){{3}}{OCTET}/(?:3[0-2]|[12]?[0-9])"
GROUP = r"sg-[0-9a-f]{8,17}"
BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
KMS_KEY = r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+"
POLICY = r"arn:aws[a-z-]*:iam::(?:aws|[0-9]{12}):policy/[!-~]+"
VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
# Never root, by number or by name.
ACCOUNT = r"(?:[0-9]{1,10}|[a-z_][a-z0-9_-]{0,31})"
USER = rf"(?!root(?::|\Z))(?!0+(?::|\Z)){ACCOUNT}(?::{ACCOUNT})?"
# name[:tag]@sha256:..., no scheme, no credentials (OCI distribution specification, "Pull").
REPOSITORY = r"[a-z0-9]+(?:(?:[._/]|__|-+|:[0-9]{1,5}/)[a-z0-9]+)*"
BY_DIGEST = rf"{REPOSITORY}(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?@sha256:[0-9a-f]{{64}}"
SEGMENT = r"(?!\.\.?(?:/|\Z))[A-Za-z0-9._-]+"
PATH = rf"/{SEGMENT}(?:/{SEGMENT})*"
TAG_KEY, TAG_VALUE = r"(?!aws:|greenlight:)[^\x00-\x1f]{1,128}", r"[^\x00-\x1f]{0,256}"

SECRET_NAME = re.compile(r"(?i)secret|passw|token|api_?key|access_?key|private_?key|credential")
# Access key ids, private keys, tokens with a well-known beginning.
SECRET_VALUE = re.compile(
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY|\bgh[pousr]_[A-Za-z0-9]{36}"
    r"|\bhf_[A-Za-z0-9]{30,}|\bsk-[A-Za-z0-9_-]{20,}"
)
# What cloudwatchlogs_log_group 10.1 takes. Anything else makes that module delete the group, with all its logs.
RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653)


def _mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _unmarked(value: Any) -> bool:
    """Without the variable that the rollout sets."""
    return "GREENLIGHT_RELEASE" not in value


def _public(values: Values) -> bool:
    """No variable whose name or value looks like a secret, but for those that are said to be none."""
    plain = values.get("plain_environment")
    secret = {
        str(name)
        for name, value in values["environment"].items()
        if SECRET_NAME.search(name) or SECRET_VALUE.search(value)
    }
    return not isinstance(plain, (list, tuple)) or secret <= set(map(str, plain))


def _one_place(values: Values) -> bool:
    """Subnets either by id or by tags."""
    return bool(values["subnet_tags"]) != bool(values.get("subnet_ids"))


def _conditions(values: Values) -> bool:
    """1 to 4 paths and hosts together: AWS takes 5 values in a rule, and one is kept for the first release."""
    hosts = values.get("rule_hosts")
    return not isinstance(hosts, (list, tuple)) or 1 <= len(values["rule_paths"]) + len(hosts) <= 4


def _in_time(values: Values) -> bool:
    """The grace ends within the rollout."""
    timing = values.get("timing")
    deadline = timing.get("deadline", 1800) if isinstance(timing, Mapping) else None
    return not is_finite(deadline) or values["health_check_grace_seconds"] <= deadline


NAMES: tuple[Check, ...] = (
    Check(
        "name",
        text(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}"),
        "1 to 32 letters, digits, dashes and underscores, starting with a letter or digit",
        "It is the stem of the roles' names, which AWS ends at 64.",
    ),
    Check(
        "region",
        text(r"[a-z]{2,3}(?:-[a-z]+){1,2}-[0-9]"),
        "must be a region, such as eu-central-1",
        "Set region in serving_aws.",
    ),
    Check(
        "record_bucket",
        text(BUCKET),
        "the name of a bucket, 3 to 63 lower-case letters, digits, dots and dashes",
        "playbooks/bootstrap.yml makes it.",
    ),
)

RELEASE: tuple[Check, ...] = (
    Check(
        "environment",
        named(VARIABLE),
        "a dictionary of names (letters, digits, underscores) and strings",
        "Put numbers and booleans in quotes.",
        hide=True,
    ),
    Check(
        "environment",
        _unmarked,
        "GREENLIGHT_RELEASE is set by the rollout",
        "Take it out.",
        hide=True,
    ),
    Check(
        "environment",
        _mapping,
        "something in it looks like a secret, and everybody who may look at the release can read it",
        "Let the model read it itself, or list its name in the variable plain_environment if it is none.",
        fits=_public,
        hide=True,
    ),
    Check("user", text(USER), "a user or user:group that is not root", 'Put it in quotes, for example "10001:10001".'),
    Check("scratch_paths", listing(PATH), "a list of different absolute paths", "For example [/tmp]; not / itself."),
    Check(
        "permissions_boundary",
        text(f"(?:{POLICY})?"),
        "the ARN of a policy, or empty",
        "For example arn:aws:iam::123456789012:policy/boundary.",
    ),
    Check(
        "log_retention_days",
        both(whole(1, RETENTIONS[-1]), RETENTIONS.__contains__),
        f"must be one of {', '.join(map(str, RETENTIONS))} days",
        "Take the next longer one.",
    ),
    Check("log_kms_key", text(f"(?:{KMS_KEY})?"), "the ARN of a KMS key, or empty", "Not an alias."),
)

PLACE: tuple[Check, ...] = (
    Check(
        "subnet_ids",
        listing(r"subnet-[0-9a-f]{8,17}"),
        "a list of different subnet ids, each like subnet-0123456789abcdef0",
        "Or leave it empty and name the subnets by the variable subnet_tags.",
    ),
    Check(
        "subnet_tags",
        _mapping,
        "exactly one of subnet_ids and subnet_tags",
        "Name the private subnets by their ids or by their tags, for example {tier: private}.",
        fits=_one_place,
    ),
    Check("minimum_zones", whole(2, 100), "a whole number, at least 2", "A service in one zone is gone when it is."),
    Check(
        "probe_sources",
        both(listing(f"{CIDR}|{GROUP}"), without("0.0.0.0/0")),
        "a list of different IPv4 CIDR blocks or security group ids, never 0.0.0.0/0",
        "Users come through the load balancer; name the network of the controller.",
    ),
    Check(
        "egress_cidrs",
        listing(CIDR, least=1),
        "a list of different IPv4 CIDR blocks, at least one",
        "The registry, the logs and AWS itself have to be reached.",
    ),
    Check("rule_priority", whole(1, 50000), "a whole number, 1 to 50000", "The lowest number is looked at first."),
    Check(
        "rule_paths",
        listing(r"[/*?][A-Za-z0-9_.$/~\"@:+&()!,;=*?'-]{0,127}"),
        "a list of different path patterns of at most 128 characters; with rule_hosts 1 to 4 values",
        "For example [/*]. AWS takes 5 values in a rule; one is kept free.",
        fits=_conditions,
    ),
    Check(
        "rule_hosts",
        listing(r"[A-Za-z0-9.*?-]{1,128}"),
        "a list of different host names of at most 128 characters",
        "For example [digits.example.com]; an empty list is any host.",
    ),
)

ROLLOUT: tuple[Check, ...] = (
    Check(
        "identity_header",
        text(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}"),
        "the name of a response header",
        "For example x-greenlight-release.",
    ),
    Check(
        "target_release", one_of("wanted", "last_good"), "must be wanted or last_good", "wanted is what is asked for."
    ),
    Check(
        "health_check_grace_seconds",
        whole(0, 2147483647),
        "whole seconds, 0 or more, and not longer than a whole rollout may take (timing.deadline)",
        "Longer than the model takes to load.",
        fits=_in_time,
    ),
    Check(
        "unpin",
        either(yes, no),
        "true or false, and not together with the variable pin",
        "One run pins, another one unpins.",
        fits=lambda values: not (yes(values["unpin"]) and yes(values.get("pin"))),
    ),
    Check(
        "tags",
        both(named(TAG_KEY, TAG_VALUE), lambda value: len(value) <= 45),
        "at most 45 tags, keys of 1 to 128 characters without the prefixes aws and greenlight, values of at most 256",
        "Put numbers and booleans in quotes.",
    ),
)


def checks(absent: bool) -> tuple[Check, ...]:
    """Of a role that says itself what may be in its environment. Removing needs no more than the names."""
    release = (check for check in RELEASE if check.field != "environment")
    return NAMES if absent else (*NAMES, *release, *PLACE, *ROLLOUT)
