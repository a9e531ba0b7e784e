"""Files of a run folder with a flipped bit, cut or deleted: that is found, or harmless."""

import contextlib
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from checkpoints.files import read_json
from checkpoints.record import read_result
from checkpoints.steps import FILES
from config.validation import SettingError
from eval.evaluate import predict_all
from eval.run_methods import run_methods
from eval.trained_model import load_trained_model
from tests.chaos.runs import METHODS, Chaos, Undisturbed, chaos_config, differences, progress, resume
from tests.running import Recorder, stop_after
from train.config import RunConfig
from train.run import train_run
from train.signals import StopRequested


def damage(path: Path, rng: random.Random) -> str:
    """Damages a file, and says how."""
    data = path.read_bytes()
    how = rng.choice(("flip", "flip", "cut", "delete")) if data else "delete"
    if how == "delete":
        path.unlink()
    elif how == "cut":
        path.write_bytes(data[: rng.randrange(len(data))])
    else:
        position = rng.randrange(len(data))
        flipped = data[position] ^ (1 << rng.randrange(8))
        path.write_bytes(data[:position] + bytes([flipped]) + data[position + 1 :])
    return how


def damages(settings: Chaos, rng: random.Random, whole: Undisturbed) -> Iterator[str]:
    """Damages finished and stopped runs. Yields what is wrong without a word."""
    outcomes: Counter[str] = Counter()
    for trial in range(settings.damages):
        config, is_finished = chaos_config(rng), rng.random() < 0.7
        expected = whole.of(config)
        folder = whole.root / "damaged"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(expected if is_finished else stopped(config, whole), folder)
        path = rng.choice([path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "lock"])
        what = f"trial {trial}: {damage(path, rng)} of {path.relative_to(folder)}, finished: {is_finished}"
        for name, act in acts(config, folder, expected).items():
            outcome = outcome_of(act, path)
            outcomes[f"{name}: {'as undisturbed' if outcome is None else outcome}"] += 1
            if outcome not in (None, "refused"):
                yield f"{what}: {name}: {outcome}"
        progress(f"{trial + 1} of {settings.damages} damages")
    print()
    for outcome, number in sorted(outcomes.items()):
        print(f"{number:5} x {outcome}")


def stopped(config: RunConfig, whole: Undisturbed) -> Path:
    """The folder of this run, stopped in the middle."""
    name = f"stopped-{type(config.objective).__name__}-{config.seed}"
    if not (whole.root / name).exists():
        with contextlib.suppress(StopRequested):
            train_run(config, name, root=whole.root, log=Recorder(), stop=stop_after(35))
    return whole.root / name


def acts(config: RunConfig, folder: Path, expected: Path) -> dict[str, Callable[[], bool]]:
    """What a user does with a run, each with whether it gives what the undisturbed run gives."""

    def evaluates() -> bool:
        loaded = load_trained_model(folder)
        if loaded.weights_sha256 != read_result(expected)["weights"]:
            return True  # of a stopped run, or of the step before a damaged one, which a line says
        return predict_all(loaded.trained) == predict_all(load_trained_model(expected).trained)

    def asks_methods() -> bool:
        if not (folder / "result.json").exists():
            return True
        entry = run_methods(folder, METHODS, overwrite=False)
        same = entry["weights"] == read_json(expected / "methods.json")["weights"]
        return not same or entry["methods"] == read_json(expected / "methods.json")["methods"]

    def goes_on() -> bool:
        resume(config, folder.name, folder.parent)
        return not [name for name in differences(folder, expected) if name not in ("step", *FILES[:2])]

    return {"eval": evaluates, "methods": asks_methods, "resume": goes_on}


def outcome_of(act: Callable[[], bool], path: Path) -> str | None:
    """None where all is as undisturbed; "refused" where a line names the damaged file or its folder."""
    try:
        with contextlib.redirect_stderr(None):
            return None if act() else "silently wrong"
    except SettingError as refusal:
        named = path.name in str(refusal) or path.parent.name in str(refusal)
        return "refused" if named else f"refused without the name of the file: {refusal}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
