# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live front end of an action: progress while a task runs, and an orderly end when somebody asks for it.

With a local connection the work is done here, in the action, which may print as it goes, and saves the second that a
module takes to be packed, started and read. Elsewhere the module of the same name does it silently: a module cannot say
anything before it ends.
"""

from __future__ import annotations

import json
import os
import signal
import textwrap
import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

WIDTH = 80  # columns
HEARTBEAT = 15.0  # seconds without a line
EXIT_ALONE = 1  # of a worker whose result nobody waits for
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)  # SIGALRM is how `timeout:` ends a task


class Voice:
    """Prints `[host] 00:42 who  text`: a line for each change, and one now and then while nothing changes."""

    def __init__(self, host: str, display: Callable[..., None], clock: Callable[[], float] = time.monotonic) -> None:
        self._host = host
        self._display = display
        self._clock = clock
        self._last = clock()
        # A callback that prints JSON owns standard output.
        self._stderr = "json" in str(constants.DEFAULT_STDOUT_CALLBACK)

    def change(self, at: float, who: str, text: str) -> None:
        """`at`: seconds since the run began."""
        minutes, seconds = divmod(int(at), 60)
        head = f"[{self._host}] {minutes:02d}:{seconds:02d} {who:<10} "
        indent = " " * min(len(head), WIDTH // 2)
        for line in textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=indent):
            self._display(line, stderr=self._stderr)
        self._last = self._clock()

    def beat(self, at: float, who: str, text: str) -> None:
        """The same, when there has been no line for a while."""
        if self._clock() - self._last >= HEARTBEAT:
            self.change(at, who, text)


class Ears:
    """Hears that the run is to end: the first signal, `timeout:`, or the parent's death. A second signal exits.

    ansible-core 2.19, executor/task_queue_manager.py: on SIGINT ansible-playbook hands it on to its workers, stops
    reading from them, sends SIGTERM to those that are left (`_cleanup_processes`, up to twice) and waits for them at
    its exit. So SIGTERM after SIGINT is not a second wish. On SIGTERM it hands that on and dies. A terminal's second
    Ctrl-C ends ansible-playbook alone: a worker is in a session of its own.
    """

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._heard = False
        self._first = 0  # the signal that was heard first; 0 = none
        self._left = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Ears:
        for number in SIGNALS:
            if number != signal.SIGALRM or signal.getsignal(number) not in (signal.SIG_DFL, None):
                self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def __call__(self) -> bool:
        """Nobody waits for a worker whose parent is gone: it must not go on alone."""
        return self._heard or self.alone

    @property
    def alone(self) -> bool:
        """Nobody reads what this worker says: its parent is gone, or is ending."""
        return self._left or os.getppid() != self._parent

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        self._heard = True
        if number == signal.SIGALRM:
            return
        if not self._first:
            self._first = number
        elif (self._first, number) == (signal.SIGINT, signal.SIGTERM):
            self._left = True
        else:
            os._exit(128 + number)


class LocalAction(ActionBase):  # type: ignore[misc] # ansible-core has no types
    """An action that does the work of the module of the same name."""

    _supports_check_mode = True
    _supports_async = False

    def specification(self) -> dict[str, Any]:
        """Keyword arguments of ArgumentSpecValidator."""
        raise NotImplementedError

    def answer(self, params: Mapping[str, Any], host: str) -> dict[str, Any]:
        """The task's result for validated options."""
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        if self._connection.transport != "local":
            return {**result, **self._execute_module(task_vars=task_vars)}
        result.update(self.answer(self._validated(), (task_vars or {}).get("inventory_hostname", "localhost")))
        if not self._task.diff:
            result.pop("diff", None)
        return result

    def _validated(self) -> dict[str, Any]:
        """Plain data: what templates made may carry tags that an SDK does not know."""
        given = json.loads(json.dumps(dict(self._task.args), default=str))
        checked = ArgumentSpecValidator(**self.specification()).validate(given)
        if checked.error_messages:
            raise AnsibleActionFail(f"{self._task.action}: {'; '.join(checked.error_messages)}")
        params: dict[str, Any] = checked.validated_parameters
        return params


class LiveAction(LocalAction):
    """One that works for a while: aloud, and ready to be ended."""

    def work(self, params: Mapping[str, Any], voice: Voice, ears: Ears) -> dict[str, Any]:
        """The task's result."""
        raise NotImplementedError

    def answer(self, params: Mapping[str, Any], host: str) -> dict[str, Any]:
        with Ears() as ears:
            display = Display().display

            def show(line: str, stderr: bool) -> None:
                if not (self._task.no_log or ears.alone):
                    display(line, stderr=stderr)

            result = self.work(params, Voice(host, show), ears)
            if ears.alone:
                # Everything is recorded. Handing over a result would block as soon as the pipe is full.
                os._exit(EXIT_ALONE)
            return result
