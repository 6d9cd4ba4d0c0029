# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model server's entry point; everything is set by environment variables, as in a container.

LAB_BIND (address, default 0.0.0.0) · PORT (8080) · MODEL_VERSION (1) · FAULT (faults.py) ·
GREENLIGHT_RELEASE (named in `x-greenlight-release`) · DRAIN_SECONDS (25: limit for what runs at SIGTERM) ·
LINGER_SECONDS (0.5: how long new requests are still answered after SIGTERM) · KEEP_ALIVE_SECONDS (75).
All seconds are real ones.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from .app import Application
from .engine import Engine
from .faults import parse
from .http import Server

MODELS = Path(__file__).resolve().parents[1] / "models"


async def serve() -> int:
    """Serve until SIGTERM or SIGINT; the exit status (1: requests had to be cut)."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    version = os.environ.get("MODEL_VERSION", "1")
    fault = parse(os.environ.get("FAULT", ""))
    bind = os.environ.get("LAB_BIND", "0.0.0.0")
    release = os.environ.get("GREENLIGHT_RELEASE", "")
    engine = Engine((MODELS / f"digits-{version}.onnx").read_bytes())
    app = Application(engine, version, fault, time.monotonic)
    headers = [("x-served-by", bind)] + ([("x-greenlight-release", release)] if release else [])
    server = Server(app, headers, float(os.environ.get("KEEP_ALIVE_SECONDS", "75")))
    port = await server.listen(bind, int(os.environ.get("PORT", "8080")))
    print(f"digits {version} listens on {bind}:{port}" + (f", FAULT={fault.kind}" if fault.kind else ""), flush=True)
    if fault.kind == "crash_after":
        loop.call_later(fault.number, os._exit, 1)
    await stop.wait()
    print("draining", flush=True)
    cut = await server.drain(
        float(os.environ.get("LINGER_SECONDS", "0.5")), float(os.environ.get("DRAIN_SECONDS", "25"))
    )
    print(f"drained, {cut} connections cut", flush=True)
    return 1 if cut else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(serve()))
