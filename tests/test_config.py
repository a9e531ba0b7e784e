"""config.json says every setting, and whatever it says that cannot be is refused by name, value and what is allowed."""

import dataclasses
import json
import math
import typing

import pytest

from checkpoints.config import changes, config_json, differences, plain, read_config, restore
from eval.trained import SECTIONS
from model.objectives.masked import Masked
from model.settings import NetworkSettings
from tasks.reversal import Reversal
from tasks.settings import SettingError
from tests.running import tiny
from train.settings import EVERY_SECTION, TrainSettings

KINDS = [(section, kind) for section, kinds in SECTIONS.items() for kind in kinds.values()]
KINDS += [("train", TrainSettings)]
FIELDS = [(section, kind, field) for section, kind in KINDS for field in dataclasses.fields(kind)]
FLOATS = [
    (section, kind, field)
    for section, kind, field in FIELDS
    if float in (hint := typing.get_type_hints(kind)[field.name], *typing.get_args(hint))
]
OTHERS = [
    ("task", Reversal(two_way=5, pieces=400, matching="disjoint", shared_pieces=False)),
    ("model", NetworkSettings(hidden=8, initial_scale=0.5, dropout=0.25, tied=True, position="none")),
    ("objective", Masked(hide="fixed", spans=("relation",), rate=1.0)),
    ("train", TrainSettings(origin="checkpoints/ä b", learning_rate=1e-30, device="cpu", compile=True)),
]


def names(values):
    return [value.__name__ if isinstance(value, type) else getattr(value, "name", str(value)) for value in values]


every_kind = pytest.mark.parametrize(("section", "kind"), KINDS, ids=["-".join(names(k)) for k in KINDS])
every_field = pytest.mark.parametrize(("section", "kind", "field"), FIELDS, ids=["-".join(names(f)) for f in FIELDS])


@pytest.fixture
def written(tmp_path):
    """Writes a whole config.json with `values` put in by dotted name, or taken out where they are `...`."""

    def write(**values):
        config = tiny(Masked()).json()
        for name, value in values.items():
            *way, last = name.split("__")
            at = config
            for step in way:
                at = at[step]
            at.pop(last) if value is ... else at.update({last: value})
        (tmp_path / "config.json").write_text(json.dumps(config))
        return tmp_path

    return write


@every_kind
def test_defaults_come_back_as_they_were(section, kind):
    assert restore(kind, json.loads(json.dumps(plain(kind()))), section) == kind()


@pytest.mark.parametrize(("section", "settings"), OTHERS)
def test_settings_come_back_as_they_were(section, settings):
    again = restore(type(settings), json.loads(json.dumps(plain(settings))), section)
    assert again == settings
    assert [type(v) for v in vars(again).values()] == [type(v) for v in vars(settings).values()]


@every_kind
def test_an_unknown_setting_is_refused_and_the_known_ones_are_listed(section, kind):
    with pytest.raises(SettingError, match=rf"{section}\.colour is 'red'") as refusal:
        restore(kind, plain(kind()) | {"colour": "red"}, section)
    assert all(field.name in str(refusal.value) for field in dataclasses.fields(kind))


@every_field
def test_a_missing_setting_is_refused_unless_it_is_a_later_one_that_says_none(section, kind, field):
    values = plain(kind())
    del values[field.name]
    if field.default is None:
        assert restore(kind, values, section) == kind()
        return
    with pytest.raises(SettingError, match=rf"{section}\.{field.name} .*missing"):
        restore(kind, values, section)


@every_field
def test_a_setting_of_another_type_is_refused(section, kind, field):
    with pytest.raises(SettingError, match=rf"{section}\.{field.name} is {{'a': 1}}, but must be "):
        restore(kind, plain(kind()) | {field.name: {"a": 1}}, section)


@pytest.mark.parametrize(
    ("kind", "name", "value", "allowed"),
    [
        (TrainSettings, "steps", "12", "type int"),
        (TrainSettings, "steps", 12.0, "type int"),
        (TrainSettings, "steps", True, "type int"),
        (TrainSettings, "steps", None, "type int"),
        (TrainSettings, "learning_rate", "0.1", "type float"),
        (TrainSettings, "learning_rate", False, "type float"),
        (TrainSettings, "compile", 1, "type bool"),
        (TrainSettings, "origin", 3, "type str"),
        (TrainSettings, "device", "tpu", "one of .*'cuda'"),
        (TrainSettings, "device", ["cpu"], "one of .*'cuda'"),
        (Masked, "spans", "source", "a list"),
        (Masked, "spans", ["source", "other"], "one of .*'target'"),
        (NetworkSettings, "hidden", 1.5, "type int"),
    ],
)
def test_types_are_told_apart(kind, name, value, allowed):
    with pytest.raises(SettingError, match=rf"^here\.{name} is .*, but must be .*{allowed}"):
        restore(kind, plain(kind()) | {name: value}, "here")


@pytest.mark.parametrize(
    ("setting", "value", "allowed"),
    [
        ("task.entities", 0, "3 or more"),
        ("task.one_way", 0, "1 or more"),
        ("task.one_way", 25, "0 to 24"),
        ("task.longest_name", 0, "1"),
        ("model.width", 15, r"a multiple of model.heads \(2\)"),
        ("model.dropout", 1.0, "below 1"),
        ("model.initial_scale", 0.0, "above 0"),
        ("objective.rate", 0.0, "above 0 and at most 1"),
        ("objective.spans", [], "one or more of"),
        ("train.batch", 0, "1 or more"),
        ("train.warmup", 13, r"0 to train.steps \(12\)"),
        ("train.learning_rate", -1, "above 0"),
        ("train.weight_decay", -0.1, "0"),
        ("train.final_rate", 1.1, "0 to 1"),
        ("train.beta2", 1.0, "0 or more and below 1"),
    ],
)
def test_an_impossible_value_is_refused(written, setting, value, allowed):
    folder = written(**{setting.replace(".", "__"): value})
    sections = EVERY_SECTION
    with pytest.raises(SettingError, match=rf"^{setting} is .*, but must be .*{allowed}"):
        read_config(folder, sections)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("section", "kind", "field"), FLOATS, ids=["-".join(names(f)) for f in FLOATS])
def test_a_setting_that_json_has_no_number_for_is_refused(section, kind, field, value):
    with pytest.raises(SettingError, match=rf"{section}\.{field.name}"):
        dataclasses.replace(kind(), **{field.name: value})


def test_a_whole_config_is_read_with_its_seed(written):
    config = tiny(Masked())
    read = read_config(written(), SECTIONS)
    assert read == {"seed": 0, "task": config.task, "model": config.model, "objective": config.objective}


@pytest.mark.parametrize("version", [..., None, 2, "1"])
def test_another_format_is_refused(written, version):
    with pytest.raises(SettingError, match=r"config.json format is .*, but must be 1"):
        read_config(written(format=version), SECTIONS)


@pytest.mark.parametrize("seed", [..., None, "0", 1.5, True, -1, 2**32])
def test_a_seed_that_is_none_is_refused(written, seed):
    with pytest.raises(SettingError, match=r"^seed is .*, but must be "):
        read_config(written(seed=seed), SECTIONS)


@pytest.mark.parametrize("section", list(SECTIONS))
@pytest.mark.parametrize("name", [..., None, "other", ["causal"]])
def test_a_name_that_is_in_no_registry_is_refused(written, section, name):
    with pytest.raises(SettingError, match=rf"^{section}\.name is .*, but must be one of ") as refusal:
        read_config(written(**{f"{section}__name": name}), SECTIONS)
    assert all(known in str(refusal.value) for known in SECTIONS[section])


@pytest.mark.parametrize("section", list(SECTIONS))
@pytest.mark.parametrize("value", [..., None, [], "causal"])
def test_a_section_that_is_none_is_refused(written, section, value):
    with pytest.raises(SettingError, match=rf"^{section} is "):
        read_config(written(**{section: value}), SECTIONS)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"\x80\x04."])
def test_a_file_that_is_no_object_is_refused_by_its_path(tmp_path, data):
    (tmp_path / "config.json").write_bytes(data)
    with pytest.raises(SettingError, match=str(tmp_path / "config.json")):
        read_config(tmp_path, SECTIONS)


def test_a_folder_without_config_is_no_run(tmp_path):
    with pytest.raises(SettingError, match=f"{tmp_path} is no run folder"):
        read_config(tmp_path, SECTIONS)


def test_config_json_names_what_it_holds():
    settings = NetworkSettings()
    made = config_json(3, {"model": ("transformer", settings)})
    assert made == {"format": 1, "seed": 3, "model": {"name": "transformer", **dataclasses.asdict(settings)}}


def test_what_changed_is_told_by_dotted_name():
    before = {"seed": 0, "train": {"steps": 10, "batch": 8}, "gone": 1, "same": [1]}
    now = {"seed": 0, "train": {"steps": 20, "batch": 8}, "new": None, "same": [1], "objective": {"rate": 0.5}}
    assert changes(before, now) == {"gone": (1, None), "objective": (None, {"rate": 0.5}), "train.steps": (10, 20)}
    assert differences({"train": {"steps": 10}}, {"train": {"steps": 20}}) == "train.steps was 10, is 20"
    assert differences({"a": 1, "b": 2}, {"a": 2, "b": 3}) == "a was 1, is 2; b was 2, is 3"
    assert differences(now, now) == ""


def test_the_changes_of_two_runs_are_the_settings_in_which_they_differ():
    one, other = (
        tiny(Masked(hide="fixed")),
        tiny(Masked(hide="fixed", rate=0.5), seed=3, network={"width": 32}, batch=4),
    )
    expected = {"seed": (0, 3), "objective.rate": (0.15, 0.5), "model.width": (16, 32), "train.batch": (8, 4)}
    assert changes(one.json(), other.json()) == expected
