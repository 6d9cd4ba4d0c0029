# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.lab.images list`: what the lab's registry holds; `pin FILE…`: refresh digests in files."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path

from . import registry

PINNED = re.compile(re.escape(registry.REPOSITORY) + r":([\w.-]+)@sha256:[0-9a-f]{64}")


def pin(text: str) -> str:
    """`text` with the digest of every pinned lab image made current. Raises KeyError for an unknown tag."""
    return PINNED.sub(lambda match: registry.reference(match[1]), text)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.images", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="name, tag, digest and what each image does")
    listing.add_argument("--json", action="store_true", help="as JSON: {tag: {image, digest, does}}")
    pinning = commands.add_parser("pin", help="write current digests into files that name pinned images")
    pinning.add_argument("files", nargs="+", type=Path)
    chosen = parser.parse_args(arguments)
    if chosen.command == "pin":
        for path in chosen.files:
            path.write_text(pin(path.read_text()))
    elif chosen.json:
        builds = {
            build.tag: {"image": registry.reference(build.tag), "digest": registry.digest(build), "does": build.does}
            for build in registry.BUILDS
        }
        print(json.dumps(builds, indent=1))
    else:
        for build in registry.BUILDS:
            print(f"{registry.REPOSITORY}  {build.tag:13}  {registry.digest(build)}  {build.does}")


if __name__ == "__main__":
    main()
