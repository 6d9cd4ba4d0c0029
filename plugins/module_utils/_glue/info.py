# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""rollout_info: what serves, where requests go, and what the record knows. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .._clients.aws import Aws
from .._engine.lease import Lease, Request
from .._engine.model import Record
from .._platforms.aws_names import service_key
from .._store.s3 import S3Store, key_of
from . import info_asg, info_ecs, shown

Json = dict[str, Any]
READERS = {"ecs": info_ecs.read, "asg": info_asg.read}


def run(params: Mapping[str, Any], _check_mode: bool, aws: Aws) -> Json:
    """Everything about one service. Raises PortError."""
    store = _store(aws, params)
    record = store.load() if store else None
    return {
        "changed": False,
        **READERS[params["platform"]](params, aws, record),
        "record": asdict(record) if record else None,
        "unfinished": _unfinished(record, store),
        **_held(store),
    }


def _store(aws: Aws, params: Mapping[str, Any]) -> S3Store | None:
    """None without a bucket."""
    place = params["record"]
    if not place["bucket"]:
        return None
    service = service_key(params)
    return S3Store(aws, place["bucket"], key_of(place["prefix"], params["platform"], aws.region, service), service)


def _unfinished(record: Record | None, store: S3Store | None) -> Json:
    """The rollout that nobody ended, and since when it stands where it stands: the record is written when it moves."""
    if record is None or store is None or not record.unfinished:
        return {}
    return {**record.unfinished, "since": store.record_written}


def _held(store: S3Store | None) -> Json:
    """Who holds the lock, and what was asked of the rollout last."""
    if store is None:
        return {"lock": shown.lock(Lease("")), "request": shown.request(Request(""))}
    found = store.read_lock()
    return {"lock": shown.lock(found, store.lock_age), "request": shown.request(store.read_request())}
