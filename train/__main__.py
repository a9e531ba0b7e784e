"""`python -m train PRESET [settings]` trains one run; `compare`, `sweep` and `ablate` train several; `count` none.

Without arguments it lists all presets.
"""

from config.process import exit_at_interrupt, run_command

if __name__ == "__main__":
    exit_at_interrupt()  # the other imports take a while

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from tyro.conf import arg

from config.cli import parse_arguments, refusals, refuse
from config.terminal import say
from config.validation import require, require_choice
from tasks import TASKS
from train.config import RunConfig
from train.presets import PRESETS, with_task
from train.processes import LOST, OneProcess, ProcessLost, WeightsDiffer, is_first, num_processes, together
from train.recorded import argument, default_name, recorded_config
from train.signals import StopFlag, StopRequested, stop_on_signals

Settings = TypeVar("Settings")
COMMANDS = {
    "compare": "causal and bidirectional, five seeds each: table and figure",
    "sweep": "every variant that a Python file lists: table and figure",
    "tensorboard": "the TensorBoard view of finished runs, made again",
    "ablate": "every value of one setting, for several objectives: table and figure",
}
ALL = "all"
COUNTS = {
    "count PRESET": "what counting the documents of a run gets on each split, beside the printed baselines",
    f"count {ALL}": "the same for every preset, and the best strategy alone",
}
NOT_FINITE = 3  # exit code; bad input ends with 2, a signal with 128 + its number


@dataclass(frozen=True)
class Arguments(Generic[Settings]):
    """Train one run into checkpoints/<name>/."""

    main_settings: ClassVar = ("task", "name", "resume")

    config: Annotated[Settings, arg(name="")]
    """what defines the run"""
    task: Literal[tuple(TASKS)] | None = None
    """another task than the preset's, which keeps the settings that all tasks have"""
    name: str | None = None
    """folder in checkpoints/; None: preset, task if another is given, and seed, such as causal-0"""
    resume: bool = False
    """continue from the last saved step, with the settings that its folder holds"""
    once: bool = False
    """keep a finished run of this name, continue a stopped one, and train only where there is none"""
    overwrite: bool = False
    """replace the run of this name, finished or not"""

    def __post_init__(self):
        for name in ("resume", "once"):
            require(not (getattr(self, name) and self.overwrite), name, True, "given without overwrite")


def main(arguments: list[str]) -> None:
    if not is_first():  # of those that torchrun started: the first one alone reads settings and speaks
        if arguments and arguments[0] in PRESETS:
            from train.follow import follow

            follow()
        return
    match arguments:
        case [] | ["--help" | "--help-all" | "-h"]:
            print("python -m train NAME [settings]      (NAME --help lists the main ones, --help-all every one)\n")
            lines = {preset: line for preset, (line, _) in PRESETS.items()} | COMMANDS | COUNTS
            for name, line in lines.items():
                print(f"  {name:20} {line}")
        case ["count", preset, *rest] if preset in PRESETS:
            from train.count import Count

            with refusals():
                parse_run(Count, f"count {preset}", PRESETS[preset][1], rest).run()
        case ["count", *rest]:
            count_all(rest)
        case [name, *rest] if name in COMMANDS:
            train_several(name, rest)
        case [name, *rest] if name in PRESETS:
            with together() as processes, refusals():
                train_one(name, rest, processes)
        case [name, *_]:
            with refusals():
                require_choice("preset", name, (*PRESETS, *COMMANDS, "count"))


def count_all(arguments: list[str]) -> None:
    """Counts what the run of every preset draws. Refuses what is not "all", since presets are read before."""
    presets = *PRESETS, ALL
    if not arguments:
        refuse(f"preset is missing, but must be one of {', '.join(presets)}")
    with refusals():
        require_choice("preset", arguments[0], presets)
        from train.count import CountAll

        parse_arguments(CountAll, arguments[1:], f"python -m train count {ALL}").run()


def train_several(command: str, rest: list[str]) -> None:
    """Runs one of COMMANDS with the arguments `rest`."""
    if num_processes() > 1:
        refuse(f"{command} does not run under torchrun, which trains a single run: start it without")
    settings_type, act = load_command(command)
    parse = parse_compare if command == "compare" else parse_arguments
    with refusals():
        settings = parse(settings_type, rest, f"python -m train {command}")
    try:
        with refusals(), stop_on_signals() as stop:
            act(settings, stop)
    except StopRequested as request:
        say("stopped and saved: the same command continues")
        raise SystemExit(128 + request.args[0]) from None


def load_command(name: str) -> tuple[type, Callable[[Any, StopFlag], None]]:
    """The settings of one of COMMANDS, and the function that takes them."""
    match name:
        case "compare":
            from train.sweeps.compare import Compare, compare

            return Compare, compare
        case "sweep":
            from train.sweeps.from_file import Sweep, sweep

            return Sweep, sweep
        case "tensorboard":
            from train.rebuild_view import RebuildView, rebuild_view

            return RebuildView, rebuild_view
        case "ablate":
            from train.sweeps.ablate import Ablate, ablate

            return Ablate, ablate


def train_one(preset: str, rest: list[str], processes: OneProcess) -> None:
    """Trains one run with the settings of a preset, but for those that the arguments `rest` set."""
    parsed = parse_run(Arguments, preset, recorded_config(preset, PRESETS[preset][1], rest), rest)
    name = default_name(preset, parsed.task, str(parsed.config.seed)) if parsed.name is None else parsed.name
    train_and_print(parsed, preset, name, processes)


def train_and_print(arguments: Arguments, preset: str, name: str, processes: OneProcess) -> None:
    """Trains the run and prints its accuracies, two of its questions, and what to try next."""
    from train.finish import print_finish
    from train.loop import NonFiniteStep
    from train.progress import Progress
    from train.run import train_run

    config = arguments.config
    flags = {"resume": arguments.resume or arguments.once, "overwrite": arguments.overwrite}
    try:
        with stop_on_signals() as stop, Progress(config) as progress:
            result = train_run(config, name, **flags, log=progress, stop=stop, processes=processes)
    except StopRequested as request:
        say(f"stopped and saved: --resume continues checkpoints/{name}")
        raise SystemExit(128 + request.args[0]) from None
    except NonFiniteStep as error:
        say(f"error: {error}; the steps before it are saved in checkpoints/{name}")
        raise SystemExit(NOT_FINITE) from None
    except ProcessLost as error:
        say(f"error: {error}: saved, --resume continues checkpoints/{name}")
        raise SystemExit(LOST) from None
    except WeightsDiffer as error:
        say(f"error: checkpoints/{name}: {error}")
        raise SystemExit(LOST) from None
    print_finish(preset, config, name, result)


def parse_compare(settings_type: type, rest: list[str], program: str) -> Any:
    """The settings of a comparison, which has a name of its own for each task."""
    from train.sweeps.compare import CompareArguments

    default = settings_type()
    config = with_given_task(default, rest)
    if config is not default:
        config = replace(config, name=f"{default.name}-{argument(rest, '--task')}")
    parsed_type = CompareArguments[settings_type[type(config.task)]]
    return parse_arguments(parsed_type, rest, program, default=CompareArguments(config)).config


def parse_run(arguments_type: type, command: str, config: RunConfig, rest: list[str]) -> Any:
    """The arguments of a command about one run, which has the settings `config` but for those that `rest` sets."""
    config = with_given_task(config, rest)
    parsed_type = arguments_type[RunConfig[type(config.task), type(config.objective)]]
    return parse_arguments(parsed_type, rest, f"python -m train {command}", default=arguments_type(config))


def with_given_task(config: Settings, arguments: list[str]) -> Settings:
    """The run or comparison with the task that the arguments name, if it is another one."""
    name = argument(arguments, "--task")
    is_other = name in TASKS and TASKS[name] is not type(config.task)
    return with_task(config, name) if is_other else config


if __name__ == "__main__":
    run_command(main, goes_on_unread=True)
