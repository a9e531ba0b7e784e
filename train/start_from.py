"""`--from`: the weights of another run as the start of this one."""

from pathlib import Path
from typing import Any

from checkpoints import steps
from checkpoints.config import differences, read_config
from checkpoints.files import read_json
from checkpoints.identity import read_identity, read_words
from config.terminal import list_first
from config.validation import SettingError, require
from eval.runs import find_run
from eval.trained_model import SECTIONS, TrainedModel, load_weights, max_step_bytes
from model.build import with_vocabulary_rows
from train.config import RunConfig
from train.progress import Log


def start_from(trained: TrainedModel, config: RunConfig, folder: Path, log: Log) -> dict[str, Any]:
    """Copies the weights of the run that `--from` names, and returns its lineage.

    A word has the same weights whatever its number is in either run. Raises SettingError where it is the run in
    `folder` itself, has no whole step, or has other words or another network.
    """
    try:
        base_run = find_run(config.train.init_from)
    except SettingError as error:
        raise SettingError(f"--from {error}") from None
    require(folder.resolve() != base_run.resolve(), "from", str(base_run), "another run's folder")
    try:
        settings, words = read_config(base_run, SECTIONS), read_words(base_run)
        base_identity = read_identity(base_run)
    except SettingError as error:
        raise SettingError(f"--from {base_run}: {error}") from None
    different = differences({"model": vars(settings["model"])}, {"model": vars(config.model)})
    if different:
        raise SettingError(f"--from {base_run}: its network differs: {different}")
    saved = steps.load(base_run, log.warn, base_identity.run, max_step_bytes(trained.modules))
    if saved is None:
        raise SettingError(f"--from {base_run}: it holds no whole saved step")
    rows = rows_by_word(words, trained.corpus.vocabulary.words, base_run)
    load_weights(trained.modules, with_vocabulary_rows(saved.weights, rows), base_run)
    earlier = read_json(base_run / "environment.json").get("from")
    lineage = {"run": base_run.name, "seed": settings["seed"], "step": saved.step}
    return lineage | {"weights_sha256": saved.weights_sha256, "from": earlier}


def rows_by_word(base_words: tuple[str, ...], words: tuple[str, ...], base_run: Path) -> list[int]:
    """The token in the base run of each word of this one. Raises SettingError where they are not the same words."""
    lacking = [word for word in words if word not in set(base_words)]
    further = [word for word in base_words if word not in set(words)]
    if lacking or further:
        given = {"it lacks": lacking, "it alone has": further}
        parts = [f"{text} {list_first([*map(repr, some[:3])], len(some))}" for text, some in given.items() if some]
        raise SettingError(f"--from {base_run}: its vocabulary is not this task's: {' and '.join(parts)}")
    token = {word: i for i, word in enumerate(base_words)}
    return [token[word] for word in words]
