"""A run on a node of the cluster: in a scratch folder, of which each save goes back to whoever ordered the run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from checkpoints.transfer import Changes, Watch, write_new_files
from eval.run_methods import run_methods
from train.config import RunConfig
from train.run import train_run
from train.signals import StopFlag
from train.sweeps.cluster.order import Order
from train.sweeps.cluster.scratch import scratch_folder
from train.sweeps.report import MessageLog, Send, report_end

RUNS, BASE, INPUTS = "runs", "base", "inputs"


class SavingLog(MessageLog):
    """Sends also what a save has changed in the run folder."""

    def __init__(self, send: Send, watch: Watch):
        super().__init__(send)
        self.watch = watch

    def saved(self, step: int) -> None:
        send_changes(self.watch, self.send)


def send_changes(watch: Watch, send: Send) -> None:
    changes = watch.changes()
    if changes != Changes({}):
        send("changes", changes)


def carry_out(order: Order, send: Send, stop: StopFlag) -> None:
    """Trains the run, applies its methods, and sends what happens, with changed files before the end."""
    with scratch_folder("both-ways-run-") as scratch:
        names = names_elsewhere(order, scratch)

        def send_named(event: str, value: Any) -> None:
            """Sends a line with the paths that the user knows."""
            for here, there in names.items() if isinstance(value, str) else ():
                value = value.replace(here, there)
            send(event, value)

        def train() -> dict[str, Any]:
            folder = scratch / RUNS / order.name
            located = write_order(order, scratch)
            watch = Watch(folder)
            try:
                log = SavingLog(send_named, watch)
                result = train_run(
                    order.config, order.name, resume=True, log=log, stop=stop, root=folder.parent, located=located
                )
                if order.methods:
                    run_methods(folder, order.methods, stop.check, overwrite=False)
            finally:
                send_changes(watch, send)
            return result

        report_end(train, send_named, scratch / RUNS / order.name)


def names_elsewhere(order: Order, scratch: Path) -> dict[str, str]:
    """What messages call the paths in a scratch folder: by path here, the longest first."""
    names = {str(scratch / INPUTS / setting): path for setting, path in order.config.task.inputs().items()}
    if order.base_run:
        names[str(base_folder(order, scratch))] = order.config.train.init_from
    return names | {str(scratch / RUNS): order.root}


def base_folder(order: Order, scratch: Path) -> Path:
    """Where the run is that this one starts from. Its folder's name is part of the lineage."""
    name = Path(order.config.train.init_from).name
    return scratch / BASE / ("run" if name in ("", "..") else name)


def write_order(order: Order, scratch: Path) -> RunConfig:
    """Writes the files of an order into the scratch folder. Returns the settings with the paths that they have here."""
    write_new_files(scratch / RUNS / order.name, order.files)
    write_new_files(scratch / INPUTS, order.inputs)
    task, training = order.config.task, order.config.train
    task = replace(task, **{setting: str(scratch / INPUTS / setting) for setting in task.inputs()})
    if order.base_run:
        write_new_files(base_folder(order, scratch), order.base_run)
        training = replace(training, init_from=str(base_folder(order, scratch)))
    return replace(order.config, task=task, train=training)
