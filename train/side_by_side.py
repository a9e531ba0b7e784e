"""What several models of one world answer and attend to, side by side, as one more run in TensorBoard."""

from pathlib import Path
from typing import Any

from checkpoints.config import read_config_json
from checkpoints.identity import read_identity
from eval.evaluate import CLOSED_BOOK, predict_split
from eval.trained_model import TrainedModel, load_trained_model, read_run_config
from train.text_tables import EXAMPLES, markdown_table, shown_question, with_mark

MAX_MODELS = 4  # that have room in one picture
HELP = "The same questions to each model, held-out facts first. ✓: right, ✗: wrong."

Rows = dict[str, list[dict[str, Any]]]  # the first rows of some splits, as questions.csv holds them


def same_world(folders: list[Path]) -> list[list[Path]]:
    """The folders of finished runs by world, where two to MAX_MODELS are of one; causal models first."""
    worlds: dict[str, list[Path]] = {}
    for folder in folders:
        worlds.setdefault(read_identity(folder).world, []).append(folder)
    return [
        sorted(group, key=lambda folder: read_config_json(folder)["objective"]["name"] != "causal")
        for group in worlds.values()
        if 1 < len(group) <= MAX_MODELS
    ]


def write_side_by_side(folders: list[Path], view: Path) -> None:
    """Writes a table of answers and pictures of attention into the folder `view`.

    The runs in `folders` are of one world. Raises SettingError where one of them is damaged.
    """
    from torch.utils.tensorboard import SummaryWriter

    loaded = {folder.name: load_trained_model(folder).trained for folder in folders}
    models = {name: next(iter(trained.query_modes().values())) for name, trained in loaded.items()}
    splits = read_run_config(folders[0])["task"].progress_splits[::-1]
    rows = {name: first_rows(trained, splits) for name, trained in models.items()}
    with SummaryWriter(str(view)) as writer:
        writer.add_text("all models", answers(rows))
        for kind, split in zip(("held out", "stated"), splits):
            figure = attention(models, split, {name: of_model[split] for name, of_model in rows.items()})
            if figure is not None:
                writer.add_figure(f"attention, all models/{kind}: {split}", figure)


def first_rows(trained: TrainedModel, splits: tuple[str, ...]) -> Rows:
    """The first questions of each split with the predictions of a model, closed book."""
    questions = trained.corpus.questions
    return {split: predict_split(trained, CLOSED_BOOK, questions[split][:EXAMPLES]) for split in splits}


def answers(rows: dict[str, Rows]) -> str:
    """A Markdown table with a line for each question and a column for each model, by name."""
    first = next(iter(rows.values()))
    lines = [
        [split, shown_question(row), row["answer"], *(with_mark(of_model[split][i]) for of_model in rows.values())]
        for split, of_split in first.items()
        for i, row in enumerate(of_split)
    ]
    return f"{HELP}\n\n{markdown_table(['split', 'question', 'answer', *rows], lines)}"


def attention(models: dict[str, TrainedModel], split: str, rows: dict[str, list[dict[str, Any]]]) -> Any:
    """A figure of what each model attends to at the first question of a split; None where fewer than two can be asked.

    `rows` are those of the split for each model.
    """
    from train.attention_maps import attention_of, draw_side_by_side

    attentions = {}
    for name, trained in models.items():
        questions = trained.corpus.questions[split][:1]
        shown = attention_of(trained, questions.cloze) if len(questions) else None
        if shown is not None:
            attentions[name] = shown
    if len(attentions) < 2:
        return None
    first = {name: rows[name][0] for name in attentions}
    row = next(iter(first.values()))
    predicted = ",  ".join(f"{name}: {with_mark(of_model)}" for name, of_model in first.items())
    return draw_side_by_side(attentions, f"{shown_question(row)}     (answer: {row['answer']})\n{predicted}")
