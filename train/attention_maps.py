"""Attention weights as a figure: a panel for each layer and head."""

import numpy as np
import torch
from matplotlib.figure import Figure

from eval.evaluate import inference_mode
from eval.text import render_question
from eval.trained_model import TrainedModel
from model.objectives.batch import to_tensors
from tasks.corpus import Cloze


def attention_maps(trained: TrainedModel, cloze: Cloze) -> Figure | None:
    """The attention weights when one question is asked: a panel for each layer and head, with tokens as labels.

    None where the objective cannot be asked.
    """
    query = trained.objective.make_query(cloze, np.zeros((1, 0), np.int32))
    if query is None:
        return None
    weights: list[torch.Tensor] = []  # of each layer, [1, heads, t, t]
    with inference_mode(trained):
        batch = to_tensors(query, next(trained.modules.parameters()).device)
        trained.modules["network"](
            batch["tokens"],
            trained.objective.visibility_of(batch),
            batch.get("positions"),
            batch.get("target_positions"),
            attention_weights=weights,
        )
    labels = [escape_formulas(trained.corpus.vocabulary.words[token]) for token in query["tokens"][0]]
    title = f"{escape_formulas(render_question(trained.corpus, cloze, 0))}     (a row attends to columns)"
    return draw_maps([layer[0].cpu().numpy() for layer in weights], labels, title)


def draw_maps(weights: list[np.ndarray], labels: list[str], title: str) -> Figure:
    """The panels of `attention_maps`. `weights` of each layer are [heads, t, t]."""
    depth, heads = len(weights), len(weights[0])
    figure = Figure(figsize=(2.3 * heads + 1, 2.3 * depth + 0.6), layout="constrained")
    for layer, row in enumerate(figure.subplots(depth, heads, squeeze=False)):
        for head, panel in enumerate(row):
            panel.imshow(weights[layer][head], cmap="Blues", vmin=0, vmax=1)
            panel.set_xticks(range(len(labels)), labels if layer == depth - 1 else [], rotation=90, fontsize=8)
            panel.set_yticks(range(len(labels)), labels if head == 0 else [], fontsize=8)
            panel.set_title(f"layer {layer + 1}, head {head + 1}", fontsize=9)
    figure.suptitle(title, fontsize=9)
    return figure


def escape_formulas(text: str) -> str:
    """Text in which matplotlib sees no formula; names are data."""
    return text.replace("$", r"\$")
