# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract with moto: its version, its private parts, and that we touch no others than those listed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import moto
import pytest

from tests.lab.aws import compat

LAB = Path(compat.__file__).parent
ROOT = LAB.parents[2]


def imports(path: Path) -> Iterator[str]:
    """`module:name` of everything the file takes from moto."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (f"{alias.name}:" for alias in node.names if alias.name.split(".")[0] == "moto")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "moto":
            yield from (f"{node.module}:{alias.name}" for alias in node.names)


USES = [(str(path.relative_to(LAB)), use) for path in sorted(LAB.rglob("*.py")) for use in imports(path)]


def test_the_pinned_version_is_installed_and_required() -> None:
    assert moto.__version__ == compat.VERSION
    assert f"moto=={compat.VERSION}" in (ROOT / "requirements-dev.txt").read_text()


def test_all_we_touch_is_there_with_the_parameters_we_rely_on() -> None:
    assert compat.lacking() == []


@pytest.mark.parametrize("use", sorted({use for _ignored, use in USES}))
def test_all_we_import_is_listed(use: str) -> None:
    assert any(name == use or name.startswith(use if use.endswith(":") else f"{use}.") for name in compat.TOUCHED)


def test_moto_is_touched_by_the_api_the_server_and_compat_only() -> None:
    assert {path.split("/")[0] for path, _ignored in USES} == {"api", "compat.py", "server.py"}


def test_what_is_gone_or_changed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    touched = {"moto.backends:nope": None, "moto.nope:x": None, "moto.backends:get_backend": ("other",)}
    monkeypatch.setattr(compat, "TOUCHED", touched)
    monkeypatch.setattr(compat, "STORES", {"ecs": ("clusters", "novelties")})
    assert compat.lacking() == [
        "moto.backends:nope is gone",
        "moto.nope:x is gone",
        "moto.backends:get_backend takes ('name',), not ('other',)",
        "the store of ecs has no novelties",
    ]


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moto, "__version__", "5.2.6")
    with pytest.raises(compat.Incompatible, match=r"moto 5\.2\.5 is needed, 5\.2\.6 is installed"):
        compat.check()


def test_a_missing_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in compat.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    compat.check()
    monkeypatch.delenv("MOTO_IAM_LOAD_MANAGED_POLICIES")
    with pytest.raises(compat.Incompatible, match="MOTO_IAM_LOAD_MANAGED_POLICIES is not set"):
        compat.check()


@pytest.mark.parametrize(
    ("method", "path", "query", "operation"),
    [
        ("PUT", "/bucket", "", "CreateBucket"),
        ("PUT", "/bucket", "versioning", "PutBucketVersioning"),
        ("GET", "/bucket", "versioning", "GetBucketVersioning"),
        ("HEAD", "/bucket", "", "HeadBucket"),
        ("GET", "/bucket", "list-type=2", "ListObjectsV2"),
        ("PUT", "/bucket/some/key", "", "PutObject"),
        ("GET", "/bucket/some/key", "", "GetObject"),
        ("DELETE", "/bucket/some/key", "", "DeleteObject"),
        ("GET", "/", "", "ListBuckets"),
    ],
)
def test_rest_requests_are_named(method: str, path: str, query: str, operation: str) -> None:
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "RAW_URI": path + (f"?{query}" if query else ""),
        "HTTP_HOST": "127.0.0.1:5000",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "5000",
        "wsgi.url_scheme": "http",
    }
    assert compat.route("s3", environ) == operation


def test_a_service_nobody_knows_has_no_operations() -> None:
    assert compat.route("nonsense", {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_HOST": "x"}) is None
