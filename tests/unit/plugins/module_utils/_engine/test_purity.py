# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine is pure: its syntax trees import nothing that reads a clock, a socket, a file or chance."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine import model

ENGINE = Path(model.__file__).parent
PURE = {
    "__future__",
    "collections.abc",
    "dataclasses",
    "enum",
    "itertools",
    "math",
    "textwrap",
    "typing",
    "zlib",  # crc32 alone: the jitter
}
FILES = sorted(ENGINE.glob("*.py"))
BUILTINS = {"open", "input", "print", "exec", "eval", "__import__", "compile", "breakpoint"}


def imports(tree: ast.AST) -> set[str]:
    """Modules imported from outside the engine."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or "") if node.level != 1 else "")
    return found - {""}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_but_the_pure_parts_of_the_standard_library(path: Path) -> None:
    assert imports(ast.parse(path.read_text())) <= PURE


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_builtin_that_reaches_outside(path: Path) -> None:
    names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
    assert not names & BUILTINS


def test_the_check_sees_what_it_must() -> None:
    for line in ("import time", "from random import random", "from .._platforms import base", "import os.path"):
        assert imports(ast.parse(line)) - PURE
    assert len(FILES) > 10


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_dataclass_is_frozen(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef):
            for decorator in node.decorator_list:
                assert ast.unparse(decorator) == "dataclass(frozen=True)", node.name
