"""A connection to Ray: to a cluster with an address, or to one of this machine alone that starts and ends here."""

import contextlib
import importlib.util
import logging
import os
import signal
import socket
from collections.abc import Iterator
from typing import Any

from config.process import num_cores
from config.validation import SettingError, require
from train.device import COMMIT, commit
from train.sweeps.cluster.code import copy_code
from train.sweeps.cluster.scratch import scratch_folder

INSTALL = "pip install -r requirements-cluster.txt -c constraints.txt"
CONNECT_SECONDS = 5.0
STORE_BYTES = 256 << 20  # of the memory in which a local Ray passes larger messages; what does not fit goes to the disk
QUIET = {"log_to_driver": False, "logging_level": logging.ERROR}
# Before Ray is imported: it reports no usage and, where this machine is alone, listens on its loopback address only.
LOCAL = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))  # of a client, with no settings
SETTINGS = 4  # type of the frame that a server of HTTP/2, which Ray's is, answers with


@contextlib.contextmanager
def connected(address: str | None, jobs: int | None) -> Iterator[None]:
    """Connects this process to Ray, with a copy of the project's code for its workers. Raises SettingError.

    `address` None: Ray starts here, with `jobs` cores, and nothing is left of it at the end.
    """
    require(importlib.util.find_spec("ray") is not None, "engine", "ray", f"pool, as Ray is not installed: {INSTALL}")
    with contextlib.ExitStack() as stack:
        code = stack.enter_context(scratch_folder("both-ways-code-")) / "code"
        copy_code(code)
        environment = {"working_dir": str(code), "env_vars": {COMMIT: commit()}}
        if address is None:
            os.environ |= LOCAL
            temporary = stack.enter_context(scratch_folder("both-ways-ray-", "/tmp"))  # a short path: it holds sockets
            options = {"address": "local", "num_cpus": jobs or num_cores(), "include_dashboard": False}
            options |= {"_node_ip_address": "127.0.0.1", "_temp_dir": str(temporary)}
            options |= {"object_store_memory": STORE_BYTES}
        else:
            require_listener(address)
            options = {"address": address}
        start(address, options | {"runtime_env": environment})
        import ray

        stack.callback(ray.shutdown)
        yield


def require_listener(address: str) -> None:
    """Raises SettingError unless a server of Ray's protocol listens at the address, or it is auto.

    Ray itself would wait for minutes. It takes a loopback address for the other address of this machine.
    """
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    require(bool(host) and port.isdigit() and "/" not in host, "address", address, "HOST:PORT, or auto")
    import ray

    host = ray.util.get_node_ip_address() if host in ("127.0.0.1", "localhost", "[::1]") else host.strip("[]")
    try:
        with socket.create_connection((host, int(port)), CONNECT_SECONDS) as connection:
            connection.settimeout(CONNECT_SECONDS)
            connection.sendall(PREFACE)
            answer = connection.recv(9)  # the head of a frame: three bytes of length, then the type
        reason = "" if answer[3:4] == bytes([SETTINGS]) else "it is another service"
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
    if reason:
        raise SettingError(f"address is {address!r}, but no Ray listens there: {reason}")


def start(address: str | None, options: dict[str, Any]) -> None:
    """Starts or joins Ray. Raises SettingError where it cannot, in one line."""
    import ray

    handler = signal.getsignal(signal.SIGTERM)  # Ray puts its own in place of it
    # Ray's processes inherit what is blocked: a signal to the terminal's group is for this process alone.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGHUP])
    try:
        ray.init(**QUIET, **options)
    except Exception as error:  # Ray raises that very type where a node takes too long to start
        ray.shutdown()
        where = "Ray cannot be started here" if address is None else f"address is {address!r}, but it cannot be used"
        raise SettingError(f"{where}: {' '.join(str(error).split())}") from None
    finally:
        signal.signal(signal.SIGTERM, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
