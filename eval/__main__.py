"""`python -m eval RUN` asks a trained run all its questions, `python -m eval ways RUN` in every way there is;
`python -m eval ask RUN QUESTION` asks one of your own."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from tyro.conf import Positional

from checkpoints.config import read_config
from eval.ask import Prompt, alone, ask, behind
from eval.by_way import Ways, put
from eval.score import as_entry, records, summaries
from eval.show import percent, print_asked, print_ways
from eval.trained import SECTIONS, read_trained
from eval.ways.recall import Recall
from eval.ways.retrieval import DenseRetrieval, LexicalRetrieval
from tasks.cli import parse, refusals, show_what_the_terminal_can
from tasks.settings import require


@dataclass(frozen=True)
class Evaluate:
    """Ask all questions of a run again, from its saved weights."""

    run: Positional[Path]
    """run folder, such as checkpoints/causal-0"""
    json: bool = False
    """print the `splits` object of result.json (`asked`, where it can be asked in several ways) and nothing else"""


@dataclass(frozen=True)
class Ask:
    """Ask one question: the five best entities, with probabilities and what training stated."""

    run: Positional[Path]
    """run folder, such as checkpoints/causal-0"""
    question: Positional[str]
    """an entity, a relation word and an entity, one entity being _"""
    context: tuple[str, ...] = ()
    """statements to put in front of it, each in quotes: an entity, a relation word and an entity"""
    retrieve: Literal["none", "lexical", "dense"] = "none"
    """look up training documents and put them in front of it: by its words, or by the model's own representation"""
    documents: int = 4
    """documents to look up"""
    recall: bool = False
    """let the model write what it needs first, and show that (for a run that was trained on documents that think)"""

    def __post_init__(self):
        one = not (self.context and self.retrieve != "none")
        require(one, "retrieve", self.retrieve, "none where a context is given")
        alone = not (self.recall and (self.context or self.retrieve != "none"))
        require(alone, "recall", self.recall, "False where a context is given or looked up")
        require(self.documents >= 1, "documents", self.documents, "1 or more")

    def prompt(self) -> Prompt:
        """What is put in front of the question."""
        kinds = {"lexical": LexicalRetrieval, "dense": DenseRetrieval}
        if self.retrieve in kinds:
            return kinds[self.retrieve](self.documents).prompt
        if self.recall:
            return Recall().prompt
        return behind(self.context) if self.context else alone


def main(arguments: list[str]) -> None:
    torch.set_num_threads(1)  # as in training: more gain little and lose much on a busy machine
    if arguments[:1] == ["ask"]:
        given = parse(Ask, arguments[1:], "python -m eval ask")
        with refusals():
            trained, step = read_trained(given.run)
            asked, replies = ask(trained, given.question, prompt=given.prompt())
        console = Console(emoji=False)
        if given.prompt() is not alone:
            console.print(asked, markup=False, highlight=False, soft_wrap=True)
        table = Table(title=escape(f"{given.question}    ({given.run}, step {step})"), title_justify="left")
        table.add_column("answer")
        table.add_column("probability", justify="right")
        table.add_column("in training")
        for reply in replies:
            table.add_row(escape(reply.entity), percent(reply.probability), escape(reply.stated))
        console.print(table)
        return
    if arguments[:1] == ["ways"]:
        given = parse(Ways, arguments[1:], "python -m eval ways")
        with refusals():
            found = [put(folder, given.chosen()) for folder in given.runs]
        if given.json:
            print(json.dumps(found, indent=1))
        else:
            for one in found:
                print_ways(one)
        return
    asked = parse(Evaluate, arguments, "python -m eval")
    with refusals():
        trained, step = read_trained(asked.run)
        found = summaries(trained, records(trained))
    if asked.json:
        entry = as_entry(found)
        print(json.dumps(entry.get("asked", entry["splits"]), indent=1))
    else:
        print_asked(f"{asked.run}, step {step}", found, read_config(asked.run, SECTIONS)["task"].MEANING)


if __name__ == "__main__":
    show_what_the_terminal_can()
    main(sys.argv[1:])
