"""A saved step is whole or absent: no damage, kill or full disk costs a step that was saved before."""

import contextlib
import errno
import hashlib
import os
import re
import resource
import shutil
import signal
from itertools import count

import pytest
import torch

from checkpoints import steps as module
from checkpoints.files import read_json, write_json
from checkpoints.steps import FILES, damage, load, path_of, save, steps
from config.validation import SettingError
from tests.running import CHANGES, HOUSE, WRITES, before_each, in_child, tiny
from train.run import train_run

ALL = (*FILES, "manifest.json")


def weights(n: int) -> dict[str, torch.Tensor]:
    """Numbers that an imprecise format would lose, different for each n."""
    special = torch.tensor([n, -0.0, 1e-45, float("nan"), float("-inf"), 0.1])
    return {"matrix": torch.randn(3, 4, generator=torch.Generator().manual_seed(n)), "special": special}


def save_step(folder, n: int, keep: int = 9) -> None:
    save(folder, n, weights(n), {"state": torch.tensor(n)}, {"step": n}, keep)


def newest(folder) -> tuple[int | None, list[str]]:
    """The step that is loaded, after a check that it is what was saved, and the warnings."""
    warnings: list[str] = []
    loaded = load(folder, warnings.append)
    if loaded is None:
        return None, warnings
    step, tensors, state, *_ = loaded
    assert {name: bits(v) for name, v in tensors.items()} == {name: bits(v) for name, v in weights(step).items()}
    assert state["state"] == step
    return step, warnings


def bits(tensor: torch.Tensor) -> tuple[torch.dtype, torch.Size, bytes]:
    return tensor.dtype, tensor.shape, tensor.numpy().tobytes()


def listing(folder) -> list[str]:
    return sorted(os.listdir(folder))


def damage_file(path, how: str) -> bytes:
    """Damages a file and returns what it now holds."""
    data = path.read_bytes()
    if how == "missing":
        path.unlink()
        return b""
    data = {
        "first byte": bytes([data[0] ^ 1]) + data[1:],
        "middle byte": data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :],
        "last byte": data[:-1] + bytes([data[-1] ^ 1]),
        "a byte short": data[:-1],
        "half": data[: len(data) // 2],
        "empty": b"",
        "a byte long": data + b"\0",
    }[how]
    path.write_bytes(data)
    return data


every_damage = pytest.mark.parametrize("how", ["first byte", "middle byte", "last byte", "half", "empty", "missing"])
every_file = pytest.mark.parametrize("name", ALL)


def test_what_is_saved_comes_back_bit_for_bit(tmp_path):
    types = [torch.float64, torch.float32, torch.bfloat16, torch.int64, torch.bool]
    tensors = {f"a.{i}": torch.arange(6).reshape(2, 3).to(dtype) for i, dtype in enumerate(types)} | weights(0)
    tensors |= {"transposed": torch.arange(6.0).reshape(2, 3).t()}
    tensors |= {"empty": torch.zeros(0, 3), "scalar": torch.tensor(0.1)}
    counters = {"loss": 0.1 + 0.2, "tiny": 5e-324, "text": "ä\n", "list": [1, None, True]}
    save(tmp_path, 12, tensors, {"x/exp_avg": torch.ones(2)}, counters, 1)
    step, loaded, state, loaded_counters, _ = load(tmp_path, pytest.fail)
    assert step == 12
    assert loaded_counters == counters
    assert list(state) == ["x/exp_avg"]
    assert loaded.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert (loaded[name].dtype, loaded[name].shape) == (tensor.dtype, tensor.shape)
        assert torch.equal(as_bytes(loaded[name]), as_bytes(tensor)), name


def as_bytes(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.reshape(-1).contiguous().view(torch.uint8)


def test_the_same_contents_are_the_same_bytes(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        save_step(folder, 7)
    assert [(path_of(one, 7) / n).read_bytes() for n in ALL] == [(path_of(other, 7) / n).read_bytes() for n in ALL]


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_the_newest_are_kept(tmp_path, keep):
    for n in (1, 2, 10, 100):
        save_step(tmp_path, n, keep)
    assert listing(tmp_path) == [f"step-{n:08d}" for n in (1, 2, 10, 100)[-keep:]]
    assert newest(tmp_path) == (100, [])


def test_a_folder_without_steps_holds_none(tmp_path):
    assert newest(tmp_path) == (None, [])


@every_file
@every_damage
def test_a_damaged_step_is_named_skipped_and_not_changed(tmp_path, name, how):
    save_step(tmp_path, 1)
    save_step(tmp_path, 2)
    now = damage_file(path_of(tmp_path, 2) / name, how)
    step, (warning,) = newest(tmp_path)
    assert step == 1
    assert str(path_of(tmp_path, 2)) in warning
    assert "damaged" in warning
    for n in (3, 4, 5):
        save_step(tmp_path, n, keep=1)
    assert listing(tmp_path) == ["step-00000002", "step-00000005"]
    damaged = path_of(tmp_path, 2) / name
    assert (damaged.read_bytes() if damaged.exists() else b"") == now


def test_each_flipped_bit_of_a_manifest_is_detected(tmp_path):
    save_step(tmp_path, 1)
    manifest = path_of(tmp_path, 1) / "manifest.json"
    whole = manifest.read_bytes()
    for position in range(len(whole)):
        for bit in (1, 32):
            manifest.write_bytes(whole[:position] + bytes([whole[position] ^ bit]) + whole[position + 1 :])
            assert damage(path_of(tmp_path, 1)) is not None, (position, bit)
    manifest.write_bytes(whole)
    assert damage(path_of(tmp_path, 1)) is None


@pytest.mark.parametrize("how", ["a byte short", "a byte long"])
@pytest.mark.parametrize("name", FILES)
def test_one_byte_more_or_less_is_detected(tmp_path, name, how):
    save_step(tmp_path, 1)
    damage_file(path_of(tmp_path, 1) / name, how)
    step, (warning,) = newest(tmp_path)
    assert step is None
    assert name in warning


def test_all_damaged_steps_are_named(tmp_path):
    for n in (1, 2, 3):
        save_step(tmp_path, n)
        damage_file(path_of(tmp_path, n) / FILES[0], "half")
    step, warnings = newest(tmp_path)
    assert step is None
    assert [path_of(tmp_path, n).name in line for n, line in zip((3, 2, 1), warnings)] == [True] * 3


def test_saving_a_damaged_step_again_renames_the_damaged_one(tmp_path):
    for _ in range(3):
        save_step(tmp_path, 1)
        damage_file(path_of(tmp_path, 1) / FILES[0], "half")
    save_step(tmp_path, 1, keep=1)
    assert newest(tmp_path) == (1, [])
    renamed = [path for path in tmp_path.iterdir() if path.name != "step-00000001"]
    assert len(renamed) == 3
    whole = (path_of(tmp_path, 1) / FILES[0]).read_bytes()
    assert {(path / FILES[0]).read_bytes() for path in renamed} == {whole[: len(whole) // 2]}


def test_saving_a_whole_step_again_leaves_one_whole_step(tmp_path):
    for _ in range(2):
        save_step(tmp_path, 1, keep=1)
    assert newest(tmp_path) == (1, [])
    assert listing(tmp_path) == ["step-00000001"]


def test_a_step_saved_before_a_damaged_newer_one_is_kept(tmp_path):
    save_step(tmp_path, 1)
    save_step(tmp_path, 3)
    damage_file(path_of(tmp_path, 3) / FILES[0], "half")
    save_step(tmp_path, 2, keep=1)
    assert newest(tmp_path)[0] == 2
    assert listing(tmp_path) == ["step-00000002", "step-00000003"]


def test_damaged_steps_do_not_count_among_those_kept(tmp_path):
    for n in (1, 2):
        save_step(tmp_path, n)
    damage_file(path_of(tmp_path, 2) / FILES[0], "half")
    save_step(tmp_path, 3, keep=2)
    assert [path.name for path in steps(tmp_path) if damage(path) is None] == ["step-00000001", "step-00000003"]


@pytest.mark.parametrize(
    "change",
    [
        lambda m, sha: m["files"].update({"../outside": sha}),
        lambda m, sha: m["files"].update({"/etc/hostname": sha}),
        lambda m, sha: m.update(files={"../outside": sha}),
        lambda m, sha: m["files"].pop(FILES[2]),
        lambda m, sha: m.update(files=list(m["files"])),
        lambda m, sha: m.update(step=2),
        lambda m, sha: m.update(step="../00000001"),
        lambda m, sha: m.update(format=3),
        lambda m, sha: m.pop("files"),
        lambda m, sha: m.pop("step"),
        lambda m, sha: m.pop("format"),
    ],
)
def test_a_manifest_of_another_step_or_format_is_damage(tmp_path, change):
    save_step(tmp_path, 1)
    (tmp_path / "outside").write_bytes(b"secret")
    path = path_of(tmp_path, 1) / "manifest.json"
    manifest = read_json(path)
    change(manifest, hashlib.sha256(b"secret").hexdigest())
    write_json(path, manifest)
    step, (warning,) = newest(tmp_path)
    assert step is None
    assert "damaged" in warning


@every_file
def test_a_link_in_a_step_is_damage(tmp_path, name):
    save_step(tmp_path, 1)
    file = path_of(tmp_path, 1) / name
    file.rename(tmp_path / "outside")
    file.symlink_to(tmp_path / "outside")
    step, (warning,) = newest(tmp_path)
    assert step is None
    assert name in warning


def test_a_step_that_is_replaced_while_it_is_read_is_no_damage(tmp_path, monkeypatch):
    save_step(tmp_path, 1, keep=1)
    read, calls = module.read_contents, count()

    def replaced(path, *arguments):
        if next(calls) == 0:  # another process saves, and drops the step that is about to be read
            monkeypatch.setattr(module, "read_contents", read)
            save_step(tmp_path, 2, keep=1)
        return read(path, *arguments)

    monkeypatch.setattr(module, "read_contents", replaced)
    assert newest(tmp_path) == (2, [])


def test_a_linked_step_is_refused(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "other").mkdir()
    save_step(tmp_path / "other", 1)
    path_of(tmp_path / "run", 1).symlink_to(path_of(tmp_path / "other", 1))
    with pytest.raises(SettingError, match=r"step-00000001 is a link"):
        newest(tmp_path / "run")


def killed(folder, moment: int, again: bool) -> bool:
    """Saves step 2, or step 1 again, in a process killed before its `moment`-th change; False if there was none."""

    def act() -> None:
        for name, function in before_each(CHANGES, moment, lambda: os.kill(os.getpid(), signal.SIGKILL)).items():
            setattr(os, name, function)
        save_step(folder, 1 if again else 2, keep=1)

    status = in_child(act)
    assert status in (0, -signal.SIGKILL)
    return status != 0


@pytest.mark.parametrize("again", [False, True], ids=["the next step", "the same step again"])
def test_a_kill_at_any_moment_costs_no_saved_step(tmp_path, again):
    for moment in count():
        folder = tmp_path / str(moment)
        folder.mkdir()
        save_step(folder, 1)
        was_killed = killed(folder, moment, again)
        assert newest(folder) in [(1, []), (2, [])], f"killed before change {moment}"
        if not was_killed:
            break
    assert again or moment >= 8


@pytest.mark.parametrize("again", [False, True], ids=["the next step", "the same step again"])
def test_the_files_of_a_killed_save_are_deleted_by_the_next_save(tmp_path, again):
    for moment in count():
        folder = tmp_path / str(moment)
        folder.mkdir()
        save_step(folder, 1)
        was_killed = killed(folder, moment, again)
        save_step(folder, 3, keep=1)
        assert listing(folder) == ["step-00000003"], f"killed before change {moment}"
        if not was_killed:
            break


@pytest.mark.parametrize("again", [False, True], ids=["the next step", "the same step again"])
def test_a_disk_that_fails_at_any_moment_costs_no_saved_step(tmp_path, monkeypatch, again):
    failures = []

    def fail() -> None:
        failures.append(moment)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for moment in count():
        folder = tmp_path / str(moment)
        folder.mkdir()
        save_step(folder, 1)
        with monkeypatch.context() as patch, contextlib.suppress(OSError):
            for name, function in before_each(WRITES, moment, fail).items():
                patch.setattr(os, name, function)
            save_step(folder, 1 if again else 2, keep=1)
        assert newest(folder) in [(1, []), (2, [])], f"failed at change {moment}"
        assert not [name for name in listing(folder) if name.startswith(".")], f"failed at change {moment}"
        if moment not in failures:
            break
    assert again or moment >= 6


def test_a_disk_that_is_full_costs_no_saved_step(tmp_path):
    save_step(tmp_path, 1)

    def act() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))  # bytes a file; Python ignores the signal it sends
        save(tmp_path, 2, {"large": torch.ones(10_000)}, {}, {}, 1)

    assert in_child(act) == 1
    assert listing(tmp_path) == ["step-00000001"]
    assert newest(tmp_path) == (1, [])


def test_a_step_half_written_is_no_step(tmp_path):
    save_step(tmp_path, 1)
    shutil.copytree(path_of(tmp_path, 1), tmp_path / ".step-00000002")
    assert newest(tmp_path) == (1, [])


def test_no_source_unpickles():
    banned = re.compile(r"torch\.(load|save)\b|import (pickle|dill|joblib|shelve|marshal)|allow_pickle|read_pickle")
    files = [
        path
        for folder in ("config", "tasks", "model", "checkpoints", "eval", "train", "studies")
        for path in HOUSE.glob(f"{folder}/**/*.py")
    ]
    assert len(files) > 20
    assert [path for path in files if banned.search(path.read_text())] == []


def test_no_file_of_a_run_is_a_pickle(tmp_path):
    train_run(tiny(), "run", root=tmp_path)
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    known = {".json", ".jsonl", ".safetensors", ".csv", ".tsv", ".png", ".pbtxt"}
    other = {path.name for path in files if path.suffix not in known and "tfevents" not in path.name}
    assert other == {"lock"}
    magic = (b"\x80", b"PK", b"\x1f\x8b", b"\x93NUMPY")  # pickle, zip, gzip, numpy
    assert [path for path in files if "tfevents" not in path.name and path.read_bytes().startswith(magic)] == []
