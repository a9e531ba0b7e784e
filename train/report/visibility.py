"""The figure of docs/glossary.md: what each position sees and predicts, causal and masked, for one document.

`python -m train.report.visibility docs/visibility.svg`. Tokens, targets and visibility are those of the objectives.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from model.objectives.base import Objective
from model.objectives.batch import to_tensors
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from tasks.common.statements import DocumentConfig
from tasks.corpus import Corpus
from tasks.triples import Triples
from train.report.style import CAUSAL, MASKED, Look

STATEMENT = ("Paris", "capital-of", "France")
SEEN, HIDDEN, GRID = "#9db4c0", "#ffffff", "#d0d7de"


def draw(file: Path) -> None:
    """Writes the figure: a square for each position (row) that sees another one (column)."""
    corpus = Triples(documents=DocumentConfig(filler=0, copies=1)).build(0)
    figure = Figure(figsize=(11, 3.9), layout="constrained")
    first, second = figure.subplots(1, 2)
    draw_visibility(first, corpus, Causal(), CAUSAL, masked_position=None)
    first.set_title("causal: sees what is left of it, predicts the next token", fontsize=13)
    draw_visibility(second, corpus, Masked(), MASKED, masked_position=1)
    second.set_title("masked: sees everything, predicts what is masked", fontsize=13)
    figure.savefig(file, metadata={"Date": None})


def draw_visibility(axes: Axes, corpus: Corpus, objective: Objective, look: Look, masked_position: int | None) -> None:
    """STATEMENT as the objective's batch has it; where positions are masked at random, with this one masked."""
    words = np.array(corpus.vocabulary.words)
    stated = (words[corpus.documents.tokens[:, 1:4]] == STATEMENT).all(1)
    documents = corpus.documents[np.flatnonzero(stated)[:1]]
    batches = (objective.make_batch(documents, np.random.default_rng(seed)) for seed in range(100))
    wanted = (batch for batch in batches if masked_position in (None, *batch["logit_positions"].tolist()))
    batch = next(wanted)
    tokens, targets = words[batch["tokens"][0]], words[batch["targets"]]
    t = len(tokens)
    tensors = to_tensors(batch, torch.device("cpu"))
    visible = objective.visibility_of(tensors).visible(1, t, torch.device("cpu"))
    seen = np.ones((t, t), bool) if visible is None else np.broadcast_to(visible[0].numpy(), (t, t))
    for i in range(t):
        for j in range(t):
            axes.add_patch(Rectangle((j, i), 1, 1, facecolor=SEEN if seen[i, j] else HIDDEN, edgecolor=GRID, lw=1.5))
    for position, target in zip(batch["logit_positions"].tolist(), targets):
        axes.text(t + 0.15, position + 0.5, f"→ {target}", va="center", fontsize=13, color=look.colour, weight="bold")
    axes.set(xlim=(0, t + 2), ylim=(t, 0), aspect="equal")
    axes.set_xticks(np.arange(t) + 0.5, tokens, fontsize=11)
    axes.set_yticks(np.arange(t) + 0.5, tokens, fontsize=11)
    axes.set_ylabel("this position …", fontsize=11)
    axes.set_xlabel("… sees these (shaded), and predicts →", fontsize=11)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
