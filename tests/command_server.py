"""Runs `python -m …` commands of a checkout in forks of one process, so that torch is imported once for all of them."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

SERVER = """
import json, multiprocessing, os, runpy, sys, traceback
sys.path.insert(0, os.getcwd())
fork = multiprocessing.get_context("fork")
multiprocessing.get_context = lambda method: fork  # a sweep's own fork server would import torch again
import eval.__main__, tasks.__main__
from train.sweeps.pool import PRELOADED
for module in PRELOADED:
    __import__(module)
exec(sys.argv[1])
for line in sys.stdin:
    module, arguments, stdout, stderr = json.loads(line)
    child = os.fork()
    if not child:
        code = 1
        try:
            for descriptor, path in ((1, stdout), (2, stderr)):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
            # As at the start: what is no terminal is seen as none. A command puts streams of its own in their place.
            sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)
            sys.argv = [module, *arguments]
            runpy.run_module(module, run_name="__main__", alter_sys=True)
            code = 0
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class CommandServer:
    """A context in which commands of the checkout `root` run, each after the Python of `prelude`."""

    def __init__(self, root: Path, prelude: str = ""):
        self.root, self.prelude = root, prelude

    def __enter__(self) -> "CommandServer":
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        environment = os.environ | {"COLUMNS": "100"}
        command = [sys.executable, "-c", SERVER, self.prelude]
        self.process = subprocess.Popen(command, cwd=self.root, env=environment, **pipes)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.process.wait()

    def run(self, words: list[str]) -> subprocess.CompletedProcess:
        """The command `python -m MODULE …`, or a make target: the commands that it would run, one after another."""
        if words[0] == "make":
            return self.make(words)
        files = [self.root / "stdout.txt", self.root / "stderr.txt"]
        self.process.stdin.write(json.dumps([words[2], words[3:], *map(str, files)]) + "\n")
        self.process.stdin.flush()
        code = int(self.process.stdout.readline())
        return subprocess.CompletedProcess(words, code, *(file.read_text() for file in files))

    def make(self, words: list[str]) -> subprocess.CompletedProcess:
        """Runs the commands that a make target lists, until one fails."""
        listed = subprocess.run(
            ["make", "--no-print-directory", "-n", *words[1:]],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )
        ended = listed
        for line in listed.stdout.splitlines() if listed.returncode == 0 else ():
            ended = self.run(shlex.split(line))
            if ended.returncode:
                break
        return ended
