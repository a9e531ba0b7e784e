"""The entities of a world in TensorBoard's projector: their embeddings, names and kinds."""

import numpy as np

from tasks.common.baselines import inverse_words
from tasks.common.statement_reader import StatementReader
from tasks.corpus import Corpus

COLUMNS = ["name", "kind"]


def entity_rows(corpus: Corpus) -> list[list[str]]:
    """Name and kind of each entity, in one line each."""
    return [[" ".join(name.split()), kind] for name, kind in zip(corpus.entities.names, entity_kinds(corpus))]


def entity_kinds(corpus: Corpus) -> list[str]:
    """The relation words that statements about each entity begin with, such as `has-capital, has-code` of a country.

    A statement by the inverse word counts, too, whether it is held out or not. `_ r` stands for the target of a word r
    without inverse.
    """
    reader = StatementReader.build(corpus)
    stated = reader.read(corpus.documents)
    asked = {split: reader.read(questions.cloze.documents) for split, questions in corpus.questions.items()}
    pairs = inverse_words(corpus, reader, asked)
    inverse = dict(pairs) | {second: first for first, second in pairs}
    numbers, word = np.unique(reader.in_first_wording(stated.word), return_inverse=True)
    texts = [reader.text(number, corpus.relations) for number in numbers.tolist()]
    inverse_texts = [
        reader.text(inverse[number], corpus.relations) if number in inverse else f"_ {text}"
        for number, text in zip(numbers.tolist(), texts)
    ]
    words: list[set[str]] = [set() for _ in corpus.entities.names]
    for entities, of_words in ((stated.source, texts), (stated.target, inverse_texts)):
        for entity, i in np.unique(np.stack([entities, word], 1), axis=0).tolist():
            if entity >= 0:
                words[entity].add(of_words[i])
    return [", ".join(sorted(of_entity)) or "in no statement" for of_entity in words]
