"""Weights as text: float16, or 8 bits a weight with a scale for each row, in base64 (page/unpacking.js reads it)."""

import base64
from typing import Any

import numpy as np

from model.torch_types import Tensor

FULL, SMALL = "float16", "int8"


def pack_weights(weights: dict[str, Tensor], form: str) -> list[dict[str, Any]]:
    """An entry for each matrix: its name, shape [rows, columns], form and data. A vector has one row."""
    return [pack_matrix(name, tensor.detach().cpu().numpy(), form) for name, tensor in weights.items()]


def pack_matrix(name: str, values: np.ndarray, form: str) -> dict[str, Any]:
    """One matrix. As int8, a row is its scale (float16) times whole numbers up to 127."""
    rows = values.reshape(-1, values.shape[-1]) if values.ndim > 1 else values[None]
    entry = {"name": name, "shape": list(rows.shape), "form": form}
    if form == FULL:
        return entry | {"data": encode(rows.astype("<f2"))}
    scale = (np.abs(rows).max(1, keepdims=True) / 127).astype("<f2")
    whole = np.round(rows / np.where(scale > 0, scale, 1)).clip(-127, 127).astype(np.int8)
    return entry | {"scale": encode(scale), "data": encode(whole)}


def unpack_matrix(entry: dict[str, Any]) -> np.ndarray:
    """The matrix of an entry, float32[rows, columns], as the page computes with it."""
    rows, columns = entry["shape"]
    if entry["form"] == FULL:
        return decode(entry["data"], "<f2").reshape(rows, columns)
    return decode(entry["data"], "int8").reshape(rows, columns) * decode(entry["scale"], "<f2").reshape(rows, 1)


def encode(array: np.ndarray) -> str:
    return base64.b64encode(array.tobytes()).decode()


def decode(text: str, dtype: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype).astype(np.float32)
