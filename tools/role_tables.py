# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the table of variables in each role's README from its argument specification.

`python tools/role_tables.py` rewrites what lies between the two marks; a test compares.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).resolve().parents[1] / "roles"
BEGIN = "<!-- variables: from meta/argument_specs.yml, by tools/role_tables.py -->"
END = "<!-- end of variables -->"


def options(role: Path) -> dict[str, dict[str, Any]]:
    """The variables of a role's main entry point, in their order."""
    spec = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())
    found: dict[str, dict[str, Any]] = spec["argument_specs"]["main"]["options"]
    return found


def table(role: Path) -> str:
    """A Markdown table: one row for each variable."""
    rows = ["| variable | type | default | what it is |", "|---|---|---|---|"]
    for name, option in options(role).items():
        text = " ".join(option["description"])
        rows.append(f"| `{name}` | {kind(option)} | {default(option)} | {plain(text)} |")
    return "\n".join(rows)


def kind(option: dict[str, Any]) -> str:
    """`list of str`, or the choices where there are some."""
    if "choices" in option:
        return " / ".join(f"`{choice}`" for choice in option["choices"])
    elements = option.get("elements")
    return f"list of {elements}" if elements else str(option["type"])


def default(option: dict[str, Any]) -> str:
    """The default as one writes it, or that there is none."""
    if option.get("required"):
        return "**required**"
    return "`" + json.dumps(option["default"], ensure_ascii=False).replace("|", "\\|") + "`"


def plain(text: str) -> str:
    """Ansible's markup (`V(x)`, `O(x=y)`, `M(x)`, `C(x)`, `P(x#role)`) as Markdown."""
    return re.sub(r"\b[VOMCP]\(([^()#]*)(?:#\w+)?\)", r"`\1`", text).replace("|", "\\|")


def renewed(readme: str, role: Path) -> str:
    """The README's text with a fresh table. Raises ValueError when a mark is missing."""
    before, begin, rest = readme.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{role.name}/README.md lacks the marks around its table of variables")
    return f"{before}{BEGIN}\n{table(role)}\n{END}{after}"


def main() -> None:
    for path in sorted(ROLES.glob("*/README.md")):
        path.write_text(renewed(path.read_text(), path.parent))


if __name__ == "__main__":
    main()
