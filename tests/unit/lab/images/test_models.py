# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The committed models against their committed checksums, accuracies and golden answers."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from tests.lab.images.server.engine import Engine
from tests.lab.images.train import GOLDEN_PER_DIGIT, MODELS, compact

GOLDEN = json.loads((MODELS / "golden.json").read_text())


def test_checksums() -> None:
    listed = dict(reversed(line.split("  ")) for line in (MODELS / "SHA256SUMS").read_text().splitlines())
    assert listed == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in MODELS.iterdir()
        if path.name != "SHA256SUMS"
    }


def test_version_2_is_measurably_better() -> None:
    accuracy = json.loads((MODELS / "accuracy.json").read_text())
    one, two = accuracy["versions"]["1"], accuracy["versions"]["2"]
    assert one["accuracy"] > 0.9
    assert two["errors"] * 2 < one["errors"]
    assert max(one["bytes"], two["bytes"]) < 100_000


@pytest.mark.parametrize("version", ["1", "2"])
def test_model_gives_the_golden_answers(version: str) -> None:
    table = Engine((MODELS / f"digits-{version}.onnx").read_bytes()).probabilities([item["pixels"] for item in GOLDEN])
    expected = np.array([item["answers"][version] for item in GOLDEN])
    assert np.abs(table - expected).max() < 1e-5


@pytest.mark.parametrize("version", ["1", "2"])
def test_gates_hold_for_both_good_versions_and_for_no_wrong_digit(version: str) -> None:
    assert [item["gate"]["label"] for item in GOLDEN] == [d for d in range(10) for _ignored in range(GOLDEN_PER_DIGIT)]
    for item in GOLDEN:
        row, gate = item["answers"][version], item["gate"]
        assert row.index(max(row)) == gate["label"]
        assert abs(max(row) - gate["confidence"]["value"]) <= gate["confidence"]["abs"]


def test_compact_changes_the_layout_only() -> None:
    value = [{"a": [1, 2], "b": [{"c": []}, {"d": [[3], [4]]}]}, [5]]
    text = compact(json.dumps(value, indent=1))
    assert json.loads(text) == value
    assert '"a": [1, 2]' in text
