# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Train the two digits classifiers of the lab's images and write tests/lab/images/models/.

Run `python -m tests.lab.images.train` (needs requirements-train.txt). Data: scikit-learn's bundled
1,797 handwritten digits of 8x8 pixels, values 0..16 (UCI "Optical Recognition of Handwritten Digits").
Both models are convex problems solved to a tight tolerance, so that training again on another machine
gives the same answers (within 1e-5 in every probability), though not the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MODELS = Path(__file__).parent / "models"
SEED = 20260101
SMALL = 300  # images that version 1 was trained with
GOLDEN_PER_DIGIT = 2
MARGIN = 0.1  # how far a gate lets the confidence stay below 1: holds for every good version


def train() -> dict[str, Any]:
    """Fit both versions. Returns {version: fitted pipeline} and the held-out set under "images", "labels"."""
    import numpy as np
    from sklearn.datasets import load_digits
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures

    digits = load_digits()
    images, held_out, labels, held_labels = train_test_split(
        digits.data.astype(np.float32), digits.target, test_size=0.3, stratify=digits.target, random_state=SEED
    )
    linear = make_pipeline(MinMaxScaler(), LogisticRegression(C=1.0, tol=1e-10, max_iter=20_000))
    quadratic = make_pipeline(
        MinMaxScaler(),
        PCA(20, svd_solver="full"),  # keeps the squares of 20 features, not of 64: a model of 60 kB
        PolynomialFeatures(2, include_bias=False),
        LogisticRegression(C=1.0, tol=1e-9, max_iter=20_000),
    )
    return {
        "1": linear.fit(images[:SMALL], labels[:SMALL]),
        "2": quadratic.fit(images, labels),
        "images": held_out,
        "labels": held_labels,
    }


def to_onnx(pipeline: Any) -> bytes:
    """The pipeline as an ONNX model: input `image` FP32 [n,64], outputs `label` and `probabilities` [n,10]."""
    from skl2onnx import to_onnx as convert
    from skl2onnx.common.data_types import FloatTensorType

    model = convert(
        pipeline,
        initial_types=[("image", FloatTensorType([None, 64]))],
        options={id(pipeline): {"zipmap": False}},
        target_opset=17,
    )
    return bytes(model.SerializeToString())


def answers(model: bytes, images: Any) -> Any:
    """Probabilities [n,10] that an ONNX model gives, computed by one thread as the server does."""
    from tests.lab.images.server.engine import Engine

    return Engine(model).probabilities(images)


def golden(images: Any, labels: Any, by_version: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Held-out digits that every version reads rightly and surely: the first GOLDEN_PER_DIGIT of each class.

    `gate` is what a release gate may demand of any good version; `answers` is what each version says.
    """
    found: dict[int, list[dict[str, Any]]] = {digit: [] for digit in range(10)}
    for index, label in enumerate(int(label) for label in labels):
        each = {version: table[index] for version, table in by_version.items()}
        sure = [float(row[label]) for row in each.values()]
        right = all(int(row.argmax()) == label for row in each.values())
        if right and min(sure) > 1 - MARGIN and len(found[label]) < GOLDEN_PER_DIGIT:
            found[label].append(
                {
                    "pixels": [int(value) for value in images[index]],
                    "gate": {"label": label, "confidence": {"value": 1 - MARGIN / 2, "abs": MARGIN / 2}},
                    "answers": {
                        version: [round(float(value), 7) for value in row] for version, row in sorted(each.items())
                    },
                }
            )
    return [item for digit in range(10) for item in found[digit]]


def write(directory: Path) -> Mapping[str, object]:
    """Train, then write models, golden answers, accuracies and checksums. Returns the accuracies."""
    directory.mkdir(parents=True, exist_ok=True)
    fitted = train()
    images, labels = fitted["images"], fitted["labels"]
    models = {version: to_onnx(fitted[version]) for version in ("1", "2")}
    tables = {version: answers(model, images) for version, model in models.items()}
    accuracy = {
        "held_out_images": len(labels),
        "versions": {
            version: {
                "accuracy": round(float((table.argmax(axis=1) == labels).mean()), 4),
                "errors": int((table.argmax(axis=1) != labels).sum()),
                "bytes": len(models[version]),
            }
            for version, table in tables.items()
        },
    }
    for version, model in models.items():
        (directory / f"digits-{version}.onnx").write_bytes(model)
    dump(directory / "accuracy.json", accuracy)
    dump(directory / "golden.json", golden(images, labels, tables))
    names = sorted(path.name for path in directory.iterdir() if path.name != "SHA256SUMS")
    sums = [f"{hashlib.sha256((directory / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (directory / "SHA256SUMS").write_text("".join(sums))
    return accuracy


def dump(path: Path, value: object) -> None:
    text = json.dumps(value, indent=1, sort_keys=True)
    path.write_text(compact(text) + "\n")


def compact(text: str) -> str:
    """Put each list of plain numbers on one line."""
    lines: list[str] = []
    row: list[str] | None = None
    for line in text.splitlines():
        if line.endswith("["):
            if row is not None:
                lines.extend(row)
            row = [line]
        elif row is None:
            lines.append(line)
        elif line.strip() in ("]", "],"):
            lines.append(row[0] + " ".join(part.strip() for part in row[1:]) + line.strip())
            row = None
        elif line.endswith("{"):
            lines.extend([*row, line])
            row = None
        else:
            row.append(line)
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: `--output DIRECTORY`, by default the committed one."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--output", type=Path, default=MODELS)
    print(json.dumps(write(parser.parse_args(arguments).output)))


if __name__ == "__main__":
    main()
