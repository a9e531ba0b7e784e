"""One run from its settings to its result: the folder, the world, the loop, the questions at the end."""

import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from checkpoints import steps
from checkpoints.config import differences, read_config, read_json
from checkpoints.folder import as_csv, locked, run_folder, write_json, write_text
from eval.score import as_entry, records, summaries
from eval.trained import SECTIONS, Trained, load_weights, refuse_other_world
from model.assemble import assemble
from tasks.settings import SettingError, require
from train.augment import augmented, counted
from train.batches import drawn_anew
from train.device import choose_device, environment
from train.loop import Loop
from train.settings import Config
from train.tensorboard import View

LEFTOVERS = re.compile(r"lock|environment\.json|\.(environment|config)\.json-\w+")  # of a start that failed


def train_run(
    config: Config,
    name: str,
    *,
    resume: bool = False,
    overwrite: bool = False,
    report: Callable[[dict[str, Any]], None] = lambda entry: None,
    check: Callable[[], None] = lambda: None,
    warn: Callable[[str], None] = lambda line: print(line, file=sys.stderr),
    root: Path | None = None,
) -> dict[str, Any]:
    """Trains the run `name` and returns what result.json holds; a finished run that is resumed is only read.

    Raises SettingError where the run may not be touched or continued, Stopped or NotFinite with the run saved.
    """
    folder = run_folder(name, root) if root else run_folder(name)
    device = choose_device(config.train.device)
    torch.set_num_threads(config.train.threads)
    corpus = config.task.build(config.seed)
    drawn_anew(corpus, config.train.batch)
    if corpus.drawn and corpus.drawn.alone >= config.train.steps:
        warn(
            f"the world is never told: train.steps ({config.train.steps}) end before task.context_alone "
            f"({corpus.drawn.alone}) does"
        )
    if config.objective.needs_trained and config.train.origin is None:
        warn("this objective is for a network that is trained already, and this one is not: give a run with --from")
    for note in corpus.notes():
        warn(note)
    modules = assemble(config.model, config.objective, corpus, config.seed)
    trained = Trained(corpus, config.objective, modules.to(device))
    goes_on = resume and not overwrite and any(steps.damage(path) is None for path in steps.steps(folder))
    lineage = start_from(trained, config, folder, warn) if config.train.origin and not goes_on else None
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        begin(folder, config, resume, overwrite, environment(device) | {"world": corpus.digest(), "from": lineage})
        refuse_other_world(folder, corpus.digest())
        if (folder / "result.json").exists():
            return read_json(folder / "result.json")
        if config.train.augment:
            more = augmented(corpus, Path(config.train.origin), config.train.augment, folder, check)
            trained = replace(trained, corpus=more)
        with View(folder, config.task.WATCHED) as view:

            def tell(entry: dict[str, Any]) -> None:
                view.write(entry)
                report(entry)

            counters = Loop(config, trained, folder, device, tell, check, warn).run()
            if not counters.target_tokens:
                warn("no token was ever to be predicted: nothing was learned")
            asked = records(trained, between=check)
            result = {
                "run": name,
                "finished": True,
                "steps": counters.step,
                "documents": counters.documents,
                "target_tokens": counters.target_tokens,
                "parameters": sum(p.numel() for p in modules.parameters()),
                "train_seconds": round(counters.seconds, 3),
                **(counted(folder) if config.train.augment else {}),
                **as_entry(summaries(trained, asked)),
            }
            write_text(folder / "questions.csv", as_csv(asked))
            write_json(folder / "result.json", result)
            view.finish(trained, config, asked, result)  # last: a picture that fails costs no number
    return result


def begin(folder: Path, config: Config, resume: bool, overwrite: bool, found: dict[str, Any]) -> None:
    """Makes the folder this run's own, or refuses."""
    written = folder / "config.json"
    if not written.exists():
        foreign = [path.name for path in folder.iterdir() if not LEFTOVERS.fullmatch(path.name)]
        require(
            not foreign, "name", folder.name, f"free, but {folder} holds {foreign[0] if foreign else ''} and is no run"
        )
    elif overwrite:
        # Without result.json first, so that it never stands for what is gone, and config.json last.
        for path in sorted(folder.iterdir(), key=lambda path: (path.name == "config.json", path.name != "result.json")):
            if path.name != "lock":
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    elif resume:
        refuse_other_settings(folder, config)
        return
    else:
        ended = (folder / "result.json").exists()
        hint = "is finished: --overwrite replaces it" if ended else "is not finished: --resume continues it"
        raise SettingError(f"{folder} {hint}, --name trains beside it")
    # config.json comes last: until it is there, the folder is nobody's run.
    write_json(folder / "environment.json", found)
    write_json(written, config.json())


def refuse_other_settings(folder: Path, config: Config) -> None:
    """Raises SettingError if the folder holds a run with other settings than `config`."""
    written = folder / "config.json"
    other = differences(read_json(written), config.json()) if written.exists() else ""
    if other:
        raise SettingError(
            f"{folder} was trained with other settings: {other} (--overwrite replaces it, --name trains beside it)"
        )


def start_from(trained: Trained, config: Config, own: Path, warn: Callable[[str], None]) -> dict[str, Any]:
    """Copies the weights of the run that `--from` names; returns its lineage. Vocabulary and network must match."""
    folder = Path(config.train.origin)
    require(folder.resolve() != own.resolve(), "from", str(folder), "another run's folder")
    try:
        theirs = read_config(folder, SECTIONS)
    except SettingError as error:
        raise SettingError(f"--from {folder}: {error}") from None
    other = differences({"model": vars(theirs["model"])}, {"model": vars(config.model)})
    if other:
        raise SettingError(f"--from {folder}: its network differs: {other}")
    words = theirs["task"].build(theirs["seed"]).vocabulary.words
    if words != trained.corpus.vocabulary.words:
        raise SettingError(f"--from {folder}: its vocabulary ({len(words)} words) is not this task's")
    saved = steps.load(folder, warn)
    if saved is None:
        raise SettingError(f"--from {folder}: it holds no whole saved step")
    step, weights, _, _ = saved
    load_weights(trained.modules, weights, folder)
    digest = read_json(steps.path_of(folder, step) / "manifest.json")["files"]["weights.safetensors"]
    earlier = read_json(folder / "environment.json").get("from")
    return {"run": folder.name, "seed": theirs["seed"], "step": step, "weights_sha256": digest, "from": earlier}
