"""Questions and commands, line by line, and the answers of all models to each question."""

import contextlib
import sys
from collections.abc import Iterable, Iterator, Set
from itertools import cycle
from typing import TYPE_CHECKING

from config.terminal import say
from config.validation import SettingError, require_choice
from eval.ask import answer_probabilities
from eval.duel import Ask, Contender
from eval.evaluate import CLOSED_BOOK
from eval.known import how_stated, listed
from eval.text import OPEN, ParsedQuestion, parse_question

if TYPE_CHECKING:
    from eval.duel_view import Column

COMMANDS = {
    "next": ("", "another held-out question; an empty line asks it"),
    "context": ("FACT; FACT", "facts in the prompt; without a fact: none"),
    "retrieve": ("lexical|dense|off", "training documents in the prompt"),
    "verify": ("", "generate and verify, for the last question"),
    "help": ("", "these lines"),
    "quit": ("", "end, as Ctrl-D does"),
}


class Duel:
    """Models that answer the same questions, and the prompt that all of them get."""

    def __init__(self, contenders: list[Contender], settings: Ask):
        from eval.tables import make_console

        self.contenders, self.settings, self.console = contenders, settings, make_console()
        self.known = contenders[0].known
        self.proposals = cycle(self.known.held_out() or [self.known.first_stated()])
        self.proposal = next(self.proposals)
        self.last: ParsedQuestion | None = None
        self.num_answered = 0

    def run(self, lines: Iterable[str]) -> int:
        """Answers each line, and returns how many were refused. A refusal is one line on stderr."""
        refused = 0
        for line in lines:
            if line.strip() == ":quit":
                break
            try:
                self.handle(line)
            except SettingError as error:
                say(f"error: {error}")
                refused += 1
        return refused

    def handle(self, line: str) -> None:
        """Answers a question, or carries out a command. Raises SettingError for what is neither."""
        if not line.startswith(":"):
            self.ask(line)
            return
        name, _, given = line.removeprefix(":").strip().partition(" ")
        require_choice("command", name, COMMANDS)
        if name == "next":
            self.proposal = next(self.proposals)
            self.propose()
        elif name == "help":
            usages = {f":{command} {given}": summary for command, (given, summary) in COMMANDS.items()}
            for usage, summary in usages.items():
                self.print(f"  {usage:{max(map(len, usages))}}  {summary}")
        elif name == "verify":
            self.answer_again(self.settings.with_prompt(verify=True))
        else:
            self.settings = self.with_other_prompt(name, given.strip())
            self.answer_again(self.settings)

    def ask(self, text: str) -> None:
        """Answers a typed question. Raises SettingError where it cannot be parsed, or no model can be asked."""
        self.last = parse_question(self.known.corpus, text)
        self.answer(self.last, self.settings)

    def answer_again(self, settings: Ask) -> None:
        """Answers the last question, if there is one, with these settings."""
        if self.last is not None:
            self.answer(self.last, settings)

    def with_other_prompt(self, command: str, given: str) -> Ask:
        """The settings that `:context` and `:retrieve` make. Raises SettingError for what they cannot be given."""
        if command == "retrieve":
            require_choice("retrieve", given, ("lexical", "dense", "off"))
            return self.settings.with_prompt(retrieve="none" if given == "off" else given)
        facts = tuple(filter(None, map(str.strip, given.split(";"))))
        for fact in facts:
            parse_question(self.known.corpus, fact, "context")
        return self.settings.with_prompt(context=facts)

    def propose(self) -> None:
        """Prints a held-out question, and what training states of it."""
        if premises := self.known.premises(self.proposal):
            self.print(f"training stated: {listed(premises)}")
        self.print(f"try:             {self.proposal}")

    def answer(self, question: ParsedQuestion, settings: Ask) -> None:
        """Prints what is known of a question, and the answers of all models. Raises SettingError where none has any."""
        from eval.duel_view import print_columns, print_title

        context = [parse_question(self.known.corpus, fact, "context") for fact in settings.context]
        right = self.known.right_answers(question, context)
        prompts, columns = zip(*(self.column(contender, question, settings, right) for contender in self.contenders))
        if all(column.refusal for column in columns):
            raise SettingError(columns[0].refusal)
        self.print(*[""] * (self.num_answered > 0))
        self.num_answered += 1
        is_closed_book = settings.method() is CLOSED_BOOK
        print_title(f"{question}", "" if is_closed_book else settings.method().name.replace("-", " "), self.console)
        self.print_by_model([contender.known.how_stated(question) for contender in self.contenders])
        if settings.verify:
            inverse = self.verified_form(question)
            self.print(f"each name completes {inverse}: the bar is the probability of {inverse.target} after it")
        elif not is_closed_book:
            self.print_by_model([[f"prompt: {prompt}"] if prompt else [] for prompt in prompts])
        print_columns(list(columns), right, self.console)
        self.print_mistakes(question, columns, right)

    def column(
        self, contender: Contender, question: ParsedQuestion, settings: Ask, right: Set[str]
    ) -> tuple[str, "Column"]:
        """The question behind its prompt, and what one model answers to it."""
        from eval.duel_view import Column

        is_alone = len(self.contenders) == 1
        title = f"{contender.name}, step {contender.step}" if is_alone else contender.name
        inverse = self.verified_form(question) if settings.verify else None
        try:
            prompt, probabilities = answer_probabilities(contender.trained, question, settings.method(), inverse)
        except SettingError as error:
            return "", Column(title, refusal=str(error))
        column = Column(title, probabilities)
        if is_alone:
            stated = contender.known.stated
            remarks = {name: how_stated(stated, question.filled(name)) for name in column.shown(right)}
            column = Column(title, probabilities, remarks=remarks)
        return prompt, column

    def verified_form(self, question: ParsedQuestion) -> ParsedQuestion:
        """The question with the first entity open. Raises SettingError where its relation has no inverse word."""
        form = question if question.source is None else self.known.inverse_form(question)
        if form is None:
            words = " ".join(question.words)
            raise SettingError(f"{str(question)!r} cannot be verified: this world has no inverse of {words!r}")
        return form

    def print_mistakes(self, question: ParsedQuestion, columns: "Iterable[Column]", right: Set[str]) -> None:
        """What training states of the wrong predictions, where the columns do not say so."""
        lines = []
        for contender, column in zip(self.contenders, columns):
            for name in column.best()[:1]:
                stated = how_stated(contender.known.stated, question.filled(name))
                if right and name not in right and stated != "not stated" and not column.remarks:
                    lines.append(f"{question.filled(name)}: {stated}")
        self.print(*dict.fromkeys(lines))

    def print_by_model(self, lines: list[list[str]]) -> None:
        """Prints the lines of each model; once, where all models have the same."""
        if all(own == lines[0] for own in lines):
            self.print(*lines[0])
            return
        for contender, own in zip(self.contenders, lines):
            self.print(*(f"{contender.name}, {line}" for line in own))

    def print(self, *lines: str) -> None:
        """Prints lines, cleaned and wrapped between words."""
        from eval.tables import print_line

        for line in lines:
            print_line(line, self.console)


def typed_lines(duel: Duel) -> Iterator[str]:
    """The lines of standard input. In a terminal each is prompted for, and Ctrl-D or Ctrl-C ends them."""
    if not sys.stdin.isatty():
        sys.stdin.reconfigure(errors="backslashreplace")
        yield from filter(None, map(str.strip, sys.stdin))
        return
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401, as `input` then edits lines and remembers them
    say(f"a question a line, with {OPEN} for what is open. An empty line asks the proposed one.")
    say(":next proposes another one, :help lists all commands, Ctrl-D ends.")
    duel.propose()
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            yield input("? ").strip() or str(duel.proposal)
    print()
