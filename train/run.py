"""One run from its settings to its result: the world, the model, the folder, the loop, the questions at the end."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from checkpoints import steps
from checkpoints.files import read_bytes, require_digest, sha256, write_json, write_text
from checkpoints.folder import RunLock, as_csv, locked, run_folder
from checkpoints.identity import changed_inputs, read_identity, write_identity
from checkpoints.record import read_metrics, read_result
from checkpoints.view import mark_complete, naming_view, require_complete
from config.validation import SettingError, require
from eval.evaluate import predict_all, summarize, to_entry
from eval.trained_methods import evaluate_trained_methods
from eval.trained_model import TrainedModel, require_same_world, with_kept_inputs
from model.build import build_modules
from tasks.corpus import Corpus
from tasks.task import Task
from train.augment import augmented, inferred_counts
from train.batches import num_episodes
from train.claim import claim_folder
from train.compiler import require_compiler
from train.config import RunConfig, refuse_other_settings
from train.counters import Counters
from train.device import choose_device, environment, load_average, note_processes
from train.end_phase import end_phase_check
from train.loop import Loop
from train.processes import ONE_PROCESS, OneProcess
from train.progress import WARNINGS, Log, Tee
from train.signals import NEVER, StopFlag
from train.start_from import start_from
from train.tensorboard import TensorBoardWriter

STEP_BYTES = 12  # of a saved step for each weight: itself, and two numbers of the optimiser's state


def train_run(
    config: RunConfig,
    name: str,
    *,
    resume: bool = False,
    overwrite: bool = False,
    log: Log = WARNINGS,
    stop: StopFlag = NEVER,
    root: Path | None = None,
    processes: OneProcess = ONE_PROCESS,
    located: RunConfig | None = None,
) -> dict[str, Any]:
    """Trains the run `name` and returns what result.json holds. A finished run that is resumed is only read.

    `located`: the same settings, with paths of the files and of the run to start from as this machine has them.

    Raises SettingError where the run may not be touched or continued. Where it raises one of loop.INTERRUPTIONS, the
    run is saved.
    """
    folder = run_folder(name, root) if root else run_folder(name)
    device = processes.choose_device(choose_device(config.train.device), config.train)
    require_compiler(config.train)
    torch.set_num_threads(config.train.threads)
    continues = resume and not overwrite and (folder / "config.json").exists()
    located = located or config
    corpus, inputs = build_world(config, located.task, folder if continues else None, log)
    modules = build_modules(config.model, config.objective, corpus, config.seed).to(device)
    trained = TrainedModel(corpus, config.objective, modules)
    has_step = continues and any(steps.damage(path) is None for path in steps.steps(folder))
    lineage = start_from(trained, located, folder, log) if config.train.init_from and not has_step else None
    require_space(folder, config, trained)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder) as lock:
        made_by = environment(device, processes.size) | {"from": lineage}
        write_new = partial(write_new_run, folder, config, corpus, inputs, made_by)
        claim_folder(folder, config, write_new, resume=resume, overwrite=overwrite)
        require_same_world(folder, corpus)
        result = finished_result(folder, log)
        if result is not None:
            return result
        note_processes(folder, processes.size, log.warn)
        if config.train.augment:
            trained = replace(trained, corpus=augmented(corpus, located.train, folder, stop))
        return train_and_ask(config, trained, lock, processes, log, stop)


def build_world(config: RunConfig, task: Task, folder: Path | None, log: Log) -> tuple[Corpus, dict[str, bytes]]:
    """The corpus of a run, and the user's files that it was read from, by setting. `task`: as this machine has them.

    The run in `folder`, if any, goes on with its own copies of them. Warns of what a person should know.
    """
    paths = task.inputs()
    if folder is None:
        inputs = {setting: Path(path).read_bytes() for setting, path in paths.items() if Path(path).is_file()}
        corpus = task.build(config.seed)
        for setting, data in inputs.items():
            require(Path(paths[setting]).read_bytes() == data, setting, paths[setting], "as it is while it is read")
    else:
        refuse_other_settings(folder, config)
        inputs, corpus = {}, with_kept_inputs(task, folder).build(config.seed)
        for path in changed_inputs(folder, paths):
            log.warn(f"{path} has changed since {folder} was trained on it: the run keeps its own copy")
    warn_of_surprises(config, corpus, log)
    return corpus, inputs


def warn_of_surprises(config: RunConfig, corpus: Corpus, log: Log) -> None:
    """Warns of what a person should know about a run and its world. Raises SettingError for an impossible batch."""
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


def require_space(folder: Path, config: RunConfig, trained: TrainedModel) -> None:
    """Raises SettingError where the disk has no room for the steps that a run keeps, and one more."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    weights = sum(parameter.numel() for parameter in trained.modules.parameters())
    needed = (config.train.keep + 1) * STEP_BYTES * weights
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise SettingError(f"{folder} needs about {megabytes(needed)} on the disk, where {megabytes(free)} are free")


def megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def train_and_ask(
    config: RunConfig, trained: TrainedModel, lock: RunLock, processes: OneProcess, log: Log, stop: StopFlag
) -> dict[str, Any]:
    """Trains, asks all questions and writes the results, which it returns."""
    folder, device = lock.folder, next(trained.modules.parameters()).device
    run_id = read_identity(folder).run
    with naming_view(folder), TensorBoardWriter(folder, config.task) as writer:
        counters = Loop(config, trained, lock, run_id, device, Tee(writer, log), stop, processes).run()
        if not counters.target_tokens:
            log.warn("no token was ever a target: nothing was learned")
        check = end_phase_check(trained, config.task, log, stop)
        rows = predict_all(trained, check=check)
        questions = as_csv(rows)
        result = make_result(config, trained, folder, counters, rows, check)
        result |= {"files": {"metrics.jsonl": counters.metrics_sha256, "questions.csv": sha256(questions.encode())}}
        lock.require_held()
        write_text(folder / "questions.csv", questions)
        write_json(folder / "result.json", result)
        writer.finish(trained, config, rows, result)  # last: a figure that fails costs no number
    mark_complete(folder, result["weights"])
    return result


def finished_result(folder: Path, log: Log) -> dict[str, Any] | None:
    """What result.json holds of a finished run; None for one that is not, or whose results are to be made again.

    What the saved weights give again is made again: result.json, questions.csv and tensorboard/. Raises SettingError
    where the record of training is damaged, or the weights are, too.
    """
    if not os.path.lexists(folder / "result.json"):
        return None
    try:
        result = read_result(folder)
    except SettingError as fault:
        return make_again(folder, fault, log)
    read_metrics(folder)
    try:
        questions = folder / "questions.csv"
        require_digest(questions, read_bytes(questions), result["files"].get("questions.csv"))
        require_complete(folder, result["weights"])
    except SettingError as fault:
        return make_again(folder, fault, log)
    return result


def make_again(folder: Path, fault: SettingError, log: Log) -> None:
    """Says that results will be made again. Raises SettingError where the newest step, which they need, is damaged."""
    newest = steps.steps(folder)[-1:]
    if not newest or steps.damage(newest[0], read_identity(folder).run) is not None:
        raise SettingError(f"{fault}; no saved step is whole that could make it again") from None
    log.warn(f"{fault}: made again")


def make_result(
    config: RunConfig,
    trained: TrainedModel,
    folder: Path,
    counters: Counters,
    rows: list[dict[str, Any]],
    check: Callable[[], None],
) -> dict[str, Any]:
    """What result.json holds, but for digests of files. `rows` are those of questions.csv."""
    by_method = evaluate_trained_methods(trained, config.task, check)
    check()
    return {
        "run": folder.name,
        "finished": True,
        "steps": counters.step,
        "documents": counters.documents,
        "target_tokens": counters.target_tokens,
        "parameters": sum(parameter.numel() for parameter in trained.modules.parameters()),
        "train_seconds": round(counters.seconds, 3),
        "load": load_average(),
        "weights": steps.weights_sha256(steps.path_of(folder, counters.step)),
        **({"inferred": inferred_counts(folder)} if config.train.augment else {}),
        **to_entry(summarize(trained, rows)),
        **({"methods": by_method} if by_method else {}),
    }


def write_new_run(
    folder: Path, config: RunConfig, corpus: Corpus, inputs: dict[str, bytes], made_by: dict[str, Any]
) -> None:
    """The first files of a run. `made_by`: the content of environment.json. `inputs`: the user's files by setting."""
    identity = write_identity(folder, corpus.digest(), corpus.vocabulary.words, inputs)
    write_json(folder / "environment.json", made_by)
    write_json(folder / "config.json", config.json() | identity)  # last: without it, the folder is nobody's run
