"""Some documents and questions of a task, in a terminal: `python -m tasks show TASK`."""

import os
import re
import textwrap
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from rich.console import Console
from rich.text import Text

from config.terminal import clean
from config.validation import require_seed
from tasks.common.chain_of_thought import RL_SUFFIX
from tasks.corpus import ROLE_NAMES, Corpus, Questions
from tasks.selection import choose_different, choose_documents, choose_questions, is_chain_of_thought, support_documents
from tasks.task import Task
from tasks.token_lines import FAINT, OPEN_STYLE, ROLE_STYLES, TokenLines
from tasks.vocabulary import OPEN

Settings = TypeVar("Settings")

NUM_DOCUMENTS = 3  # of each sort
MAX_ANSWERS = 3
MAX_WIDTH = 100
INDENT = 4
LEGEND = "Only tokens with a role can be targets: what a model is trained to predict."
EPISODE_LEGEND = "In an episode, only the answers to what it asks have a role."
CHAIN_LEGEND = "In a chain of thought, all tokens behind the first [separator] have a role."


@dataclass(frozen=True)
class Show(Generic[Settings]):
    """Print three documents of every sort that the settings make, and a question of each split."""

    task: Settings
    """settings of the task"""
    seed: int = 0
    """draws the world"""
    notes: bool = False
    """print all that a person should know about the files of the task, and nothing else"""

    def __post_init__(self):
        require_seed(self.seed)

    def run(self) -> None:
        """Prints to stdout, in colour where stdout is a terminal with colours and NO_COLOR is not set."""
        corpus = self.task.build(self.seed)
        color_system = None if os.environ.get("NO_COLOR") else "auto"  # None: no bold and no dim, either
        console = Console(color_system=color_system, markup=False, emoji=False, highlight=False)
        if self.notes:
            for note in (*corpus.notes(), *corpus.all_notes()):
                console.print(note, soft_wrap=True)
            return
        title = f"{type(self.task).__name__.lower()}, seed {self.seed}"
        Page(console, self.task, corpus, title).print()


class Page:
    """Prints one corpus."""

    def __init__(self, console: Console, task: Task, corpus: Corpus, title: str):
        self.console, self.task, self.corpus, self.title = console, task, corpus, title
        self.width, self.in_colour = min(console.width, MAX_WIDTH), console.color_system is not None
        self.lines = TokenLines(corpus, self.width - INDENT, self.in_colour)
        self.chain_of_thought = np.flatnonzero(is_chain_of_thought(corpus.documents))

    def print(self) -> None:
        questions = choose_questions(self.corpus, self.task.held_out_splits)
        shown = choose_documents(self.corpus.documents, questions, self.task.held_out_splits, NUM_DOCUMENTS)
        self.print_title()
        self.print_documents(shown)
        self.print_questions(questions, shown)
        self.print_legend()
        self.print_missing()

    def print_title(self) -> None:
        corpus = self.corpus
        counts = {
            "documents": len(corpus.documents),
            "entities": len(corpus.entities),
            "relation words": len(corpus.relations),
            "questions": sum(map(len, corpus.questions.values())),
        }
        self.console.print(Text(self.title, "bold"))
        self.console.print(", ".join(f"{count:,} {name}" for name, count in counts.items()))
        for note in corpus.notes():
            self.print_wrapped(note)

    def print_documents(self, shown: list[int]) -> None:
        """Plain documents, episodes and chain-of-thought documents, numbered from 1."""
        corpus, chain_of_thought = self.corpus, self.chain_of_thought
        sorts = {"Documents": corpus.documents[shown]}
        if corpus.episodes:
            title = f"Episodes: {100 * corpus.episodes.share:.0f} % of a batch, new ones in every batch"
            sorts[title] = corpus.episodes.draw(NUM_DOCUMENTS, np.random.default_rng(0))
        if len(chain_of_thought):
            title = f"Chain of thought: {len(chain_of_thought):,} of the documents"
            sorts[title] = choose_different(corpus.documents[chain_of_thought], NUM_DOCUMENTS)
        number = 0
        for title, documents in sorts.items():
            self.print_heading(title)
            for i in range(len(documents)):
                number += 1
                self.print_indented(self.lines.document(documents, i), number=f"{number:>2}")

    def print_questions(self, questions: dict[str, Questions], shown: list[int]) -> None:
        self.print_heading("Questions, one of each split")
        for split, question in questions.items():
            plain_split = split.removesuffix(RL_SUFFIX)
            part = "" if split == plain_split else ", reinforcement part"
            line = re.sub(r"  +", "  ", self.task.split_help[plain_split])  # spaces that align it in tables
            self.print_wrapped(f"{split}  {line}{part}", bold=len(split))
            self.print_indented(self.lines.question(question.cloze, 0))
            self.print_indented([self.answer_line(question).append(premise_note(question, shown))])

    def answer_line(self, question: Questions) -> Text:
        """The answers that accuracy counts, which of a split such as `wrong_frame` are wrong ones."""
        names = [self.corpus.entities.names[entity] for entity in question.accepted[0] if entity >= 0]
        more = f" and {len(names) - MAX_ANSWERS} more" if len(names) > MAX_ANSWERS else ""
        style = ROLE_STYLES[ROLE_NAMES[question.cloze.documents.roles[0, question.cloze.start[0]]]]
        listed = Text(", ").join(Text(clean(name), style) for name in names[:MAX_ANSWERS])
        return Text.assemble(f"counted answer{'s' * (len(names) > 1)}: ", listed, more)

    def print_legend(self) -> None:
        self.print_heading("Legend")
        marks = "" if self.in_colour else ", by the letters below them"
        samples = (
            (Text(" ").join(Text(name, style) for name, style in ROLE_STYLES.items()), f"roles of tokens{marks}"),
            (Text(OPEN, f"{ROLE_STYLES['target']} {OPEN_STYLE}"), "a token to predict in a question"),
            (Text("[begin] well", FAINT), "special tokens and filler"),
        )
        for sample, meaning in samples:
            self.console.print(Text.assemble(sample, " " * (24 - len(sample)), meaning))
        self.print_wrapped(LEGEND)
        if self.corpus.episodes:
            self.print_wrapped(EPISODE_LEGEND)
        if len(self.chain_of_thought):
            self.print_wrapped(CHAIN_LEGEND)

    def print_missing(self) -> None:
        """Which settings make the sorts of documents that the given ones do not make."""
        config = self.task.chain_of_thought
        rl_share = [] if config.rl_share else ["--task.chain-of-thought.rl-share 0.5"]
        missing = {
            "episodes": [] if self.corpus.episodes else ["--task.episodes.share 0.5"],
            "chains of thought": [] if config.copies else [*rl_share, "--task.chain-of-thought.copies 16"],
        }
        if any(missing.values()):
            self.console.print()
        for sort, flags in missing.items():
            for i, flag in enumerate(flags):
                self.console.print(f"{f'For {sort}, add' if i == 0 else '':27}{flag}")

    def print_heading(self, title: str) -> None:
        self.console.print()
        self.console.rule(Text(title, "bold"), align="left", style=FAINT)

    def print_wrapped(self, line: str, bold: int = 0) -> None:
        """The line, wrapped and indented; its first `bold` characters are bold."""
        wrapped = Text("\n".join(textwrap.wrap(line, self.width, subsequent_indent=" " * INDENT)))
        wrapped.stylize("bold", 0, bold)
        self.console.print(wrapped)

    def print_indented(self, lines: list[Text], number: str = "") -> None:
        for i, line in enumerate(lines):
            prefix = (number if i == 0 else "").ljust(INDENT)
            self.console.print(Text(prefix).append_text(line), overflow="fold")


def premise_note(question: Questions, shown: list[int]) -> str:
    """Which of the documents `shown` state its premises; nothing unless they state all of them."""
    by_premise = [
        [number for number, row in enumerate(shown, 1) if row in rows] for rows in support_documents(question)
    ]
    numbers = sorted({numbers[0] for numbers in by_premise if numbers})
    if not by_premise or not all(by_premise):
        return ""
    documents = f"document{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"
    return f"   (premise{'s' * (len(by_premise) > 1)}: {documents})"
