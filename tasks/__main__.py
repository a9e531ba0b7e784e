"""`python -m tasks show TASK` prints documents and questions; `python -m tasks export TASK` writes them to files."""

from config.process import exit_at_interrupt, run_command

if __name__ == "__main__":
    exit_at_interrupt()  # the other imports take a while


from config.cli import parse_arguments, refusals, refuse
from config.validation import require_choice
from tasks import TASKS
from tasks.export import Export
from tasks.show import Show

COMMANDS = {
    "show": (Show, "show TASK [settings]", "some documents and questions"),
    "export": (Export, "export TASK --out DIR [settings]", "all of them, as files"),
}


def main(arguments: list[str]) -> None:
    match arguments:
        case [] | ["--help" | "--help-all" | "-h"]:
            print_commands()
        case [command, task, *rest] if command in COMMANDS and task in TASKS:
            settings_type = COMMANDS[command][0][TASKS[task]]
            settings = parse_arguments(settings_type, rest, f"python -m tasks {command} {task}")
            with refusals():
                settings.run()
        case [command, "--help" | "--help-all" | "-h"] if command in COMMANDS:
            print_commands()
        case [command] if command in COMMANDS:
            refuse(f"task is missing, but must be one of {', '.join(TASKS)}")
        case [command, task, *_] if command in COMMANDS:
            with refusals():
                require_choice("task", task, TASKS)
        case [command, *_]:
            with refusals():
                require_choice("command", command, COMMANDS)


def print_commands() -> None:
    for _, usage, summary in COMMANDS.values():
        print(f"python -m tasks {usage:32}  {summary}")
    print(f"\nTASK is one of {', '.join(TASKS)}.")
    print("With --help behind it, the main settings are listed, with --help-all every one.")


if __name__ == "__main__":
    run_command(main)
