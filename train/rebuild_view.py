"""`python -m train tensorboard NAME …`: tensorboard/ of finished runs, made again from their records and weights."""

from dataclasses import dataclass, replace

from tyro.conf import Positional

from checkpoints.config import read_config
from checkpoints.folder import run_folder
from checkpoints.steps import remove
from checkpoints.view import VIEW
from config.validation import require
from train.config import RUN_SECTIONS, RunConfig
from train.signals import StopFlag


@dataclass(frozen=True)
class RebuildView:
    """Make the TensorBoard view of finished runs again, from their records and weights."""

    names: Positional[tuple[str, ...]]
    """runs in checkpoints/"""

    def __post_init__(self):
        require(len(self.names) > 0, "names", self.names, "one run or more")


def rebuild_view(settings: RebuildView, stop: StopFlag) -> None:
    """Makes the view of each run again. Raises SettingError for what is no finished run."""
    from train.progress import Tee
    from train.run import train_run

    for name in settings.names:
        folder = run_folder(name)
        config = RunConfig(**read_config(folder, RUN_SECTIONS))
        require((folder / "result.json").exists(), "names", name, "finished: --resume continues it")
        if (folder / VIEW).exists():
            remove(folder / VIEW)
        config = replace(config, train=replace(config.train, device="auto"))
        train_run(config, name, resume=True, log=Tee(), stop=stop)  # without the warnings, which training gave
        print(f"made again: {folder / VIEW}")
