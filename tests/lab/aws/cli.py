# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.lab.aws up|down|status`: the lab as a background process with a state file.

Standard output of `up` is only `export` lines, to be evaluated by a shell; all else goes to standard error.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import secrets
import select
import signal
import string
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.lab.aws.compat import ENVIRONMENT, share_models
from tests.lab.aws.procs import MARK, marked

ROOT = Path(__file__).resolve().parents[3]
STATE = Path(".lab/aws.json")
READY = 60.0  # seconds until `up` gives up; usual is 2 to 3
GONE = 15.0  # seconds until `down` uses SIGKILL
UP, DOWN = "python -m tests.lab.aws up", "python -m tests.lab.aws down"


class Trouble(Exception):  # noqa: N818
    """Ends the command with this message and exit code 1."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    state: Path = options.state
    try:
        if options.command == "serve":
            return serve(state, options)
        state.parent.mkdir(parents=True, exist_ok=True)
        with _alone(state.parent):
            return {"up": up, "down": down, "status": status}[options.command](state, options)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1


def up(state: Path, options: argparse.Namespace) -> int:
    """Start the daemon, wait until it is ready, print the export lines."""
    known = _read(state)
    if known is not None and known["pid"] in marked(known["mark"]):
        raise Trouble(f"The lab is already running: {known['endpoint']} (pid {known['pid']}). End it: {DOWN}")
    if known is not None:
        _sweep(known["mark"], 0)
        state.unlink()
    mark, log = secrets.token_hex(8), state.with_suffix(".log")
    command = [sys.executable, "-m", "tests.lab.aws", "serve", "--state", str(state.resolve())]
    command += ["--port", str(options.port), "--scale", str(options.scale), "--seed", str(options.seed)]
    command += [] if options.guard is None else ["--guard", str(options.guard)]
    with _deferred() as interrupted:
        with log.open("wb") as output:
            daemon = subprocess.Popen(
                command,
                cwd=ROOT,
                env=_environment(mark),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            _await(daemon, state, log, interrupted)
        except Trouble:
            _sweep(mark, 0)
            raise
    print(exports(_read(state) or {}))
    return 0


def down(state: Path, _options: argparse.Namespace) -> int:
    """End the lab and every process it made; nothing to end is no failure."""
    known = _read(state)
    if known is None:
        print("The lab is not running.", file=sys.stderr)
        return 0
    alive = known["pid"] in marked(known["mark"])
    if alive:
        os.kill(known["pid"], signal.SIGTERM)
    _sweep(known["mark"], GONE)
    state.unlink(missing_ok=True)
    if alive:
        state.with_suffix(".log").unlink(missing_ok=True)
    return 0


def status(state: Path, _options: argparse.Namespace) -> int:
    known = _read(state)
    if known is None:
        raise Trouble(f"The lab is not running. Start it: {UP}")
    processes = marked(known["mark"])
    if known["pid"] not in processes:
        raise Trouble(f"The lab (pid {known['pid']}) died. Its log: {state.with_suffix('.log')}. Tidy up: {DOWN}")
    print(f"{known['endpoint']}  pid {known['pid']}  {known['network']}  scale {known['scale']}  seed {known['seed']}")
    print(f"{len(processes)} processes")
    return 0


def serve(state: Path, options: argparse.Namespace) -> int:
    """The daemon itself, in the foreground until SIGTERM or SIGINT."""
    share_models()
    from tests.lab.aws.server import ACCOUNT, REGION, Options, Server

    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_ignored: done.set())
    if options.guard is not None:
        _end_with(options.guard, done)
    letters = string.ascii_uppercase + string.digits
    access_key = "LABA" + "".join(secrets.choice(letters) for _ignored in range(16))
    secret_key = secrets.token_urlsafe(30)
    try:
        server = Server(Options(options.port, options.scale, options.seed), access_key, secret_key, os.environ[MARK])
    except OSError as error:
        raise Trouble(f"port {options.port} of 127.0.0.1: {error.strerror}") from error
    except RuntimeError as error:
        raise Trouble(str(error)) from error
    landing = server.start()
    _write(
        state,
        {
            "endpoint": server.endpoint,
            "region": REGION,
            "account": ACCOUNT,
            "access_key": access_key,
            "secret_key": secret_key,
            "pid": os.getpid(),
            "mark": os.environ[MARK],
            "scale": options.scale,
            "seed": options.seed,
            "network": server.lab.settings.network,
            **landing.as_dict(),
        },
    )
    done.wait()
    server.stop()
    return 0


def _end_with(pid: int, done: threading.Event) -> None:
    """Set `done` when process `pid` is gone, however it ended: a test run that is killed must leave no lab."""
    try:
        guarded = os.pidfd_open(pid)
    except ProcessLookupError:
        done.set()
        return

    def wait() -> None:
        select.select([guarded], [], [])
        done.set()

    threading.Thread(target=wait, daemon=True).start()


def exports(known: dict[str, Any]) -> str:
    """Lines for a shell: the SDKs and the CLI then talk to the lab only."""
    values = {
        "AWS_ENDPOINT_URL": known["endpoint"],
        "AWS_ACCESS_KEY_ID": known["access_key"],
        "AWS_SECRET_ACCESS_KEY": known["secret_key"],
        "AWS_REGION": known["region"],
        "AWS_DEFAULT_REGION": known["region"],
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    lines = [f"export {name}='{value}'" for name, value in values.items()]
    return "\n".join([*lines, "unset AWS_PROFILE AWS_SESSION_TOKEN"])


@contextlib.contextmanager
def _deferred() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set: between fork and exec an exception would lose the daemon."""
    interrupted = threading.Event()
    before = {
        number: signal.signal(number, lambda *_ignored: interrupted.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _await(daemon: subprocess.Popen[bytes], state: Path, log: Path, interrupted: threading.Event) -> None:
    """Until the daemon wrote its state; raises Trouble when it ends or takes too long, or when interrupted."""
    deadline = time.monotonic() + READY
    while not state.exists():
        if daemon.poll() is not None:
            last = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise Trouble(f"The lab did not start: {last[0] if last else 'no word from it'} (log: {log})")
        if time.monotonic() > deadline:
            raise Trouble(f"The lab is not ready after {READY:.0f} s (log: {log})")
        if interrupted.wait(0.02):
            raise Trouble("Interrupted: the lab was not started.")


def _sweep(mark: str, patience: float) -> None:
    """Wait until all of this lab's processes are gone, then SIGKILL the rest."""
    deadline = time.monotonic() + patience
    while left := marked(mark):
        if time.monotonic() >= deadline:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def _environment(mark: str) -> dict[str, str]:
    """Nothing of the caller's AWS settings reaches the daemon."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BOTO_", "MOTO_"))}
    return {**kept, **ENVIRONMENT, MARK: mark, "PYTHONUNBUFFERED": "1", "AWS_EC2_METADATA_DISABLED": "true"}


def _read(state: Path) -> dict[str, Any] | None:
    try:
        known: dict[str, Any] = json.loads(state.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise Trouble(f"{state} is not a lab's state file: {error}") from error
    return known


def _write(state: Path, known: dict[str, Any]) -> None:
    """Complete or not at all, and for its owner only: there are keys in it, if fake ones."""
    new = state.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as output:
        json.dump(known, output, indent=2)
    new.rename(state)


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """One command at a time per state directory."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.aws", description="An AWS that runs on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("up", "start it"), ("down", "end it and all its processes"), ("status", "is it running?")):
        _options(commands.add_parser(name, help=text), name == "up")
    _options(commands.add_parser("serve"), True)
    return parser


def _options(parser: argparse.ArgumentParser, starting: bool) -> None:
    parser.add_argument("--state", type=Path, default=STATE, help="state file (default: %(default)s)")
    if starting:
        parser.add_argument("--port", type=int, default=0, help="of the API; 0: any free one")
        parser.add_argument("--scale", type=_scale, default=0.1, help="real seconds per AWS second (default: 0.1)")
        parser.add_argument("--seed", type=int, default=1, help="of everything random (default: 1)")
        parser.add_argument("--guard", type=int, metavar="PID", help="end when this process is gone")


def _scale(text: str) -> float:
    value = float(text)
    if not 0 < value <= 10:
        raise argparse.ArgumentTypeError("a number above 0, at most 10")
    return value
