# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab as one process: API threads in front of moto, one loop thread for all that moves."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from tests.lab.aws import compat, wiring
from tests.lab.aws.chaos.faults import parse
from tests.lab.aws.chaos.middleware import Chaos
from tests.lab.aws.clock import ScaledClock
from tests.lab.aws.control import Control
from tests.lab.aws.core import Lab, Settings
from tests.lab.aws.engine import ecs_habits
from tests.lab.aws.guard import Guard
from tests.lab.aws.loop import TICK, drive
from tests.lab.aws.network import Claim
from tests.lab.aws.seed import Landing, seed
from tests.lab.aws.trace import Trace

ACCOUNT, REGION = compat.ENVIRONMENT["MOTO_ACCOUNT_ID"], "us-east-1"


class Handler(MotoRequestHandler):  # type: ignore[misc]
    """HTTP/1.1 with connections kept open; the trace is the log."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *args: Any) -> None: ...


@dataclass(frozen=True)
class Options:
    port: int = 0
    scale: float = 0.1
    seed: int = 1


class Server:
    """`start()` returns when the lab is ready; `stop()` when everything it made is gone.

    Raises OSError when the port is taken, compat.Incompatible with another moto.
    """

    def __init__(self, options: Options, access_key: str, secret_key: str, mark: str) -> None:
        compat.check()
        listening = socket.create_server(("127.0.0.1", options.port), backlog=128)
        self._session = boto3.Session(access_key, secret_key, region_name=REGION)
        self._claim = Claim()
        settings = Settings(options.scale, options.seed, listening.getsockname()[1], self._claim.octet)
        self.lab = lab = Lab(ACCOUNT, REGION, ScaledClock(options.scale), settings)
        lab.loop = asyncio.new_event_loop()
        self._parts = wiring.build(lab, mark)
        self.chaos = Chaos(Guard(DomainDispatcherApplication(create_backend_app), lab), lab.clock, options.seed)
        self.trace = Trace(self.chaos, compat.route, lab.clock.utc)
        app = Control(self.trace, self._endpoints())
        with listening:
            self._http = make_server(
                "127.0.0.1", options.port, app, threaded=True, request_handler=Handler, fd=listening.fileno()
            )
        self.endpoint = f"http://127.0.0.1:{self._http.port}"
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._http.serve_forever, args=(TICK,), name="api", daemon=True),
            threading.Thread(target=self._run, name="loop", daemon=True),
        ]

    def start(self) -> Landing:
        for thread in self._threads:
            thread.start()
        config = Config(retries={"mode": "standard", "total_max_attempts": 1})
        ec2 = self._session.client("ec2", endpoint_url=self.endpoint, config=config)
        landing = seed(ec2, REGION, self.lab.settings.octet)
        self.trace.clear()
        return landing

    def stop(self) -> None:
        self._stopping.set()
        self._http.shutdown()
        for thread in self._threads:
            thread.join()
        self._parts.close()
        self._http.server_close()
        self._claim.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self.lab.loop)
        try:
            self.lab.loop.run_until_complete(drive(self.lab, self._parts.movers, self._stopping.is_set))
        finally:
            self.lab.loop.close()

    def _endpoints(self) -> dict[tuple[str, str], Callable[..., Any]]:
        return {
            ("GET", "state"): lambda _body, _query: self._state(),
            ("GET", "chaos"): lambda _body, _query: self.chaos.shown(),
            ("PUT", "chaos"): lambda body, _query: self._set_chaos(body),
            ("DELETE", "chaos"): lambda _body, _query: self._set_chaos({}),
            ("GET", "ecs"): lambda _body, _query: self.lab.ecs.habits.shown(),
            ("PUT", "ecs"): lambda body, _query: self._set_habits(body),
            ("DELETE", "ecs"): lambda _body, _query: self._set_habits({}),
            ("GET", "ec2"): lambda _body, _query: self.lab.hosts.faults.shown(),
            ("PUT", "ec2"): lambda body, _query: self._set_faults(body),
            ("DELETE", "ec2"): lambda _body, _query: self._set_faults({}),
            ("GET", "scheduler"): lambda _body, _query: self._parts.schedules.ways.shown(),
            ("PUT", "scheduler"): lambda body, _query: self._set_ways(body),
            ("DELETE", "scheduler"): lambda _body, _query: self._set_ways({}),
            ("GET", "trace"): lambda _body, query: self.trace.since(int(query.get("since", 0))),
            ("GET", "counters"): lambda _body, _query: self._parts.counters(),
            ("GET", "log"): lambda _body, query: [vars(e) for e in self.lab.logged(int(query.get("since", 0)))],
        }

    def _set_chaos(self, document: Any) -> Any:
        self.chaos.set(parse(document))
        return self.chaos.shown()

    def _set_habits(self, document: Any) -> Any:
        with self.lab.lock:
            self.lab.ecs.habits = ecs_habits.parse(document)
        return self.lab.ecs.habits.shown()

    def _set_faults(self, document: Any) -> Any:
        with self.lab.lock:
            self.lab.hosts.set(document)
        return self.lab.hosts.faults.shown()

    def _set_ways(self, document: Any) -> Any:
        with self.lab.lock:
            self._parts.schedules.set(document)
        return self._parts.schedules.ways.shown()

    def _state(self) -> dict[str, Any]:
        with self.lab.lock:
            return {
                "settings": {**vars(self.lab.settings), "network": self.lab.settings.network},
                "now": self.lab.clock.now(),
                "tasks": self._parts.tasks(),
                "instances": self._parts.instances(),
            }
