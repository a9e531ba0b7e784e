"""What data alone brings a causal model: stated inverses, the identity bridge, filler.

`inverse-share` is the upper bound. The identity bridge doubles the documents, so its runs get twice the steps.
Published (2602.02470): from about 0 to about 50 % in its composed form, nothing in its naive one. The split `echo`
shows whether a model only learned to repeat the name of the question.
"""

from dataclasses import replace

from config.override import override
from train.presets import CAUSAL as BASE

LONG = replace(BASE, train=replace(BASE.train, steps=2 * BASE.train.steps))

VARIANTS = {
    "inverse-share-0": BASE,
    "inverse-share-50": override(BASE, {"task.inverse_share": 0.5}),
    "inverse-share-100": override(BASE, {"task.inverse_share": 1.0}),
    "bridge-composed": override(LONG, {"task.bridge": "composed"}),
    "bridge-naive": override(LONG, {"task.bridge": "naive"}),
    "no-filler": override(BASE, {"task.documents.filler": 0}),
    "filler-5": override(BASE, {"task.documents.filler": 5}),
}
TITLE = "What is varied: the content of a causal model's documents"
RANKED = False  # the inverse is at 0 in all of them
