# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's container registry: image references to what runs for them.

An image is the model server (server/*.py), one trained model, and environment defaults, one of which may
switch a fault on. Its digest is the SHA-256 of a manifest that lists the files' digests and the
environment, as an OCI manifest lists layers and configuration: a changed file is another digest.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.lab.aws.ports import ImageNotFound

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
REPOSITORY = "models.example/digits"
PORT = 8080  # what the server listens on unless PORT says otherwise

REFERENCE = re.compile(
    r"(?P<name>[^@:]+(?::\d+/[^@:]+)?)(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True)
class Image:
    """How to run an image: `argv` is its entry point (a container's command is appended), `env` its defaults."""

    argv: tuple[str, ...]
    env: Mapping[str, str]


@dataclass(frozen=True)
class Build:
    """What the registry holds under one tag."""

    tag: str
    model: str  # version of the model: digits-<model>.onnx
    does: str  # for people
    fault: str = ""  # default of the environment's FAULT

    @property
    def env(self) -> dict[str, str]:
        """Environment defaults that are part of the image."""
        env = {"MODEL_VERSION": self.model, "PORT": str(PORT), "OMP_NUM_THREADS": "1"}
        return env | {"FAULT": self.fault} if self.fault else env


BUILDS: Sequence[Build] = (
    Build("1", "1", "small linear model"),
    Build("2", "2", "better model"),
    Build("slow-start", "2", "ready only after 15 s", "slow_start:15"),
    Build("never-healthy", "2", "runs, but never gets ready", "never_healthy"),
    Build("crash-after", "2", "crashes 5 s after it got ready", "crash_after:5"),
    Build("wrong-answers", "2", "healthy, answers 200 with the wrong digit", "wrong_answers"),
    Build("souring", "2", "healthy, right for 20 answers, then the wrong digit", "souring:20"),
    Build("slow-answers", "2", "healthy, each answer takes 3 s", "slow_answers:3"),
    Build("stream-cut", "2", "healthy, cuts streams in the middle", "stream_cut"),
    Build("engine-dead", "2", "healthy, every inference fails with 500", "engine_dead"),
)


def resolve(image: str) -> Image:
    """What runs for `models.example/digits[:tag][@sha256:digest]`; of tag and digest, the digest decides.

    A reference without either means the tag `latest`, which this registry does not have.
    Raises ImageNotFound with the text that ECS shows after CannotPullContainerError.
    Source: Amazon ECS developer guide, "CannotPullContainer task errors in Amazon ECS".
    """
    match = REFERENCE.fullmatch(image)
    if match is None:
        raise ImageNotFound(f"invalid reference format: {image}")
    tag = match["tag"] or "latest"
    for build in BUILDS if match["name"] == REPOSITORY else ():
        if match["digest"] == digest(build) if match["digest"] else build.tag == tag:
            return Image(
                argv=(sys.executable, "-m", "tests.lab.images.server"),
                env=build.env
                | {"PYTHONPATH": str(ROOT), "PATH": f"{HERE / 'bin'}:{Path(sys.executable).parent}:/usr/bin:/bin"},
            )
    full = image if match["tag"] or match["digest"] else f"{image}:{tag}"
    raise ImageNotFound(
        f"pull image manifest has been retried 5 time(s): failed to resolve ref {full}: {full}: not found"
    )


def reference(tag: str) -> str:
    """`models.example/digits:<tag>@sha256:<digest>`. Raises KeyError for a tag that does not exist."""
    return f"{REPOSITORY}:{tag}@{digest({build.tag: build for build in BUILDS}[tag])}"


@cache
def digest(build: Build) -> str:
    """`sha256:` and the digest of the image's manifest."""
    manifest = {"config": build.env, "layers": _layers(HERE, build.model)}
    return "sha256:" + hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _layers(directory: Path, model: str) -> dict[str, str]:
    """Path within the image and SHA-256 of each file."""
    files = [*sorted((directory / "server").glob("*.py")), directory / "models" / f"digits-{model}.onnx"]
    return {str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
