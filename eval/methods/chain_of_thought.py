"""Chain of thought: the model first writes the premises of the answer, then answers behind them.

`A r _` becomes `A r [separator]`. The model continues it as in chain-of-thought documents
(tasks/common/chain_of_thought.py), and is asked again behind what it generated. Models that were trained to do so
answer chained questions well, yet do not reverse (Chaudhry et al. 2026, 2604.01430).
"""

from dataclasses import replace
from typing import ClassVar

from eval.methods.prompting import PromptedMethod, require_positions
from eval.trained_model import TrainedModel
from model.objectives.decoding import generate
from tasks.common.chain_of_thought import ask_after, generation_prompts, max_generated
from tasks.corpus import Questions


class ChainOfThought(PromptedMethod):
    """The prompt is what the model generates from the question."""

    name: ClassVar = "chain-of-thought"

    def apply_prompt(self, trained: TrainedModel, questions: Questions) -> Questions:
        """The questions behind what the model generated; unchanged where its objective cannot continue a text."""
        max_tokens = max_generated(trained.corpus.premises, questions)
        prompts = generation_prompts(questions.cloze)
        require_positions(trained, prompts.tokens.shape[1] + max_tokens)
        generated = generate(trained.objective, trained.modules, prompts, max_tokens)
        if generated is None:
            return questions
        return replace(questions, cloze=ask_after(questions.cloze, generated))

    def forward_passes(self, trained: TrainedModel) -> int:
        """One for each token that can be generated, and one for the answer."""
        splits = trained.corpus.questions.values()
        return 1 + max(max_generated(trained.corpus.premises, questions) for questions in splits)
