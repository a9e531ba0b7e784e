"""What data alone brings a causal model: reversed statements, the identity bridge, wordings, filler.

`told-back` is the upper bound. The identity bridge (2602.02470, published: from about 0 to about 50 % in its composed
form, nothing in its naive one) doubles the documents, so its runs get twice the steps; `echo` shows whether a model
only learned to repeat the name it was given.
"""

from dataclasses import replace

from train.presets import CAUSAL as BASE

TWICE = replace(BASE.train, steps=2 * BASE.train.steps)

VARIANTS = {
    "told-back-0": BASE,
    "told-back-50": replace(BASE, task=replace(BASE.task, told_back=0.5)),
    "told-back-100": replace(BASE, task=replace(BASE.task, told_back=1.0)),
    "bridge-composed": replace(BASE, task=replace(BASE.task, bridge="composed"), train=TWICE),
    "bridge-naive": replace(BASE, task=replace(BASE.task, bridge="naive"), train=TWICE),
    "no-filler": replace(BASE, task=replace(BASE.task, filler=0)),
    "filler-5": replace(BASE, task=replace(BASE.task, filler=5)),
}
