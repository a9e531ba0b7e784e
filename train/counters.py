"""What a run counts while it trains."""

import time
from dataclasses import dataclass
from typing import Any


@dataclass
class Counters:
    """What a run has done so far. It is saved with every step, so that a resumed run goes on counting."""

    step: int = 0
    """steps taken"""
    documents: int = 0
    """documents trained on, counted each time"""
    target_tokens: int = 0
    """tokens predicted in training"""
    seconds: float = 0.0
    """time in the loop: training, evaluation and saving"""
    evaluated: int = -1
    """the last step at which the splits were evaluated"""
    metrics_bytes: int = 0
    """length of metrics.jsonl"""
    metrics_sha256: str = ""
    """its digest"""
    gradient_norm: float = 0.0
    """at the last step, before clipping"""
    learning_rate: float = 0.0
    """AdamW's, at the last step"""
    loss: float = 0.0
    """summed over the steps since the last entry of training, as is all that follows"""
    denominator: float = 0.0
    """what the summed loss is divided by: target tokens, for most objectives"""
    new_documents: int = 0
    """documents since that entry"""
    new_targets: int = 0
    """target tokens since that entry"""
    new_seconds: float = 0.0
    """time in steps since that entry"""

    def add_step(self, documents: int, targets: int, loss: float, denominator: float, seconds: float) -> None:
        """Counts one step."""
        self.step += 1
        self.documents += documents
        self.target_tokens += targets
        self.loss += loss
        self.denominator += denominator
        self.new_documents += documents
        self.new_targets += targets
        self.new_seconds += seconds

    def training_entry(self) -> dict[str, Any]:
        """An entry of training, with means since the last one. The next entry counts from now on."""
        entry = {
            "kind": "train",
            "step": self.step,
            "time": time.time(),
            "loss": self.loss / max(self.denominator, 1),
            "learning_rate": self.learning_rate,
            "gradient_norm": self.gradient_norm,
            "documents": self.documents,
            "target_tokens": self.target_tokens,
            "documents_per_second": self.new_documents / self.new_seconds,
            "targets_per_second": self.new_targets / self.new_seconds,
        }
        self.loss = self.denominator = self.new_seconds = 0.0
        self.new_documents = self.new_targets = 0
        return entry

    def evaluation_entry(self, summaries: dict[str, Any]) -> dict[str, Any]:
        """An entry of evaluation, with `summaries` as eval/evaluate.py writes them."""
        totals = {name: getattr(self, name) for name in ("documents", "target_tokens", "seconds")}
        return {"kind": "evaluation", "step": self.step, "time": time.time(), **totals, **summaries}
