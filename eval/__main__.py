"""`python -m eval RUN` asks a trained run all its questions, `python -m eval ways RUN` in every way there is;
`python -m eval ask RUN QUESTION` asks one of your own."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from tyro.conf import Positional

from eval.ask import ask
from eval.by_way import Ways, put
from eval.score import as_entry, records, summaries
from eval.show import percent, print_asked, print_ways
from eval.trained import read_trained
from tasks.cli import parse, refusals


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


def main(arguments: list[str]) -> None:
    torch.set_num_threads(1)  # as in training: more gain little and lose much on a busy machine
    if arguments[:1] == ["ask"]:
        given = parse(Ask, arguments[1:], "python -m eval ask")
        with refusals():
            trained, step = read_trained(given.run)
            replies = ask(trained, given.question)
        table = Table(title=f"{given.question}    ({given.run}, step {step})", title_justify="left")
        table.add_column("answer")
        table.add_column("probability", justify="right")
        table.add_column("in training")
        for reply in replies:
            table.add_row(reply.entity, percent(reply.probability), reply.stated)
        Console().print(table)
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
        found = summaries(trained.corpus, records(trained))
    if asked.json:
        entry = as_entry(found)
        print(json.dumps(entry.get("asked", entry["splits"]), indent=1))
    else:
        print_asked(f"{asked.run}, step {step}", found)


if __name__ == "__main__":
    main(sys.argv[1:])
