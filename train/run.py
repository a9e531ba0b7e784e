"""One run from its settings to its result: the world, the model, the folder, the loop, the questions at the end."""

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from checkpoints import steps
from checkpoints.config import differences, read_config, read_json
from checkpoints.folder import as_csv, locked, run_folder, write_json, write_text
from config.validation import SettingError, require
from eval.evaluate import predict_all, summarize, to_entry
from eval.trained_model import SECTIONS, TrainedModel, load_weights, require_same_world
from model.build import build_modules
from tasks.corpus import Corpus
from train.augment import augmented, inferred_counts
from train.batches import num_episodes
from train.config import RunConfig, refuse_other_settings
from train.counters import Counters
from train.device import choose_device, environment, load_average
from train.loop import Loop
from train.progress import WARNINGS, Log, Tee
from train.signals import NEVER, StopFlag
from train.tensorboard import TensorBoardWriter

LEFTOVERS = re.compile(r"lock|environment\.json|\.(environment|config)\.json-\w+")  # of a start that failed


def train_run(
    config: RunConfig,
    name: str,
    *,
    resume: bool = False,
    overwrite: bool = False,
    log: Log = WARNINGS,
    stop: StopFlag = NEVER,
    root: Path | None = None,
) -> dict[str, Any]:
    """Trains the run `name` and returns what result.json holds. A finished run that is resumed is only read.

    Raises SettingError where the run may not be touched or continued. Where it raises StopRequested or NonFiniteStep,
    the run is saved.
    """
    folder = run_folder(name, root) if root else run_folder(name)
    device = choose_device(config.train.device)
    torch.set_num_threads(config.train.threads)
    corpus = build_world(config, log)
    modules = build_modules(config.model, config.objective, corpus, config.seed).to(device)
    trained = TrainedModel(corpus, config.objective, modules)
    continues = resume and not overwrite and any(steps.damage(path) is None for path in steps.steps(folder))
    lineage = start_from(trained, config, folder, log) if config.train.init_from and not continues else None
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        made_by = environment(device) | {"world": corpus.digest(), "from": lineage}
        claim_folder(folder, config, made_by, resume=resume, overwrite=overwrite)
        require_same_world(folder, corpus.digest())
        if (folder / "result.json").exists():
            return read_json(folder / "result.json")
        if config.train.augment:
            trained = replace(trained, corpus=augmented(corpus, config.train, folder, stop))
        return train_and_ask(config, trained, folder, device, log, stop)


def build_world(config: RunConfig, log: Log) -> Corpus:
    """The corpus of a run. Warns of what a person should know about it and the run."""
    corpus = config.task.build(config.seed)
    num_episodes(corpus, config.train.batch)  # refuses a batch without documents of the world
    if corpus.episodes and corpus.episodes.only_steps >= config.train.steps:
        log.warn(
            f"the documents of the world are never trained on: train.steps ({config.train.steps}) end before "
            f"task.episodes.only_steps ({corpus.episodes.only_steps}) do"
        )
    if config.train.first_steps >= config.train.steps and config.train.subset < 1:
        log.warn(
            f"only a subset of the facts is trained on: train.steps ({config.train.steps}) end before "
            f"train.subset_steps ({config.train.first_steps}) do"
        )
    if config.objective.needs_trained_model and config.train.init_from is None:
        log.warn("this objective needs a trained network, and this one starts untrained: give a run with --from")
    for note in corpus.notes():
        log.warn(note)
    return corpus


def train_and_ask(
    config: RunConfig, trained: TrainedModel, folder: Path, device: torch.device, log: Log, stop: StopFlag
) -> dict[str, Any]:
    """Trains, asks all questions and writes the results, which it returns."""
    with TensorBoardWriter(folder, config.task.progress_splits) as writer:
        counters = Loop(config, trained, folder, device, Tee(writer, log), stop).run()
        if not counters.target_tokens:
            log.warn("no token was ever a target: nothing was learned")
        rows = predict_all(trained, check=stop.check)
        result = make_result(config, trained, folder, counters, rows)
        write_text(folder / "questions.csv", as_csv(rows))
        write_json(folder / "result.json", result)
        writer.finish(trained, config, rows, result)  # last: a figure that fails costs no number
    return result


def make_result(
    config: RunConfig, trained: TrainedModel, folder: Path, counters: Counters, rows: list[dict[str, Any]]
) -> dict[str, Any]:
    """What result.json holds. `rows` are those of questions.csv."""
    return {
        "run": folder.name,
        "finished": True,
        "steps": counters.step,
        "documents": counters.documents,
        "target_tokens": counters.target_tokens,
        "parameters": sum(parameter.numel() for parameter in trained.modules.parameters()),
        "train_seconds": round(counters.seconds, 3),
        "load": load_average(),
        **({"inferred": inferred_counts(folder)} if config.train.augment else {}),
        **to_entry(summarize(trained, rows)),
    }


def claim_folder(folder: Path, config: RunConfig, made_by: dict[str, Any], *, resume: bool, overwrite: bool) -> None:
    """Makes the folder this run's own. Raises SettingError where it is another's.

    `made_by` is the content of environment.json.
    """
    path = folder / "config.json"
    if not path.exists():
        foreign = [path.name for path in folder.iterdir() if not LEFTOVERS.fullmatch(path.name)]
        allowed = f"free, but {folder} holds {foreign[0] if foreign else ''} and is no run"
        require(not foreign, "name", folder.name, allowed)
    elif overwrite:
        empty_folder(folder)
    elif resume:
        refuse_other_settings(folder, config)
        return
    else:
        finished = (folder / "result.json").exists()
        hint = "is finished: --overwrite replaces it" if finished else "is not finished: --resume continues it"
        raise SettingError(f"{folder} {hint}, --name trains another run")
    # config.json comes last: without it, the folder is nobody's run.
    write_json(folder / "environment.json", made_by)
    write_json(path, config.json())


def empty_folder(folder: Path) -> None:
    """Deletes everything in a run folder but its lock.

    result.json goes first, so that it never stands for what is gone, and config.json last.
    """
    for path in sorted(folder.iterdir(), key=lambda path: (path.name == "config.json", path.name != "result.json")):
        if path.name != "lock":
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def start_from(trained: TrainedModel, config: RunConfig, folder: Path, log: Log) -> dict[str, Any]:
    """Copies the weights of the run that `--from` names, and returns its lineage.

    Raises SettingError where it is the run in `folder` itself, has no whole step, or has another vocabulary or
    network.
    """
    base_run = Path(config.train.init_from)
    require(folder.resolve() != base_run.resolve(), "from", str(base_run), "another run's folder")
    try:
        settings = read_config(base_run, SECTIONS)
    except SettingError as error:
        raise SettingError(f"--from {base_run}: {error}") from None
    different = differences({"model": vars(settings["model"])}, {"model": vars(config.model)})
    if different:
        raise SettingError(f"--from {base_run}: its network differs: {different}")
    words = settings["task"].build(settings["seed"]).vocabulary.words
    if words != trained.corpus.vocabulary.words:
        raise SettingError(f"--from {base_run}: its vocabulary ({len(words)} words) is not this task's")
    saved = steps.load(base_run, log.warn)
    if saved is None:
        raise SettingError(f"--from {base_run}: it holds no whole saved step")
    step, weights, _, _ = saved
    load_weights(trained.modules, weights, base_run)
    digest = read_json(steps.path_of(base_run, step) / "manifest.json")["files"]["weights.safetensors"]
    earlier = read_json(base_run / "environment.json").get("from")
    return {"run": base_run.name, "seed": settings["seed"], "step": step, "weights_sha256": digest, "from": earlier}
