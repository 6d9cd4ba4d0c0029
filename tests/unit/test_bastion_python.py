# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `probe` imports runs on a bastion: syntax of Python 3.9, nothing but its standard library and ansible-core.

Proven from the syntax trees of everything that would be sent there with the module.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "plugins/modules/probe.py"
BASTION = (3, 9)
# In the standard library of the Python that runs this test, but not yet in the bastion's.
NEWER = {"tomllib", "_pydatetime", "pathlib.types", "compression", "annotationlib", "string.templatelib"}
# typing, dataclasses and collections.abc grew after 3.9: what may be taken from them.
TYPING = {
    *("Any", "Callable", "Collection", "Dict", "Iterable", "Iterator", "List", "Mapping", "NamedTuple", "Optional"),
    *("Protocol", "Sequence", "Tuple", "Union", "TYPE_CHECKING"),
}


def imports(path: Path) -> list[tuple[str, int, list[str]]]:
    """Every import of a file, also inside functions: (module, level of the relative import, names)."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), feature_version=BASTION)):
        if isinstance(node, ast.Import):
            found += [(alias.name, 0, []) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.module or "", node.level, [alias.name for alias in node.names]))
    return found


def ours(path: Path, module: str, level: int, names: list[str]) -> list[Path]:
    """The files that a relative import brings along."""
    folder = path.parents[level - 1].joinpath(*module.split(".")) if module else path.parents[level - 1]
    whole = folder.with_suffix(".py")
    return [whole] if whole.is_file() else [folder / f"{name}.py" for name in names]


def sent() -> dict[Path, list[tuple[str, int, list[str]]]]:
    """The module and everything of ours that it imports, directly or not, with their imports."""
    seen: dict[Path, list[tuple[str, int, list[str]]]] = {}
    waiting = [MODULE]
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen[path] = imports(path)
            waiting += [file for found in seen[path] if found[1] for file in ours(path, *found)]
    return seen


SENT = sent()
IDS = [str(path.relative_to(ROOT / "plugins")) for path in SENT]


def test_the_engine_room_is_among_them() -> None:
    assert {"modules/probe.py", "module_utils/_probes/transport.py", "module_utils/_engine/verdict.py"} <= set(IDS)
    assert not [name for name in IDS if "_platforms" in name or "_clients" in name or "_drive" in name]


@pytest.mark.parametrize("path", SENT, ids=IDS)
def test_imports_only_what_a_bastion_has(path: Path) -> None:
    for module, level, names in SENT[path]:
        if level or module == "ansible.module_utils" or module.startswith("ansible.module_utils."):
            continue
        assert module.partition(".")[0] in sys.stdlib_module_names, module
        assert module not in NEWER
        if module == "typing":
            assert set(names) <= TYPING


@pytest.mark.parametrize("path", SENT, ids=IDS)
def test_annotations_are_not_evaluated(path: Path) -> None:
    """`X | None` in an annotation is fine on 3.9 only when nobody evaluates it."""
    assert "from __future__ import annotations" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", SENT, ids=IDS)
def test_uses_nothing_that_came_later(path: Path) -> None:
    """Calls that parse on 3.9 and fail there."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), feature_version=BASTION)):
        if isinstance(node, ast.Call):
            keywords = {keyword.arg for keyword in node.keywords}
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            assert not (name == "zip" and "strict" in keywords), f"line {node.lineno}: zip(strict=)"
            assert not (name == "dataclass" and keywords & {"slots", "kw_only"}), f"line {node.lineno}: dataclass"
            assert name not in {"aiter", "anext", "pairwise", "batched", "file_digest"}, f"line {node.lineno}: {name}"
        if isinstance(node, (ast.Assign, ast.Expr)) or getattr(node, "bases", None):
            unions = [
                inner for inner in ast.walk(node) if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.BitOr)
            ]
            for union in unions:
                assert not _is_type(union.left), f"line {union.lineno}: a union of types is evaluated"
        if isinstance(node, ast.Attribute):
            assert node.attr not in {"UTC", "StrEnum"}, f"line {node.lineno}: {node.attr}"


def _is_type(node: ast.expr) -> bool:
    if isinstance(node, ast.Subscript):
        node = node.value
    return isinstance(node, ast.Name) and (node.id[:1].isupper() or node.id in {"str", "int", "float", "bytes", "bool"})
