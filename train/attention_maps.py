"""Attention weights as figures: of one model, a panel for each layer and head; of several, a column for each."""

import warnings

import numpy as np
from einops import rearrange
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import eval.internals
from eval.internals import Attention
from eval.trained_model import TrainedModel
from tasks.corpus import Cloze

ASKED = "#d55e00"  # the frame around the rows that predict
# Names can be of scripts that matplotlib's font has not. They are drawn as boxes, and Text shows them.
warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from", UserWarning)
HOW_TO_READ = "A row attends to columns: the darker, the more."


def attention_of(trained: TrainedModel, cloze: Cloze) -> Attention | None:
    """The attention weights when the one question of `cloze` is asked. None where the objective cannot be asked."""
    query = trained.objective.make_query(cloze, np.zeros((1, 0), np.int32))
    return None if query is None else eval.internals.attention(trained, query)


def attention_maps(trained: TrainedModel, cloze: Cloze, caption: str) -> Figure | None:
    """A panel for each layer and head, with tokens as labels. None where the objective cannot be asked."""
    attention = attention_of(trained, cloze)
    return None if attention is None else draw_heads(attention, caption)


def draw_heads(attention: Attention, caption: str) -> Figure:
    """The panels of `attention_maps`.

    They are parts of one image: with axes for each panel, matplotlib takes two to three times as long.
    """
    weights, labels = attention.weights.numpy(), list(map(escape_formulas, attention.tokens))
    depth, heads, t = len(weights), len(weights[0]), len(labels)
    gap = max(t // 8, 1)
    top, left = np.arange(depth) * (t + gap), np.arange(heads) * (t + gap)  # the first row and column of each panel
    figure = Figure(figsize=(2.1 * heads + 0.6, 2.1 * depth + 1.2), layout="constrained")
    axes = figure.subplots()
    show(axes, tiled(weights, gap))
    axes.spines[:].set_visible(False)
    axes.set_xticks(np.add.outer(left, np.arange(t)).ravel(), labels * heads, rotation=90)
    axes.set_yticks(np.add.outer(top, np.arange(t)).ravel(), labels * depth)
    axes.tick_params(labelsize=9)
    for layer, y in enumerate(top):
        for head, x in enumerate(left):
            frame(axes, x, y, t, t, "black", 0.8)
            frame_asked(axes, attention, x, y)
            name = f"layer {layer + 1}, head {head + 1}"
            axes.text(x - 0.5 + t / 2, y - 0.5 - gap / 8, name, ha="center", va="bottom", fontsize=10)
    write_captions(figure, caption, attention.asked is not None, HOW_TO_READ, fontsize=11)
    return figure


def draw_side_by_side(attentions: dict[str, Attention], caption: str) -> Figure:
    """A column for each model, by name, and a row for each layer: the mean over its heads."""
    depth = max(len(attention.weights) for attention in attentions.values())
    figure = Figure(figsize=(max(4.4 * len(attentions), 8.8), 1.55 * depth + 1.7), layout="constrained")
    panels = figure.subplots(depth, len(attentions), squeeze=False)
    for column, (name, attention) in zip(panels.T, attentions.items()):
        t, labels = len(attention.tokens), list(map(escape_formulas, attention.tokens))
        for axes in column[len(attention.weights) :]:
            axes.set_axis_off()
        for layer, (axes, heads) in enumerate(zip(column, attention.weights.numpy()), 1):
            show(axes, heads.mean(0))
            frame_asked(axes, attention, 0, 0)
            axes.set_title(f"{name}, layer {layer}", fontsize=12)
            is_last = layer == len(attention.weights)
            axes.set_xticks(range(t), labels if is_last else [""] * t, rotation=35, ha="right", rotation_mode="anchor")
            axes.set_yticks(range(t), labels)
            axes.tick_params(labelsize=11, length=0)
    is_framed = any(attention.asked is not None for attention in attentions.values())
    write_captions(figure, caption, is_framed, f"{HOW_TO_READ} Mean over the heads.", fontsize=13)
    return figure


def show(axes: Axes, weights: np.ndarray) -> None:
    axes.imshow(weights, cmap="Blues", vmin=0, vmax=1)


def frame(axes: Axes, x: float, y: float, width: float, height: float, color: str, linewidth: float) -> None:
    """A frame around cells, `x` and `y` being the first ones."""
    corner = (x - 0.5, y - 0.5)
    axes.add_patch(Rectangle(corner, width, height, fill=False, color=color, linewidth=linewidth, clip_on=False))


def frame_asked(axes: Axes, attention: Attention, x: float, y: float) -> None:
    """A frame around the row that predicts the answer, in a panel whose first cell is at `x` and `y`."""
    if attention.asked is not None:
        frame(axes, x, y + attention.asked, len(attention.tokens), 1, ASKED, 2)


def write_captions(figure: Figure, caption: str, is_framed: bool, how_to_read: str, fontsize: int) -> None:
    """The caption above the panels, and how to read them below."""
    framed = " Framed: the row that predicts the answer." if is_framed else ""
    figure.suptitle(escape_formulas(caption), fontsize=fontsize)
    figure.supxlabel(how_to_read + framed, fontsize=10)


def tiled(weights: np.ndarray, gap: int) -> np.ndarray:
    """Weights [layers, heads, t, t] as one image: a row for a layer, a column for a head, and gaps of NaN."""
    image = np.pad(weights, [(0, 0), (0, 0), (0, gap), (0, gap)], constant_values=np.nan)
    return rearrange(image, "depth heads t s -> (depth t) (heads s)")[:-gap, :-gap]


def escape_formulas(text: str) -> str:
    """Text in which matplotlib sees no formula; names are data."""
    return text.replace("$", r"\$")
