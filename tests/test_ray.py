"""Ray as the engine: a head and nodes of one core train what the pool trains, also where a node is lost."""

import contextlib
import csv
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import ray
from ray.cluster_utils import Cluster

import train.__main__
from checkpoints.folder import ROOT, locked
from checkpoints.steps import steps
from config.validation import SettingError
from tests.running import HOUSE, command, contents, exit_code, record, tiny
from train.run import train_run
from train.signals import StopFlag, StopRequested
from train.sweeps.cluster import connect
from train.sweeps.cluster.engine import NODE_SECONDS, RayEngine
from train.sweeps.cluster.nodes import Nodes
from train.sweeps.cluster.ordered_run import OrderedRun
from train.sweeps.cluster.scratch import scratch_folder
from train.sweeps.engine import train_all
from train.sweeps.from_file import Sweep

LISTED = """
from dataclasses import replace
from eval.methods.in_context import InContext
from model.objectives.masked import Masked
from tasks.triples import Triples
from tests.running import tiny

VARIANTS = {{
    "after": tiny(Masked(), init_from="plain", steps=4),
    "plain": tiny(steps=8),
    "lost": tiny(init_from="plain", steps=4, network={{"width": 8}}),
    "facts": replace(tiny(steps=4), task=Triples(file={facts!r}, relations="tasks/examples/relations.csv")),
}}
METHODS = {{"plain": {{"in-context": InContext(2)}}}}
"""
MACHINE = {"seconds", "load", "machine", "torch", "commit"}  # columns of a study about where it was trained


@pytest.fixture(scope="module")
def cluster():
    """A head that trains nothing, and two nodes of one core."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        cluster.add_node(num_cpus=1)
        cluster.add_node(num_cpus=1)
        yield cluster
        cluster.shutdown()


@pytest.fixture
def name():
    """What the names of runs in checkpoints/ begin with, all of which are gone afterwards."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    yield name
    for path in ROOT.glob(f"{name}*"):
        shutil.rmtree(path)


def engine_of(cluster: Cluster, jobs: int | None = None) -> RayEngine:
    return RayEngine([tiny()], jobs, cluster.address, None)


def wait_for_nodes(cluster: Cluster, count: int) -> None:
    """Waits until the cluster has no more than so many nodes: one that was killed is missed after some seconds."""
    deadline = time.monotonic() + 60
    with engine_of(cluster) as engine:
        while sum(node["Alive"] for node in engine.ray.nodes()) > count:
            assert time.monotonic() < deadline
            time.sleep(0.5)


def study_of(folder: Path) -> tuple[list[dict[str, str]], dict[str, str]]:
    """The rows of a study but for MACHINE, and its failures."""
    with open(folder / "results.csv", newline="") as file:
        rows = [{key: value for key, value in row.items() if key not in MACHINE} for row in csv.DictReader(file)]
    return rows, json.loads((folder / "failures.json").read_text())


def final_weights(folder: Path) -> bytes:
    return (steps(folder)[-1] / "weights.safetensors").read_bytes()


def test_a_study_on_ray_is_that_of_the_pool(cluster, name, tmp_path, monkeypatch):
    facts = tmp_path / "own facts.csv"
    facts.write_text("\n".join((HOUSE / "tasks/examples/facts.csv").read_text().splitlines()[:60]))
    file = tmp_path / "listed.py"
    file.write_text(LISTED.format(facts=str(facts)))
    monkeypatch.setattr("train.report.by_variant.ByVariant.draw", lambda *_: None)  # takes longer than the rest
    settings = Sweep(file, seeds=1, name=name)
    assert exit_code(settings) == 1
    runs = [f"{name}-{variant}-0" for variant in ("after", "plain", "facts")]
    for folder in [name, *runs]:
        (ROOT / folder).rename(tmp_path / folder)
    on_ray = replace(settings, engine="ray", address=cluster.address)
    assert exit_code(on_ray) == 1
    rows, failures = study_of(ROOT / name)
    assert (rows, failures) == study_of(tmp_path / name)
    assert {row["run"] for row in rows} == set(runs)
    assert {row["method"] for row in rows if row["variant"] == "plain"} == {"closed-book", "in-context"}
    assert list(failures) == [f"{name}-lost-0"]  # the others went on
    for run in runs:
        here, there = contents(ROOT / run), contents(tmp_path / run)
        assert final_weights(ROOT / run) == final_weights(tmp_path / run)
        assert record(ROOT / run) == record(tmp_path / run)
        assert [path for path in here if "tfevents" not in path] == [path for path in there if "tfevents" not in path]
        same = {path for path in here if path.endswith((".safetensors", ".csv")) or path.startswith("inputs/")}
        assert all(here[path] == there[path] for path in same)
        assert "questions.csv" in same
        commits = [json.loads(each["environment.json"])["commit"] for each in (here, there)]
        assert commits[0] == commits[1]
    monkeypatch.setattr(RayEngine, "__enter__", lambda _: pytest.fail("a finished run is trained"))
    assert exit_code(replace(on_ray, only=("plain", "after", "facts"))) == 0


def test_a_version_that_another_node_lacks_refuses_it_by_name(cluster, name, tmp_path, capsys, monkeypatch):
    (tmp_path / "torch-0.1.dist-info").mkdir()
    (tmp_path / "torch-0.1.dist-info" / "METADATA").write_text("Name: torch\nVersion: 0.1\n")
    other = cluster.add_node(num_cpus=1, env_vars={"PYTHONPATH": str(tmp_path)})
    try:
        runs = {f"{name}-{seed}": tiny(seed=seed, steps=2) for seed in range(3)}
        with engine_of(cluster) as engine:
            assert engine.jobs == 3
            results, failures = train_all(runs, engine, False, StopFlag())
            assert engine.jobs == 2
        assert (set(results), failures) == (set(runs), {})
        said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("refused")]
        assert len(said) == 1
        assert f"({os.uname().nodename}, {other.node_id[:8]}) has torch 0.1, but must have " in said[0]
    finally:
        cluster.remove_node(other, allow_graceful=False)
    wait_for_nodes(cluster, 3)
    monkeypatch.setattr("train.sweeps.cluster.nodes.versions", lambda: {"Python": "2.7"})
    one_run = {f"{name}-other": tiny(steps=2)}
    with engine_of(cluster) as engine, pytest.raises(SettingError, match="no node of the cluster can be used: node"):
        train_all(one_run, engine, False, StopFlag())
    assert not (ROOT / f"{name}-other").exists()


def test_a_stop_saves_every_run(cluster, name):
    runs = {f"{name}-{seed}": tiny(seed=seed, steps=10**6, save_every=10**6) for seed in range(2)}

    class StopOnceBothTrain(StopFlag):
        def check(self) -> None:
            if all(run.name in trained for run in engine.running.values()):
                raise StopRequested(signal.SIGTERM)

    trained = set()
    with engine_of(cluster) as engine:
        take = engine.take_message
        engine.take_message = lambda run, event, value: (trained.add(run.name), take(run, event, value))
        with pytest.raises(StopRequested):
            train_all(runs, engine, False, StopOnceBothTrain())
    assert all(steps(ROOT / run) for run in runs)
    for run in runs:
        with locked(ROOT / run):  # it is free
            pass


def test_a_save_that_cannot_be_written_here_fails_its_run_alone(cluster, name, monkeypatch):
    write = OrderedRun.write

    def write_to_full_disk(run, changes):
        if run.name.endswith("full"):
            raise OSError(28, "No space left on device", "/there")
        write(run, changes)

    monkeypatch.setattr(OrderedRun, "write", write_to_full_disk)
    with engine_of(cluster) as engine:
        results, failures = train_all({f"{name}-full": tiny(), f"{name}-b": tiny()}, engine, False, StopFlag())
    assert list(results) == [f"{name}-b"]
    assert failures == {f"{name}-full": "/there: No space left on device"}
    assert not (ROOT / f"{name}-full").exists()


def test_a_run_in_use_or_a_folder_of_something_else_is_a_failure(cluster, name):
    (ROOT / f"{name}-other").mkdir()
    (ROOT / f"{name}-other" / "mine.txt").touch()
    (ROOT / f"{name}-used").mkdir()
    with locked(ROOT / f"{name}-used"), engine_of(cluster) as engine:
        runs = {f"{name}-other": tiny(), f"{name}-used": tiny()}
        results, failures = train_all(runs, engine, False, StopFlag())
    assert results == {}
    assert "mine.txt and is no run" in failures[f"{name}-other"]
    assert "is in use by another process" in failures[f"{name}-used"]


def test_runs_of_a_lost_node_end_elsewhere_with_the_same_weights(cluster, name, tmp_path, capsys, monkeypatch):
    """The last test with the cluster: a node is killed, as soon as both of its runs have a save that came back."""
    runs = {f"{name}-{seed}": tiny(seed=seed, steps=600, save_every=50, evaluate_every=600) for seed in range(2)}
    killed, begun = [], []
    write, order = OrderedRun.write, OrderedRun.order

    def write_and_kill(run, changes):
        write(run, changes)
        if not killed and all(steps(ROOT / run) for run in runs):
            killed.append(time.monotonic())
            node = next(node for node in cluster.list_all_nodes() if node is not cluster.head_node)
            cluster.remove_node(node, allow_graceful=False)

    def order_and_note(run):
        ordered = order(run)
        begun.append((run.name, {path.partition("/")[0] for path in ordered.files if path.endswith("manifest.json")}))
        return ordered

    monkeypatch.setattr(OrderedRun, "write", write_and_kill)
    monkeypatch.setattr(OrderedRun, "order", order_and_note)
    with engine_of(cluster) as engine:
        results, failures = train_all(runs, engine, False, StopFlag())
    assert (set(results), failures, len(killed)) == (set(runs), {}, 1)
    assert [saved for _, saved in begun[:2]] == [set(), set()]
    ((lost, saved),) = begun[2:]
    assert saved  # it went on from a save
    assert f"{lost}: its process was lost, it goes on in another one" in capsys.readouterr().err
    for run, config in runs.items():
        train_run(config, run, root=tmp_path)
        assert final_weights(ROOT / run) == final_weights(tmp_path / run)
        assert record(ROOT / run) == record(tmp_path / run)


def test_a_run_that_loses_every_process_is_a_failure(cluster, name):
    class Losing(RayEngine):
        def begin(self, run):
            super().begin(run)
            self.kill(run.trainer)

    with Losing([tiny()], 1, cluster.address, None) as engine:
        results, failures = train_all({f"{name}-a": tiny()}, engine, False, StopFlag())
    assert results == {}
    assert failures[f"{name}-a"].startswith("its process was lost 4 times, now with ")


# --- without that cluster ---


def processes_of(session: int) -> list[str]:
    """The processes of a session, each as a line."""
    listed = subprocess.check_output(["ps", "-A", "-o", "sid=,pid=,args="], text=True)
    return [line for line in listed.splitlines() if int(line.split()[0]) == session]


def listening(session: int) -> set[str]:
    """The addresses, in hexadecimal, on which the processes of a session take connections."""
    sockets = set()
    for line in processes_of(session):
        with contextlib.suppress(OSError):
            for descriptor in Path(f"/proc/{line.split()[1]}/fd").iterdir():
                with contextlib.suppress(OSError):
                    sockets.add(os.readlink(descriptor))
    rows = [line.split() for file in ("tcp", "tcp6") for line in Path(f"/proc/net/{file}").read_text().splitlines()[1:]]
    return {row[1].partition(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets}


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs /proc")
def test_ctrl_c_saves_and_leaves_nothing_of_a_local_ray(name, tmp_path):
    file = tmp_path / "long.py"
    file.write_text(
        "from tests.running import tiny\n"
        "VARIANTS = {f'v{seed}': tiny(seed=seed, steps=10**6, log_every=50, evaluate_every=10**6, save_every=10)"
        " for seed in range(2)}"
    )
    arguments = ["-m", "train", "sweep", str(file), "--seeds", "1", "--name", name, "--engine", "ray", "--jobs", "2"]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, *arguments], cwd=HOUSE, start_new_session=True, **pipes)
    runs, before = [ROOT / f"{name}-v{seed}-0" for seed in range(2)], set(Path("/tmp").glob("both-ways-ray-*"))
    try:
        deadline = time.monotonic() + 300
        while not all(steps(run) for run in runs):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.1)
        assert len(processes_of(process.pid)) > 3
        addresses = listening(process.pid)
        assert addresses
        assert all(address.endswith("0100007F") for address in addresses)  # 127.0.0.1
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: all processes get it
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 128 + signal.SIGINT
        assert errors.splitlines()[-1] == "stopped and saved: the same command continues"
        deadline = time.monotonic() + 30
        while left := processes_of(process.pid):
            assert time.monotonic() < deadline, left
            time.sleep(0.1)
    finally:
        for line in processes_of(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(line.split()[1]), signal.SIGKILL)
        process.wait()
    assert set(Path("/tmp").glob("both-ways-ray-*")) <= before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--address 10.0.0.1:6379", "address is '10.0.0.1:6379', but must be left out without --engine ray"),
        ("--gpu-share 0.5", "gpu_share is 0.5, but must be left out without --engine ray"),
        ("--engine ray --gpu-share 2", "gpu_share is 2.0, but must be 0 to 1"),
        ("--engine rey", "engine is 'rey', but must be one of pool, ray"),
        (
            "--engine ray --address 127.0.0.1:1",
            "but no Ray listens there: Connection refused",
        ),
        ("--engine ray --address ray://x:1", "address is 'ray://x:1', but must be HOST:PORT, or auto"),
        ("--engine ray --address here", "address is 'here', but must be HOST:PORT, or auto"),
        ("--engine ray --address x:99999", "address is 'x:99999', but no Ray listens there"),
    ],
)
def test_what_ray_cannot_do_is_one_line(capsys, name, arguments, message):
    given = ["compare", "--seeds", "1", "--name", name, "--device", "cpu", *arguments.split()]
    code, err = command(train.__main__.main, given, capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert message in err
    assert not list(ROOT.glob(f"{name}*"))


@pytest.mark.parametrize("answer", [b"HTTP/1.0 400 Bad request", b""])
def test_another_service_than_ray_is_refused_at_once(capsys, name, answer, monkeypatch):
    monkeypatch.setattr("train.sweeps.cluster.connect.CONNECT_SECONDS", 1.0)
    monkeypatch.setattr("ray.util.get_node_ip_address", lambda: "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def serve() -> None:
            connection, _ = server.accept()
            connection.sendall(answer)
            connection.recv(1000) if answer else time.sleep(2)

        thread = threading.Thread(target=serve)
        thread.start()
        given = ["compare", "--seeds", "1", "--name", name, "--engine", "ray", "--address", f"localhost:{port}"]
        code, err = command(train.__main__.main, given, capsys)
        thread.join()
    assert (code, err.count("\n")) == (2, 1)
    reason = "it is another service" if answer else "timed out"
    assert f"address is 'localhost:{port}', but no Ray listens there: {reason}" in err


@pytest.mark.parametrize("error", [RuntimeError, Exception])
def test_another_version_of_ray_or_python_is_refused_in_one_line(monkeypatch, error):
    def refuse(**_):
        raise error("Version mismatch: The cluster was started with:\n    Ray: 2.9\n    Python: 3.8")

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(SettingError) as refused:
        connect.start("10.0.0.1:6379", {})
    mismatch = "Version mismatch: The cluster was started with: Ray: 2.9 Python: 3.8"
    assert str(refused.value) == f"address is '10.0.0.1:6379', but it cannot be used: {mismatch}"
    assert signal.getsignal(signal.SIGTERM) is before


def test_runs_that_wait_for_a_node_fail_where_none_comes_back(name, monkeypatch):
    engine = RayEngine([tiny()], None, None, None)
    engine.ray = ray
    engine.nodes = SimpleNamespace(slots=lambda: 0, options=dict, gpu_share=0.0)
    waiting = SimpleNamespace(describe=SimpleNamespace(remote=object))
    engine.actor_type = SimpleNamespace(options=lambda **_: SimpleNamespace(remote=lambda _: waiting))
    monkeypatch.setattr(engine, "kill", lambda _: None)
    monkeypatch.setattr(ray, "wait", lambda awaited, **_: ([], awaited))
    engine.start(f"{name}-a", tiny(), False, {})
    assert list(engine.receive()) == []
    engine.alive_at -= NODE_SECONDS
    reason = "no node of the cluster is left that can train it"
    assert list(engine.receive()) == [(f"{name}-a", "failed", reason), (f"{name}-a", "ended", None)]
    assert not (ROOT / f"{name}-a").exists()


def test_without_ray_one_line_says_what_to_install(capsys, name, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    given = ["compare", "--seeds", "1", "--name", name, "--engine", "ray"]
    code, err = command(train.__main__.main, given, capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert "Ray is not installed: pip install -r requirements-cluster.txt -c constraints.txt" in err


def node(node_id: str, is_alive: bool = True, **resources: float) -> dict:
    """What Ray says of a node."""
    return {"NodeID": node_id, "Alive": is_alive, "Resources": resources, "NodeManagerAddress": "10.0.0.1"}


def test_a_cluster_holds_a_run_for_each_core_or_each_share_of_a_gpu(monkeypatch):
    listed = [node("a", CPU=4.0), node("b", CPU=12.0, GPU=1.0), node("c", False, CPU=64.0)]
    monkeypatch.setattr(ray, "nodes", lambda: listed)
    on_cpu, on_gpu = [tiny(device="cpu")], [tiny(device="auto")]
    assert [Nodes(on_cpu, None).slots(), Nodes(on_gpu, 0.0).slots()] == [16, 16]
    shares = {share: Nodes(on_gpu, share) for share in (None, 0.25, 0.3, 1.0, 0.01)}
    assert shares[None].gpu_share == 0.125
    assert [nodes.slots() for nodes in shares.values()] == [8, 4, 3, 1, 12]
    assert shares[0.25].options() == {"num_cpus": 1, "num_gpus": 0.25, "max_restarts": 0, "max_concurrency": 4}
    listed = [node("a", CPU=4.0)]
    assert Nodes(on_gpu, None).gpu_share == 0
    with pytest.raises(SettingError, match=r"engine is .ray., but no node of the cluster has a CPU and 0\.5 of a GPU"):
        Nodes(on_gpu, 0.5)
    listed = [node("a", CPU=0.0)]
    with pytest.raises(SettingError, match="engine is 'ray', but no node of the cluster has a CPU for a run"):
        Nodes(on_cpu, None)


def test_a_node_of_another_version_is_refused_once_and_the_last_one_ends_it(monkeypatch, capsys):
    monkeypatch.setattr(ray, "nodes", lambda: [node("aaaaaaaaaa", CPU=1.0), node("bbbbbbbbbb", CPU=2.0)])
    nodes = Nodes([tiny()], None)
    assert not nodes.refuse("aaaaaaaaaa", nodes.needed)
    assert nodes.slots() == 3
    for _ in range(2):
        assert nodes.refuse("aaaaaaaaaa", nodes.needed | {"numpy": "1.0"})
    assert capsys.readouterr().err.count("refused: node 10.0.0.1 (, aaaaaaaa) has numpy 1.0, but must have ") == 1
    assert nodes.slots() == 2
    assert nodes.options()["label_selector"] == {"ray.io/node-id": "!in(aaaaaaaaaa)"}
    with pytest.raises(SettingError, match=r"no node of the cluster can be used: node .* and node .* has torch none"):
        nodes.refuse("bbbbbbbbbb", {"Python": nodes.needed["Python"], "numpy": nodes.needed["numpy"]})


def test_folders_of_killed_processes_are_deleted_and_others_stay(tmp_path):
    begin = "import sys, time\nfrom train.sweeps.cluster.scratch import scratch_folder\n"
    begin += "with scratch_folder('x-', sys.argv[1]) as folder:\n    print(folder, flush=True)\n    sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    holder = subprocess.Popen([sys.executable, "-c", begin, str(tmp_path)], cwd=HOUSE, **pipes)
    try:
        held = Path(holder.stdout.readline().strip())
        with scratch_folder("x-", str(tmp_path)) as other:
            assert held.is_dir()
            assert other.is_dir()
        assert not other.exists()
    finally:
        holder.kill()
        holder.wait()
    assert held.is_dir()
    with scratch_folder("x-", str(tmp_path)):
        assert not held.exists()


def test_no_engine_has_left_its_connection_open():
    assert not ray.is_initialized()
