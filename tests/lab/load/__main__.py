# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.lab.load http://127.…`: load from the command line; exit status 1 if a request was dropped."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from .generator import Generator, Load
from .results import Result, summarise


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.load", description=__doc__)
    parser.add_argument("url", help="http:// and a loopback address")
    parser.add_argument("--rate", type=float, default=50.0, help="requests per second (default 50)")
    parser.add_argument("--seconds", type=float, default=10.0, help="length (default 10)")
    parser.add_argument("--requests", type=int, default=20_000, help="at most so many (default 20000)")
    parser.add_argument("--stream-share", type=float, default=0.02, help="streams among them (default 0.02)")
    parser.add_argument("--stream-seconds", type=float, default=4.0, help="length of a stream (default 4)")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds for an answer (default 10)")
    parser.add_argument("--header", action="append", default=[], metavar="NAME:VALUE", help="sent with each request")
    parser.add_argument("--log", type=Path, help="a JSON line per request")
    return parser.parse_args(arguments)


async def run(load: Load) -> list[Result]:
    """All results; SIGINT and SIGTERM end the schedule early."""
    results: list[Result] = []
    generator = Generator(load, results.append)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, generator.stop)
    await generator.run()
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the summary as JSON."""
    chosen = parse(arguments)
    headers = tuple(
        (name.strip().lower(), value.strip()) for name, _ignored, value in (h.partition(":") for h in chosen.header)
    )
    try:
        load = Load(
            chosen.url,
            chosen.rate,
            chosen.seconds,
            chosen.requests,
            chosen.stream_share,
            stream_seconds=chosen.stream_seconds,
            timeout=chosen.timeout,
            headers=headers,
        )
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    results = asyncio.run(run(load))
    if chosen.log:
        chosen.log.write_text("".join(result.line() + "\n" for result in results))
    summary = summarise(results)
    print(json.dumps(summary.as_dict(), indent=1))
    return 1 if summary.dropped else 0


if __name__ == "__main__":
    sys.exit(main())
