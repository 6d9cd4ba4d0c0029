# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo`: a model goes live on an embedded AWS, under load: one good release, two bad ones.

Exit code 0 only if everything promised happened; 130 when interrupted. Nothing is left running in either case.
`--update-docs` also writes docs/demo-output.txt, and an excerpt of it into the README.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools.demo_parts.lab import LabError
from tools.demo_parts.playbooks import PlaybookError
from tools.demo_parts.promises import excerpt
from tools.demo_parts.screen import Screen
from tools.demo_parts.show import Show, finish

BUILD = ROOT / "build" / "demo"
DOCS = ROOT / "docs" / "demo-output.txt"
README = ROOT / "README.md"
SHOWN = re.compile(
    r"(<!-- demo output: docs/demo-output.txt -->\n```text\n).*?(```\n<!-- end of demo output -->)", re.DOTALL
)
LIMIT = 480  # seconds; usual is 110


def interrupt(number: int, _ignored: FrameType | None) -> None:
    """SIGTERM, SIGHUP and the time limit end the demo as Ctrl-C does: everything that was started is ended."""
    if number == signal.SIGALRM:
        raise PlaybookError(f"The demo takes longer than {LIMIT} s. Its logs: {BUILD}")
    raise KeyboardInterrupt


def update_docs(text: str) -> None:
    """Write what a demo printed to docs/demo-output.txt, and an excerpt between the README's marks."""
    DOCS.parent.mkdir(exist_ok=True)
    DOCS.write_text(text)
    README.write_text(SHOWN.sub(lambda match: match[1] + excerpt(text) + match[2], README.read_text()))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update-docs", action="store_true", help="write docs/demo-output.txt and the README's copy")
    chosen = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, interrupt)
    signal.alarm(LIMIT)
    screen = Screen(sys.stdout)
    try:
        code = finish(screen, BUILD, Show(screen, BUILD).run())
    except (LabError, PlaybookError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Everything that was started has been ended.", file=sys.stderr)
        return 130
    if code == 0 and chosen.update_docs:
        update_docs(screen.text)
    return code


if __name__ == "__main__":
    sys.exit(main())
