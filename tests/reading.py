"""Documents and questions of any task, read as a person reads them: word by word."""

from collections import Counter

import numpy as np

from tasks.corpus import Corpus, Questions
from tasks.vocabulary import BEGIN, END, FILLER, PAD, SEPARATOR

OPEN = "_"
Statement = tuple[str, str, str]  # source, relation words, target; names as one word


def statements(corpus: Corpus, tokens: np.ndarray) -> list[Statement]:
    """The statements of a row: entities and relation words between [separator]s, filler left out."""
    parts: list[list[int]] = [[]]
    for token in tokens.tolist():
        if token == SEPARATOR:
            parts.append([])
        elif token not in (PAD, BEGIN, END):
            parts[-1].append(token)
    return [statement(corpus, part) for part in parts]


def statement(corpus: Corpus, tokens: list[int], is_open: set[int] = frozenset()) -> Statement:
    """Tokens as source, relation words and target; "_" for an entity whose tokens stand at the positions `is_open`."""
    words = [OPEN if i in is_open else corpus.vocabulary.words[token] for i, token in enumerate(tokens)]
    words = [word for word in words if word not in FILLER]
    relation = [i for i, word in enumerate(words) if word in corpus.relations or word == "is-named"]
    first, last = relation[0], relation[-1] + 1
    names = (words[:first], words[last:])
    source, target = (OPEN if OPEN in name else "-".join(name) for name in names)
    return source, " ".join(words[first:last]), target


def stated(corpus: Corpus) -> Counter[Statement]:
    """All that the training documents state, and how often."""
    documents = corpus.documents
    rows = zip(documents.tokens, documents.lengths)
    return Counter(statement for row, length in rows for statement in statements(corpus, row[:length]))


def premises(corpus: Corpus) -> list[Statement]:
    """What each premise states."""
    documents = corpus.premises.documents
    rows = zip(documents.tokens, documents.lengths)
    return [statements(corpus, row[:length])[0] for row, length in rows]


def question(corpus: Corpus, questions: Questions, i: int) -> Statement:
    """Question i, its open entity as "_"."""
    cloze = questions.cloze
    tokens = cloze.documents.tokens[i, 1 : cloze.documents.lengths[i]].tolist()
    start, size = cloze.start[i] - 1, cloze.size[i]
    return statement(corpus, tokens, set(range(start, start + size)))


def answers(corpus: Corpus, questions: Questions, i: int) -> list[str]:
    """The accepted names of question i, the first one first."""
    return [corpus.entities.names[entity] for entity in questions.accepted[i] if entity >= 0]


def answered(corpus: Corpus, questions: Questions, i: int) -> list[Statement]:
    """Question i with each accepted name in its open span."""
    source, words, target = question(corpus, questions, i)
    names = answers(corpus, questions, i)
    return [(name, words, target) if source == OPEN else (source, words, name) for name in names]


def inverse_word(corpus: Corpus, word: str) -> str:
    """The inverse of a relation word, where words stand in pairs."""
    return corpus.relations[corpus.relations.index(word) ^ 1]
