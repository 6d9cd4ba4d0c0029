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
    """The pipeline as an ONNX model: input `image` FP32 [n,64], output `probabilities` FP32 [n,10].

    Scaling and principal components are one affine map x -> z, and the quadratic features one outer product, so
    that a handful of operators does it: softmax(z L + (z outer z) Q + c).
    """
    import numpy as np
    from onnx import TensorProto, checker, helper, numpy_helper

    to, offset = affine(pipeline)
    linear, quadratic, constant = weights(pipeline[-1].coef_, pipeline[-1].intercept_, to.shape[1])
    tensors = {"to": to, "offset": offset, "linear": linear, "constant": constant}
    node = helper.make_node
    nodes = [
        node("MatMul", ["image", "to"], ["turned"]),
        node("Add", ["turned", "offset"], ["z"]),
        node("MatMul", ["z", "linear"], ["first"]),
    ]
    if quadratic.any():
        shapes = {"column": [-1, to.shape[1], 1], "row": [-1, 1, to.shape[1]], "flat": [-1, to.shape[1] ** 2]}
        nodes += [
            node("Reshape", ["z", "column"], ["z_column"]),
            node("Reshape", ["z", "row"], ["z_row"]),
            node("Mul", ["z_column", "z_row"], ["outer"]),
            node("Reshape", ["outer", "flat"], ["squares"]),
            node("MatMul", ["squares", "quadratic"], ["second"]),
            node("Add", ["first", "second"], ["sum"]),
        ]
        tensors |= {"quadratic": quadratic, **{name: np.array(shape, np.int64) for name, shape in shapes.items()}}
    nodes += [
        node("Add", [nodes[-1].output[0], "constant"], ["logits"]),
        node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [None, 64])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 10])],
        [
            numpy_helper.from_array(value if value.dtype == np.int64 else value.astype(np.float32), name)
            for name, value in tensors.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    return bytes(model.SerializeToString())


def affine(pipeline: Any) -> tuple[Any, Any]:
    """(matrix [64,k], offset [k]) of the scaler and of the components, if there are any."""
    import numpy as np

    scaler = pipeline[0]
    to, offset = np.diag(scaler.scale_), scaler.min_
    if "pca" in pipeline.named_steps:
        pca = pipeline.named_steps["pca"]
        to, offset = to @ pca.components_.T, (offset - pca.mean_) @ pca.components_.T
    return to, offset


def weights(coefficients: Any, intercept: Any, size: int) -> tuple[Any, Any, Any]:
    """(linear [k,10], quadratic [k*k,10], constant [10]) of a classifier on [z, z_i z_j for i <= j], k = `size`.

    The order of the products is that of sklearn.preprocessing.PolynomialFeatures(2).
    """
    import numpy as np

    quadratic = np.zeros((size, size, len(intercept)))
    rows, columns = np.triu_indices(size)
    if coefficients.shape[1] > size:
        quadratic[rows, columns] = coefficients[:, size:].T
    return coefficients[:, :size].T, quadratic.reshape(size * size, -1), intercept


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
