# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.lab.aws.ports import ImageNotFound
from tests.lab.images import registry
from tests.lab.images.__main__ import PINNED, main, pin
from tests.lab.images.server import faults


def test_tag_digest_and_both_resolve_to_the_same_image() -> None:
    both = registry.reference("2")
    digest = both.partition("@")[2]
    images = [registry.resolve(name) for name in (both, f"{registry.REPOSITORY}:2", f"{registry.REPOSITORY}@{digest}")]
    assert images[0] == images[1] == images[2]
    assert images[0].env["MODEL_VERSION"] == "2"
    assert images[0].argv[0] == sys.executable


def test_digest_decides_over_the_tag() -> None:
    digest = registry.reference("never-healthy").partition("@")[2]
    assert registry.resolve(f"{registry.REPOSITORY}:2@{digest}").env["FAULT"] == "never_healthy"


@pytest.mark.parametrize(
    "name",
    [
        "models.example/digits",
        "models.example/digits:9",
        "models.example/digits@sha256:" + "0" * 64,
        "models.example/digits:1@sha256:" + "0" * 64,
        "elsewhere.example:5000/digits:1",
    ],
)
def test_unknown_image_is_refused_in_the_words_of_ecs(name: str) -> None:
    full = name if name.count(":") else f"{name}:latest"
    text = f"pull image manifest has been retried 5 time(s): failed to resolve ref {full}: {full}: not found"
    with pytest.raises(ImageNotFound, match=re.escape(text)):
        registry.resolve(name)


@pytest.mark.parametrize("name", ["", "models.example/digits:", "models.example/digits@sha256:12", "a b", ":1"])
def test_malformed_reference(name: str) -> None:
    with pytest.raises(ImageNotFound):
        registry.resolve(name)


def test_every_build_has_its_own_digest_and_a_fault_the_server_knows() -> None:
    digests = {registry.digest(build) for build in registry.BUILDS}
    assert len(digests) == len(registry.BUILDS)
    used = {faults.parse(build.fault).kind for build in registry.BUILDS} - {""}
    assert used == set(faults.KINDS)


def test_digest_follows_the_content(tmp_path, monkeypatch) -> None:
    build = registry.BUILDS[0]
    before = registry.digest(build)
    for name, data in (("server/http.py", b"x"), ("models/digits-1.onnx", b"y")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    monkeypatch.setattr(registry, "HERE", tmp_path)
    registry.digest.cache_clear()
    first = registry.digest(build)
    (tmp_path / "server/http.py").write_bytes(b"z")
    registry.digest.cache_clear()
    second = registry.digest(build)
    registry.digest.cache_clear()
    assert len({before, first, second}) == 3


def test_list_prints_each_image(capsys: pytest.CaptureFixture[str]) -> None:
    main(["list"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == [build.tag for build in registry.BUILDS]
    assert all(re.search(r"sha256:[0-9a-f]{64}", line) for line in lines)


def test_pin_refreshes_digests_and_nothing_else() -> None:
    stale = f"image: {registry.REPOSITORY}:2@sha256:{'0' * 64} # other@sha256:{'0' * 64}"
    assert pin(stale) == f"image: {registry.reference('2')} # other@sha256:{'0' * 64}"


def test_the_image_runs_from_any_directory(tmp_path) -> None:
    image = registry.resolve(f"{registry.REPOSITORY}:1")
    check = subprocess.run(  # nothing listens on port 1: the health check must run, and say no
        ["healthcheck"],  # noqa: S607 - found on the PATH of the image, as in a container
        env={**image.env, "LAB_BIND": "127.0.0.1", "PORT": "1"},
        cwd=tmp_path,
        check=False,
        timeout=20,
    )
    assert check.returncode == 1


def test_pinned_images_of_inventories_and_documents_are_current() -> None:
    """Mend it with `python -m tests.lab.images pin FILE`."""
    places = [registry.ROOT / name for name in ("inventories", "extensions", "docs", "README.md")]
    files = [path for place in places for path in (place.rglob("*") if place.is_dir() else [place]) if path.is_file()]
    pinned = {path: path.read_text() for path in files if PINNED.search(path.read_text(errors="replace"))}
    assert registry.ROOT / "inventories/local/host_vars/digits.yml" in pinned
    assert [path for path, text in pinned.items() if pin(text) != text] == []
