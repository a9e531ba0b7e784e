"""The model card of an exported run: what it was trained on, how well it answers, and how to ask it."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from config.validation import SettingError
from eval.evaluate import Summary, evaluate
from eval.text import render_accepted
from eval.trained_model import TrainedModel
from model.objectives import OBJECTIVES
from model.objectives.batch import to_tensors
from tasks import TASKS
from tasks.vocabulary import MASK

TOKENIZER = """The tokenizer has the words of this world alone; an unknown word is an error. It puts `[begin]` first, as
in training. The tokens of a name are separated by blanks or by `-`."""


class Example(NamedTuple):
    """A question as the network is given it, and how its answer is read."""

    split: str
    prompt: str
    """the words of its tokens, without [begin]"""
    answer: str
    """the right names"""
    size: int
    """tokens of the answer"""
    sees_all: bool
    """whether every position sees all; otherwise it sees those left of it"""
    offset: int | None
    """positions from a [mask] to the left, to where its word is predicted; None: the answer follows the prompt"""


def first_example(trained: TrainedModel) -> Example:
    """The first question that the model can be asked, in the first query mode of its objective."""
    trained = next(iter(trained.query_modes().values()))
    objective, corpus = trained.objective, trained.corpus
    for split, questions in corpus.questions.items():
        question = questions[:1]
        query = objective.make_query(question.cloze, np.zeros((1, 0), np.int32)) if len(question) else None
        if query is None:
            continue
        sees_all = objective.visibility_of(to_tensors(query, "cpu")).pattern == "full"
        tokens, position = query["tokens"][0, : query["lengths"][0]], int(query["logit_positions"][0])
        follows = not sees_all and tokens[position] != MASK
        prompt = corpus.vocabulary.text(tokens[1 : position + 1 if follows else None])
        offset = None if follows else int(tokens[position] != MASK)
        answer = render_accepted(corpus, question.accepted[0])
        return Example(split, prompt, answer, int(question.cloze.size[0]), sees_all, offset)
    raise SettingError("this run cannot be asked any question of its world, so that nothing can be exported")


def model_card(trained: TrainedModel, example: Example, config: dict[str, Any], name: str, step: int, out: Path) -> str:
    """README.md of an export to `out`, in Markdown. `config`: what config.json of the run `name` holds."""
    task, objective, model = (config[section] for section in ("task", "objective", "model"))
    corpus, mode = trained.corpus, next(iter(trained.query_modes()))
    weights = sum(parameter.numel() for parameter in trained.modules["network"].parameters())
    visibility = "all positions" if example.sees_all else "itself and the positions left of it"
    settings = {section: config[section] for section in ("seed", "task", "objective", "model", "train")}
    return f"""---
library_name: transformers
tags: [both-ways, {task["name"]}, {objective["name"]}]
---

# {name}

A transformer of {weights:,} weights ({model["depth"]} layers of width {model["width"]}, {model["heads"]} heads).
The project Both Ways trained it from scratch on one small world of facts. It knows no other language.

- **World:** task `{task["name"]}` with seed {config["seed"]}: {len(corpus.entities):,} entities, \
{len(corpus.relations):,} relation words, {len(corpus.documents):,} training documents, \
a vocabulary of {len(corpus.vocabulary):,} words.
- **Objective:** `{objective["name"]}`: {OBJECTIVES[objective["name"]].summary}. Every position sees {visibility}.
- **Training:** {step:,} steps, seed {config["seed"]}.

## Accuracy

All questions of its world, closed book, query mode {mode}.

{accuracies(next(iter(trained.query_modes().values())), task["name"])}

## How to ask it

{how_to_ask(example, out)}

## Settings

```json
{json.dumps(settings, indent=1)}
```
"""


def accuracies(trained: TrainedModel, task: str) -> str:
    """A table of the splits: accuracy with its 95 % interval, and that of a uniform guess."""
    split_help = TASKS[task].split_help
    lines = ["| split | question | accuracy | 95 % interval | chance | questions |", "|---|---|---:|---:|---:|---:|"]
    for split, summary in evaluate(trained).items():
        meaning = " ".join(split_help.get(split, "").split()).replace("|", "\\|")
        lines.append(f"| {split.replace('_', ' ')} | {meaning} | {' | '.join(cells(summary))} | {summary['count']} |")
    return "\n".join(lines)


def cells(summary: Summary) -> list[str]:
    """Accuracy, interval and chance of a split, in per cent."""
    if not summary["count"]:
        return ["cannot be asked", "", f"{100 * summary['chance']:.2f} %"]
    interval = f"{100 * summary['low']:.1f}–{100 * summary['high']:.1f}"
    return [f"{100 * summary['accuracy']:.1f} %", interval, f"{100 * summary['chance']:.2f} %"]


def how_to_ask(example: Example, out: Path) -> str:
    """A paragraph, and code that prints the answer to the example."""
    answer, lines = answer_code(example), [TOKENIZER]
    if example.offset is None:
        lines.append("The answer is what follows the prompt.")
    else:
        lines.append("Each token of the answer is `[mask]` in the prompt, and all of them are predicted at once.")
        lines.append("The project's own evaluation fills in the surest token of a name first.")
    if example.offset:
        lines.append(f"The token of a `[mask]` is predicted {example.offset} position left of it.")
    if example.sees_all:
        lines.append("Every position sees all others (`is_causal` is false in config.json).")
        lines.append("**This needs transformers 5.2 or later: earlier versions ignore it, and answer wrongly.**")
    return (
        "\n".join(lines)
        + f"""

```python
from transformers import AutoModelForCausalLM, AutoTokenizer
model, tokenizer = (kind.from_pretrained({str(out)!r}) for kind in (AutoModelForCausalLM, AutoTokenizer))
prompt = tokenizer({example.prompt!r}, return_tensors="pt")
answer = {answer}
print(tokenizer.decode(answer))  # split {example.split}; right: {example.answer}
```"""
    )


def answer_code(example: Example) -> str:
    """The predicted tokens, in Python."""
    if example.offset is None:
        return f"model.generate(**prompt, max_new_tokens={example.size})[0, prompt.input_ids.shape[1] :]"
    shift = f".roll(-{example.offset})" if example.offset else ""
    return f"model(**prompt).logits[0, (prompt.input_ids[0] == tokenizer.mask_token_id){shift}].argmax(-1)"
