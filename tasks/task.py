"""What a task is: settings that build a world of facts, and a description of its splits."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from tasks.common.baselines import with_baselines
from tasks.common.chain_of_thought import ChainOfThoughtConfig, with_chain_of_thought
from tasks.common.episodes import EpisodeConfig
from tasks.common.statements import DocumentConfig
from tasks.corpus import Corpus


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """Base of all tasks: a frozen dataclass of settings with `build`. Register it in tasks/__init__.py."""

    split_help: ClassVar[dict[str, str]]
    """a line for each split: a question in symbols, and what it asks"""
    held_out_splits: ClassVar[tuple[str, ...]]
    """splits of inferences that no training document states"""
    mistake_splits: ClassVar[tuple[str, ...]] = ()
    """splits that count how often a mistake is made: the answers that they accept are wrong"""
    progress_splits: ClassVar[tuple[str, str]]
    """a stated and a held-out split, shown while a run trains"""
    input_settings: ClassVar[tuple[str, ...]] = ()
    """settings that name the user's files; a run keeps a copy of each"""

    documents: DocumentConfig = DocumentConfig()
    """training documents"""
    episodes: EpisodeConfig = EpisodeConfig()
    """in-context documents, new ones in every batch"""
    chain_of_thought: ChainOfThoughtConfig = ChainOfThoughtConfig()
    """documents that state the premises of an answer before it"""

    def inputs(self) -> dict[str, str]:
        """The user's files that the world is read from, by setting."""
        paths = {setting: getattr(self, setting) for setting in self.input_settings}
        return {setting: path for setting, path in paths.items() if path is not None}

    @abstractmethod
    def build(self, seed: int) -> Corpus:
        """The corpus, a pure function of these settings and `seed`. Raises SettingError where they fit no world."""

    def max_length(self, statement_length: int) -> int:
        """Tokens in the longest document, where a statement has at most `statement_length`."""
        return self.documents.max_length(statement_length, self.episodes.max_statements())

    def complete(self, corpus: Corpus, seed: int) -> Corpus:
        """The corpus with held-out splits divided, chain-of-thought documents and all baselines: the end of `build`."""
        return with_baselines(with_chain_of_thought(corpus, self.chain_of_thought, self.held_out_splits, seed))
