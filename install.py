"""Makes .venv, and installs requirements into it: once, and again where it cannot work or requirements have changed.

python3 install.py ready requirements.txt [pip's arguments]

`make` calls this before every target, and it then takes a tenth of a second. The first argument names the stamp, a file
in .venv that is written last. It holds the Python that .venv was made with, the place of .venv, and the requirements.
Where Python or place have changed, .venv is made anew. Of several calls at once, one installs and the others wait.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
CONSTRAINTS = ROOT / "constraints.txt"
# Fails where .venv cannot work: its Python was removed, or has another version now and finds no pip.
DESCRIBE = "import os, pip, platform, sys; print(sys.implementation.cache_tag, platform.machine(), "
DESCRIBE += "os.path.realpath(sys.prefix))"
WITHOUT_VENV = "docs/running.md says how to go on without make and venv, under 'Without make'"


def main(stamp_name, requirements, *pip_arguments):
    """Installs what the file `requirements` lists, unless the stamp says that it is installed."""
    stamp, digest = VENV / stamp_name, digest_of(requirements)
    if is_installed(stamp, digest):
        return
    with open(__file__) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_installed(stamp, digest):  # another call installed it meanwhile
            return
        python = describe()
        if python is None or recorded(stamp)[:1] not in ([], [python]):
            make_venv()
            python = describe()
        command = [VENV / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check", *pip_arguments]
        run([*command, "-r", ROOT / requirements, "-c", CONSTRAINTS])
        stamp.write_text(f"{python}\n{digest}\n")


def is_installed(stamp, digest):
    """Whether .venv works, and is as the stamp says."""
    lines = recorded(stamp)
    return lines[1:] == [digest] and lines[0] == describe()


def recorded(stamp):
    """The lines of a stamp: Python and place, then the digest. There are none where it is absent."""
    return stamp.read_text().splitlines() if stamp.is_file() else []


def digest_of(requirements):
    """The digest of all files that say what is installed."""
    files = {ROOT / name for name in (requirements, "requirements.txt")} | {CONSTRAINTS}
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sorted(files))).hexdigest()


def describe():
    """Python and place of .venv as one line, None where it does not work."""
    try:
        ended = subprocess.run([VENV / "bin/python", "-c", DESCRIBE], capture_output=True, text=True, check=False)
    except OSError:
        return None
    line = ended.stdout.strip()
    return line if ended.returncode == 0 and line.endswith(os.path.realpath(VENV)) else None


def make_venv():
    """Makes .venv anew, with the Python that runs this."""
    if sys.version_info < (3, 11):  # noqa: UP036 (what runs this may be older than what .venv is made with)
        version = ".".join(map(str, sys.version_info[:2]))
        raise SystemExit(f"error: Python 3.11 or newer is needed, and this is {version} (make PYTHON=python3.12)")
    if os.path.lexists(VENV):
        print("making .venv anew: it was made with another Python or in another folder", file=sys.stderr)
        VENV.unlink() if VENV.is_symlink() else shutil.rmtree(VENV)
    try:
        run([sys.executable, "-m", "venv", VENV])
    except SystemExit:
        shutil.rmtree(VENV, ignore_errors=True)
        raise


def run(command):
    """Runs a command. Where it fails, it has said why, and this program ends."""
    code = subprocess.run(command, check=False).returncode
    if code:
        raise SystemExit(f"error: {command[2]} failed ({WITHOUT_VENV})")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except OSError as error:
        raise SystemExit(f"error: {error.filename or VENV}: {error.strerror}") from None
