"""Recall, then answer: the model first writes the facts that it takes to need, then the answer.

`A r _` becomes `A r [separator]`; the model goes on as in the documents that think (tasks/thoughts.py), and is asked
again behind what it wrote. Models that were trained to recall chain well, yet do not reverse so (Chaudhry et al.
2026, 2604.01430).
"""

from eval.trained import Trained
from eval.ways.prompted import Prompted, require_places
from model.objectives.writing import write_on
from tasks.corpus import Questions
from tasks.thoughts import after, begun, most_said


class Recall(Prompted):
    def prompt(self, trained: Trained, questions: Questions) -> Questions:
        """The questions behind what the model wrote, or as they are where it cannot write on."""
        most, beginnings = most_said(trained.corpus.premises, questions), begun(questions)
        require_places(trained, beginnings.tokens.shape[1] + most)
        said = write_on(trained.objective, trained.modules, beginnings, most)
        return questions if said is None else after(questions, said)

    def passes(self, trained: Trained) -> int:
        """One for each token that a thought can have, and one for the answer."""
        splits = trained.corpus.questions.values()
        return 1 + max(most_said(trained.corpus.premises, questions) for questions in splits)
