"""Commands that are worth trying after a run or a study, at most three, each as it is typed.

They depend on the run: a causal one is compared with a bidirectional one, and one that trained on episodes is asked
with the premises in its prompt.
"""

import contextlib
import re
import shlex
from collections.abc import Iterator
from typing import Any

from checkpoints.config import changes, read_config_json
from checkpoints.folder import ROOT
from config.validation import SettingError
from eval.examples import RIGHT, WRONG, Example
from model.objectives.causal import Causal
from model.objectives.masked import Masked
from train.config import FREE, RunConfig
from train.presets import PRESETS, with_task
from train.recorded import default_name

MAX_COMMANDS = 3
MAX_RUNS = 4  # that a command names; TensorBoard shows all runs where there are more
LEARNED = 0.5  # of the stated split; below that, a run that is shorter than its preset ended too early
LENGTH = {"train.steps", "train.targets", "train.warmup", "train.subset_steps", "train.evaluate_every"}
OTHER_PRESET = {Causal: "bidirectional", Masked: "causal"}
UNPREFIXED = {"train.precision": "precision", "train.compile": "compile", "train.init_from": "from"}


def next_commands(
    preset: str, config: RunConfig, name: str, result: dict[str, Any], examples: dict[str, Example]
) -> list[str]:
    """Commands for the finished run `name` of a preset. `result` is what result.json holds."""
    pair = pair_of(config, name)
    if ended_early(PRESETS[preset][1], config, result):
        first = [train_command(preset, config, f"{name}-long")]
    elif pair:
        first = [f"python -m eval ask {' '.join(pair)}"]
    else:
        first = other_training(config, name)
    example = examples.get(WRONG, examples.get(RIGHT))
    asked = [] if pair or example is None else [ask_command(config, name, example)]
    return [*first, *asked, f"python -m eval methods {name}", tensorboard_command(pair or [name])][:MAX_COMMANDS]


def study_commands(runs: dict[str, RunConfig]) -> list[str]:
    """Commands for the finished runs of a study, by name: about those of its first seed."""
    first_seed = min((config.seed for config in runs.values()), default=0)
    names = [name for name, config in runs.items() if config.seed == first_seed]
    if not names:
        return []
    pairs = (
        [name, other]
        for name in names
        for other in names
        if isinstance(runs[name].objective, Causal)
        and isinstance(runs[other].objective, Masked)
        and runs[name].task == runs[other].task
    )
    pair = next(pairs, None)
    asked = f"python -m eval methods {names[0]}" if pair is None else f"python -m eval ask {' '.join(pair)}"
    return [asked, tensorboard_command(names if len(names) <= MAX_RUNS else [])]


def pair_of(config: RunConfig, name: str) -> list[str]:
    """A finished causal and a finished bidirectional run of the same world, one of them `name`; else nothing."""
    other = other_name(config, name)
    with contextlib.suppress(SettingError, OSError):
        same = changes(read_config_json(ROOT / other), config.json())
        is_same_world = not any(re.match(r"(seed$|task\.)", setting) for setting in same)
        if other and is_same_world and (ROOT / other / "result.json").is_file():
            return [name, other] if isinstance(config.objective, Causal) else [other, name]
    return []


def other_name(config: RunConfig, name: str) -> str:
    """The name of the bidirectional run beside a causal one, and the reverse. Empty for other objectives."""
    preset = OTHER_PRESET.get(type(config.objective))
    if preset is None:
        return ""
    renamed = re.sub("causal|bidirectional|masked", preset, name, count=1)
    return f"{preset}-{name}" if renamed == name else renamed


def other_training(config: RunConfig, name: str) -> list[str]:
    """The command that trains or continues the run of `other_name`, for a plain training where it is not finished."""
    other = other_name(config, name)
    is_plain = config.train.init_from is None and not config.task.episodes.share
    if not other or not is_plain or (ROOT / other / "result.json").exists():
        return []
    command = train_command(OTHER_PRESET[type(config.objective)], config, other)
    return [command + " --resume" * (ROOT / other).exists()]


def ended_early(preset: RunConfig, config: RunConfig, result: dict[str, Any]) -> bool:
    """Whether a run has not learned what is stated, and has taken fewer steps than its preset."""
    accuracy = result["splits"].get(config.task.progress_splits[0], {}).get("accuracy")
    return accuracy is not None and accuracy < LEARNED and result["steps"] < preset.train.steps


def ask_command(config: RunConfig, name: str, example: Example) -> str:
    """The command that asks a question again, as the run was trained to answer it."""
    words = ["python -m eval ask", name, quoted(example.question.text)]
    if config.task.episodes.share:
        words += ["--context", *map(quoted, example.premises)]
    elif config.task.chain_of_thought.copies:
        words += ["--chain-of-thought"]
    return " ".join(words)


def tensorboard_command(names: list[str]) -> str:
    return "make tensorboard" + f' RUNS="{" ".join(names)}"' * bool(names)


def train_command(preset: str, config: RunConfig, name: str) -> str:
    """The command that trains a preset with the seed, world, network and rates of `config`, as long as the preset is.

    The objective's settings are left out where the preset has another objective.
    """
    base, task = PRESETS[preset][1], config.json()["task"]["name"]
    is_other_task = base.json()["task"]["name"] != task
    base = with_task(base, task) if is_other_task else base
    words = ["python -m train", preset, *["--task", task] * is_other_task, *flags(base, config)]
    if name != default_name(preset, task if is_other_task else None, str(config.seed)):
        words += ["--name", name]
    return " ".join(words)


def flags(base: RunConfig, config: RunConfig) -> Iterator[str]:
    """The options in which `config` differs from `base`, but for those of LENGTH and FREE."""
    same_objective = type(base.objective) is type(config.objective)
    for setting, (_, value) in changes(base.json(), config.json()).items():
        if setting in LENGTH or setting in FREE or (setting.startswith("objective.") and not same_objective):
            continue
        *sections, option = UNPREFIXED.get(setting, setting).replace("_", "-").split(".")
        prefix = "".join(f"{section}." for section in sections)
        if isinstance(value, bool):
            yield f"--{prefix}{'' if value else 'no-'}{option}"
        else:
            values = value if isinstance(value, list) else [value]
            yield " ".join([f"--{prefix}{option}", *(shlex.quote(str(item)) for item in values)])


def quoted(text: str) -> str:
    """A text in quotes for a shell: double ones where no sign in it has a meaning there."""
    return shlex.quote(text) if re.search(r'["$`\\!]', text) else f'"{text}"'
