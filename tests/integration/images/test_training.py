# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Training again gives the committed models' golden answers (not their bytes)."""

from __future__ import annotations

import json

import numpy as np

from tests.lab.images import train
from tests.lab.images.server.engine import Engine


def test_retraining_matches_the_golden_answers(tmp_path) -> None:
    accuracy = train.write(tmp_path)
    assert accuracy == json.loads((train.MODELS / "accuracy.json").read_text())
    golden = json.loads((train.MODELS / "golden.json").read_text())
    again = json.loads((tmp_path / "golden.json").read_text())
    assert [item["pixels"] for item in again] == [item["pixels"] for item in golden]
    for version in ("1", "2"):
        engine = Engine((tmp_path / f"digits-{version}.onnx").read_bytes())
        table = engine.probabilities([item["pixels"] for item in golden])
        expected = np.array([item["answers"][version] for item in golden])
        assert np.abs(table - expected).max() < 1e-5


def test_onnx_says_what_scikit_learn_says() -> None:
    fitted = train.train()
    for version in ("1", "2"):
        table = Engine(train.to_onnx(fitted[version])).probabilities(fitted["images"])
        assert np.abs(table - fitted[version].predict_proba(fitted["images"])).max() < 1e-5
