"""Files of a run folder: opened without following a link, replaced whole or not at all, and checked by their digest.

Every JSON file is sealed: `sha256` in it is the digest of all else that it holds.
"""

import contextlib
import errno
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from config.validation import SettingError, require

MAX_JSON = 1 << 28  # bytes; a larger one is no file of ours
SEAL = "sha256"


def open_plain(path: Path, flags: int = os.O_RDONLY) -> BinaryIO:
    """Opens a plain file. Raises SettingError for a link and for what is no plain file, such as a pipe or a device."""
    try:
        handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise SettingError(f"{path} is a link, and links in a run folder are not followed") from None
        if error.errno in (errno.ENXIO, errno.EISDIR, errno.ENODEV):
            raise SettingError(f"{path} is no plain file") from None
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise SettingError(f"{path} is no plain file")
    mode = "rb" if flags & 3 == os.O_RDONLY else "r+b"
    return os.fdopen(handle, mode)


def require_plain_folder(path: Path) -> None:
    """Raises SettingError where a folder inside a run folder is a link, or no folder."""
    require(not path.is_symlink(), str(path), "a link", "a folder: links in a run folder are not followed")
    require(path.is_dir(), str(path), "no folder", "a folder")


def read_bytes(path: Path, max_bytes: int | None = None) -> bytes:
    """The content of a plain file. Raises SettingError where it cannot be read, or is larger than `max_bytes`."""
    try:
        with open_plain(path) as file:
            size = os.fstat(file.fileno()).st_size
            if max_bytes is not None and size > max_bytes:
                raise SettingError(
                    f"{path} is damaged: it has {size:,} bytes, where at most {max_bytes:,} are expected"
                )
            return file.read()
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror or error}") from None


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def require_digest(path: Path, data: bytes, digest: object) -> None:
    """Raises SettingError unless the file in `path`, which holds `data`, has this SHA-256."""
    if sha256(data) != digest:
        raise SettingError(f"{path} is damaged: it is not what was written")


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Gives an error of the system, such as a full disk, the path that it is about."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from None


def write_text(path: Path, text: str) -> None:
    """Replaces the file whole or, if anything fails, not at all."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Replaces the file whole or, if anything fails, not at all."""
    with naming(path):
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Writes a JSON object with its seal, in place of an earlier one."""
    values = {name: value for name, value in values.items() if name != SEAL}
    values |= {SEAL: digest_of(values)}
    text = json.dumps(values, indent=1, ensure_ascii=False)
    if any("\ud800" <= character <= "\udfff" for character in text):  # bytes of a path that are no text in this locale
        text = json.dumps(values, indent=1)
    write_text(path, text + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file that `write_json` wrote, without its seal.

    Raises SettingError where it cannot be read, or was changed since.
    """
    return parse_json(path, read_bytes(path, MAX_JSON))


def parse_json(path: Path, data: bytes) -> dict[str, Any]:
    """As `read_json`, where the file's content is `data`."""
    try:
        values = json.loads(data.decode())
        require(isinstance(values, dict), str(path), type(values).__name__, "a JSON object")
        seal = values.pop(SEAL, None)
        is_whole = seal == digest_of(values)
    except (UnicodeError, json.JSONDecodeError, RecursionError) as error:
        raise SettingError(f"{path} is damaged: {error}") from None
    if not is_whole:
        raise SettingError(f"{path} is damaged: it was changed after it was written")
    return values


def digest_of(values: dict[str, Any]) -> str:
    """SHA-256 of a JSON object, whatever the order of its names."""
    return sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode())
