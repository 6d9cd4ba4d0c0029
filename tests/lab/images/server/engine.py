# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The classifier itself: one ONNX model run by onnxruntime with one thread."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime

PIXELS = 64
CLASSES = 10


class Engine:
    """`model`: the bytes of an ONNX model with input `image` FP32 [n,64] and output `probabilities` [n,10]."""

    def __init__(self, model: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # many tasks share the machine: one thread each
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def probabilities(self, images: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
        """`images`: [n,64], pixel values 0..16. Returns [n,10]."""
        rows = np.asarray(images, dtype=np.float32).reshape(-1, PIXELS)
        table: np.ndarray[Any, np.dtype[np.float32]] = self._session.run(["probabilities"], {"image": rows})[0]
        return table
