# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Artefacts that instances may fetch instead of an image: the models of `tests/lab/images`, by name and checksum."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from tests.lab.aws.ports import ImageNotFound
from tests.lab.images import registry

SUMS = registry.HERE / "models" / "SHA256SUMS"


@cache
def checksums() -> Mapping[str, str]:
    """File name -> SHA-256, as committed beside the models."""
    pairs = (line.split() for line in SUMS.read_text().splitlines())
    return {name: checksum for checksum, name in pairs}


def serve(artifact: str, checksum: str) -> tuple[str, Mapping[str, str]]:
    """(image, environment) that serve what the address names. Raises ImageNotFound as a failing download would."""
    name = artifact.rpartition("/")[2]
    builds = {f"digits-{build.model}.onnx": build for build in registry.BUILDS if not build.fault}
    if name not in builds:
        raise ImageNotFound(f"404 Not Found: {artifact}")
    if checksums()[name] != checksum:
        raise ImageNotFound(f"checksum of {artifact} is {checksums()[name]}, not {checksum}")
    return registry.reference(builds[name].tag), {}
