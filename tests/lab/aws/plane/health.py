# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One health check: a real request, and what it found."""

from __future__ import annotations

import asyncio

import h11

from tests.lab.aws.engine.targets import HealthCheck, Result
from tests.lab.aws.plane.wire import Wire, connect

FLOOR = 1.0  # real seconds: below this, a busy machine would look like a sick target


async def probe(check: HealthCheck, shown: str, address: str, port: int, admitted: bool, scale: float) -> Result:
    """`shown`: the target's own address, for the Host header; `address`: where its process listens.

    Reason codes: "Health check reason codes" in the user guide for Application Load Balancers. Never raises.
    """
    if not admitted:  # dropped packets: nothing comes back until the time is up
        await asyncio.sleep(check.timeout * scale)
        return Result(reason="Target.Timeout")
    try:
        async with asyncio.timeout(max(check.timeout * scale, FLOOR)):
            return Result(status=await _request(check.path, shown, address, port))
    except TimeoutError:
        return Result(reason="Target.Timeout")
    except (OSError, h11.RemoteProtocolError):
        return Result(reason="Target.FailedHealthChecks")


async def _request(path: str, shown: str, address: str, port: int) -> int:
    reader, writer = await connect(address, port)
    wire = Wire(h11.CLIENT, reader, writer)
    try:
        headers = [("Host", f"{shown}:{port}"), ("Connection", "close"), ("User-Agent", "ELB-HealthChecker/2.0")]
        wire.send(h11.Request(method="GET", target=path, headers=headers))
        wire.send(h11.EndOfMessage())
        await wire.flush()
        while not isinstance(event := await wire.event(), h11.Response):
            pass
        return event.status_code
    finally:
        wire.close()
