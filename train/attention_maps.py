"""Attention weights as a figure: a panel for each layer and head."""

import numpy as np
from einops import rearrange
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from eval.internals import attention
from eval.text import render_question
from eval.trained_model import TrainedModel
from tasks.corpus import Cloze


def attention_maps(trained: TrainedModel, cloze: Cloze) -> Figure | None:
    """The attention weights when one question is asked: a panel for each layer and head, with tokens as labels.

    None where the objective cannot be asked.
    """
    query = trained.objective.make_query(cloze, np.zeros((1, 0), np.int32))
    if query is None:
        return None
    computed = attention(trained, query)
    labels = list(map(escape_formulas, computed.tokens))
    title = f"{escape_formulas(render_question(trained.corpus, cloze, 0))}     (a row attends to columns)"
    return draw_maps(list(computed.weights.numpy()), labels, title)


def draw_maps(weights: list[np.ndarray], labels: list[str], title: str) -> Figure:
    """The panels of `attention_maps`. `weights` of each layer are [heads, t, t].

    They are parts of one image: with axes for each panel, matplotlib takes two to three times as long.
    """
    depth, heads, t = len(weights), len(weights[0]), len(labels)
    gap = max(t // 8, 1)
    top, left = np.arange(depth) * (t + gap), np.arange(heads) * (t + gap)  # the first row and column of each panel
    figure = Figure(figsize=(2.3 * heads + 1, 2.3 * depth + 0.6), layout="constrained")
    axes = figure.subplots()
    axes.imshow(tiled(weights, gap), cmap="Blues", vmin=0, vmax=1)
    axes.spines[:].set_visible(False)
    axes.set_xticks(np.add.outer(left, np.arange(t)).ravel(), labels * heads, rotation=90)
    axes.set_yticks(np.add.outer(top, np.arange(t)).ravel(), labels * depth)
    axes.tick_params(labelsize=8)
    for layer, y in enumerate(top - 0.5):
        for head, x in enumerate(left - 0.5):
            axes.add_patch(Rectangle((x, y), t, t, fill=False, linewidth=0.8, clip_on=False))
            name = f"layer {layer + 1}, head {head + 1}"
            axes.text(x + t / 2, y - gap / 8, name, ha="center", va="bottom", fontsize=9)
    figure.suptitle(title, fontsize=9)
    return figure


def tiled(weights: list[np.ndarray], gap: int) -> np.ndarray:
    """Weights of each layer, [heads, t, t], as one image: a row for a layer, a column for a head, and gaps of NaN."""
    image = np.pad(np.stack(weights), [(0, 0), (0, 0), (0, gap), (0, gap)], constant_values=np.nan)
    return rearrange(image, "depth heads t s -> (depth t) (heads s)")[:-gap, :-gap]


def escape_formulas(text: str) -> str:
    """Text in which matplotlib sees no formula; names are data."""
    return text.replace("$", r"\$")
