"""config.json holds every setting; an impossible one is refused by name, value and what is allowed."""

import dataclasses
import json
import math
import re
import typing
from collections.abc import Iterator
from typing import Any

import pytest

from checkpoints.config import changes, config_json, differences, plain, read_config, restore
from checkpoints.files import write_json
from config.override import override
from config.validation import SettingError
from eval.trained_model import SECTIONS
from model.config import ModelConfig
from model.objectives.masked import Masked
from tasks.common.names import NameConfig
from tasks.common.statements import DocumentConfig
from tasks.reversal import Reversal
from tasks.reversal.episodes import ReversalEpisodeConfig
from tests.running import tiny
from train.config import RUN_SECTIONS, TrainConfig

TYPES = [(section, settings) for section, types_by_name in RUN_SECTIONS.items() for settings in types_by_name.values()]


@dataclasses.dataclass(frozen=True)
class Setting:
    """One setting of a dataclass, which may stand in another dataclass that it holds."""

    section: str
    settings_type: type
    names: tuple[str, ...]
    annotation: Any
    default: Any

    def __str__(self) -> str:
        return ".".join([self.section, self.settings_type.__name__, *self.names])

    @property
    def pattern(self) -> str:
        """A regular expression for its name in messages."""
        return re.escape(".".join([self.section, *self.names]))

    def replaced(self, value: Any) -> dict[str, Any]:
        """The default settings as JSON with this one's value replaced or, if that is `...`, without it."""
        values = plain(self.settings_type())
        change(values, self.names, value)
        return values


def change(values: dict[str, Any], names: tuple[str, ...], value: Any) -> None:
    """Replaces one value of nested objects, or deletes it if `value` is `...`."""
    *outer, last = names
    for name in outer:
        values = values[name]
    values.pop(last) if value is ... else values.update({last: value})


def settings_of(section: str, settings_type: type, held_by: type, names: tuple[str, ...] = ()) -> Iterator[Setting]:
    """All settings of a dataclass, and of the dataclasses that it holds."""
    hints = typing.get_type_hints(settings_type)
    for field in dataclasses.fields(settings_type):
        path, annotation = (*names, field.name), hints[field.name]
        yield Setting(section, held_by, path, annotation, field.default)
        if dataclasses.is_dataclass(annotation):
            yield from settings_of(section, annotation, held_by, path)


SETTINGS = [setting for section, settings in TYPES for setting in settings_of(section, settings, settings)]
FLOATS = [setting for setting in SETTINGS if float in (setting.annotation, *typing.get_args(setting.annotation))]
OTHERS = [
    (
        "task",
        Reversal(
            two_way=5,
            matching="disjoint",
            names=NameConfig(pieces=400, shared_pieces=False),
            documents=DocumentConfig(filler=0),
            episodes=ReversalEpisodeConfig(share=0.25, growth_steps=3),
        ),
    ),
    ("model", ModelConfig(feed_forward_width=8, initial_scale=0.5, dropout=0.25, tied=True, position="none")),
    ("objective", Masked(scheme="fixed", maskable=("relation",), rate=1.0)),
    ("train", TrainConfig(init_from="checkpoints/ä b", learning_rate=1e-30, device="cpu", compile=True)),
]
every_type = pytest.mark.parametrize(
    ("section", "settings_type"), TYPES, ids=[settings_type.__name__ for _, settings_type in TYPES]
)
every_setting = pytest.mark.parametrize("setting", SETTINGS, ids=str)


@pytest.fixture
def write_config(tmp_path):
    """Writes a whole config.json with `values` by dotted name, or without those that are `...`."""

    def write(values):
        config = tiny(Masked()).json()
        for name, value in values.items():
            change(config, name.split("."), value)
        write_json(tmp_path / "config.json", config)
        return tmp_path

    return write


@every_type
def test_defaults_are_restored(section, settings_type):
    assert restore(settings_type, json.loads(json.dumps(plain(settings_type()))), section) == settings_type()


@pytest.mark.parametrize(("section", "settings"), OTHERS)
def test_settings_are_restored(section, settings):
    restored = restore(type(settings), json.loads(json.dumps(plain(settings))), section)
    assert restored == settings
    assert [type(value) for value in vars(restored).values()] == [type(value) for value in vars(settings).values()]


@every_type
def test_an_unknown_setting_is_refused_and_the_known_ones_are_listed(section, settings_type):
    with pytest.raises(SettingError, match=rf"{section}\.colour is 'red'") as refusal:
        restore(settings_type, plain(settings_type()) | {"colour": "red"}, section)
    assert all(field.name in str(refusal.value) for field in dataclasses.fields(settings_type))


def test_an_unknown_nested_setting_is_refused_by_its_dotted_name(write_config):
    with pytest.raises(SettingError, match=r"^task\.documents\.colour is 'red', but must be absent: .*copies"):
        read_config(write_config({"task.documents.colour": "red"}), SECTIONS)


@every_setting
def test_a_missing_setting_is_refused_unless_its_default_is_none(setting):
    values = setting.replaced(...)
    if setting.default is None:
        assert restore(setting.settings_type, values, setting.section) == setting.settings_type()
        return
    with pytest.raises(SettingError, match=rf"^{setting.pattern} .*missing"):
        restore(setting.settings_type, values, setting.section)


@every_setting
def test_a_setting_of_another_type_is_refused(setting):
    nested = dataclasses.is_dataclass(setting.annotation)
    wrong, shown = ("a", "'a'") if nested else ({"a": 1}, "{'a': 1}")
    with pytest.raises(SettingError, match=rf"^{setting.pattern} is {re.escape(shown)}, but must be "):
        restore(setting.settings_type, setting.replaced(wrong), setting.section)


@pytest.mark.parametrize(
    ("settings_type", "name", "value", "allowed"),
    [
        (TrainConfig, "steps", "12", "a whole number"),
        (TrainConfig, "steps", 12.0, "a whole number"),
        (TrainConfig, "steps", True, "a whole number"),
        (TrainConfig, "steps", None, "a whole number"),
        (TrainConfig, "learning_rate", "0.1", "a number"),
        (TrainConfig, "learning_rate", False, "a number"),
        (TrainConfig, "compile", 1, "True or False"),
        (TrainConfig, "init_from", 3, "text"),
        (TrainConfig, "device", "tpu", "one of .*'cuda'"),
        (TrainConfig, "device", ["cpu"], "one of .*'cuda'"),
        (Masked, "maskable", "source", "a list"),
        (Masked, "maskable", ["source", "other"], "one of .*'target'"),
        (ModelConfig, "feed_forward_width", 1.5, "a whole number"),
    ],
)
def test_types_are_distinguished(settings_type, name, value, allowed):
    with pytest.raises(SettingError, match=rf"^section\.{name} is .*, but must be .*{allowed}"):
        restore(settings_type, plain(settings_type()) | {name: value}, "section")


@pytest.mark.parametrize(
    ("setting", "value", "allowed"),
    [
        ("task.entities", 0, "3 or more"),
        ("task.one_way", 0, "1 or more"),
        ("task.one_way", 25, "1 to 24"),
        ("task.names.max_length", 0, "1"),
        ("task.documents.copies", 0, "1 or more"),
        ("task.episodes.share", 1.0, "below 1"),
        ("model.width", 15, r"a multiple of model.heads \(2\)"),
        ("model.dropout", 1.0, "below 1"),
        ("model.initial_scale", 0.0, "above 0"),
        ("objective.rate", 0.0, "above 0 and at most 1"),
        ("objective.maskable", [], "one or more of"),
        ("train.batch", 0, "1 or more"),
        ("train.warmup", 13, r"0 to train.steps \(12\)"),
        ("train.learning_rate", -1, "above 0"),
        ("train.weight_decay", -0.1, "0"),
        ("train.final_rate", 1.1, "0 to 1"),
        ("train.beta2", 1.0, "0 or more and below 1"),
    ],
)
def test_an_impossible_value_is_refused(write_config, setting, value, allowed):
    with pytest.raises(SettingError, match=rf"^{setting} is .*, but must be .*{allowed}"):
        read_config(write_config({setting: value}), RUN_SECTIONS)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("setting", FLOATS, ids=str)
def test_a_setting_that_json_has_no_number_for_is_refused(setting, value):
    with pytest.raises(SettingError, match=setting.pattern):
        override(setting.settings_type(), {".".join(setting.names): value})


def test_a_whole_config_is_read_with_its_seed(write_config):
    config = tiny(Masked())
    expected = {"seed": 0, "task": config.task, "model": config.model, "objective": config.objective}
    assert read_config(write_config({}), SECTIONS) == expected


@pytest.mark.parametrize("version", [..., None, 4, "3"])
def test_another_format_is_refused(write_config, version):
    with pytest.raises(SettingError, match=r"config.json format is .*, but must be 3"):
        read_config(write_config({"format": version}), SECTIONS)


def test_a_run_of_an_earlier_version_is_refused_in_one_line(write_config):
    folder = write_config({})
    (folder / "config.json").write_text(json.dumps(tiny().json() | {"format": 2}))
    with pytest.raises(SettingError, match=rf"^{folder} was made by an earlier version, .*: train it again$"):
        read_config(folder, SECTIONS)


@pytest.mark.parametrize("seed", [..., None, "0", 1.5, True, -1, 2**32])
def test_an_impossible_seed_is_refused(write_config, seed):
    with pytest.raises(SettingError, match=r"^seed is .*, but must be "):
        read_config(write_config({"seed": seed}), SECTIONS)


@pytest.mark.parametrize("section", list(SECTIONS))
@pytest.mark.parametrize("name", [..., None, "other", ["causal"]])
def test_a_name_that_is_in_no_registry_is_refused(write_config, section, name):
    with pytest.raises(SettingError, match=rf"^{section}\.name is .*, but must be one of ") as refusal:
        read_config(write_config({f"{section}.name": name}), SECTIONS)
    assert all(known in str(refusal.value) for known in SECTIONS[section])


@pytest.mark.parametrize("section", list(SECTIONS))
@pytest.mark.parametrize("value", [..., None, [], "causal"])
def test_a_section_that_is_no_object_is_refused(write_config, section, value):
    with pytest.raises(SettingError, match=rf"^{section} is "):
        read_config(write_config({section: value}), SECTIONS)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"\x80\x04."])
def test_a_file_that_is_no_object_is_refused_by_its_path(tmp_path, data):
    (tmp_path / "config.json").write_bytes(data)
    with pytest.raises(SettingError, match=str(tmp_path / "config.json")):
        read_config(tmp_path, SECTIONS)


def test_a_folder_without_config_is_no_run(tmp_path):
    with pytest.raises(SettingError, match=f"{tmp_path} is no run folder"):
        read_config(tmp_path, SECTIONS)


def test_config_json_names_what_it_holds():
    config = config_json(3, {"model": ("transformer", ModelConfig())})
    assert config == {"format": 3, "seed": 3, "model": {"name": "transformer", **dataclasses.asdict(ModelConfig())}}


def test_nested_settings_are_nested_objects():
    config = tiny(world={"names.max_length": 2}).json()
    assert config["task"]["names"] == dataclasses.asdict(NameConfig(max_length=2))
    assert config["task"]["documents"]["copies"] == 2


def test_changes_are_named_by_dotted_name():
    before = {"seed": 0, "train": {"steps": 10, "batch": 8}, "gone": 1, "same": [1]}
    now = {"seed": 0, "train": {"steps": 20, "batch": 8}, "new": None, "same": [1], "objective": {"rate": 0.5}}
    assert changes(before, now) == {"gone": (1, None), "objective": (None, {"rate": 0.5}), "train.steps": (10, 20)}
    assert differences({"train": {"steps": 10}}, {"train": {"steps": 20}}) == "train.steps was 10, is 20"
    assert differences({"a": 1, "b": 2}, {"a": 2, "b": 3}) == "a was 1, is 2; b was 2, is 3"
    assert differences(now, now) == ""


def test_the_changes_of_two_runs_are_the_settings_in_which_they_differ():
    before = tiny(Masked(scheme="fixed"))
    now = tiny(Masked(scheme="fixed", rate=0.5), 3, {"width": 32}, {"documents.copies": 3}, batch=4)
    expected = {"seed": (0, 3), "objective.rate": (0.15, 0.5), "model.width": (16, 32), "train.batch": (8, 4)}
    assert changes(before.json(), now.json()) == expected | {"task.documents.copies": (2, 3)}


def test_settings_are_overridden_by_dotted_name_all_at_once():
    task = override(Reversal(), {"names.min_length": 2, "names.max_length": 3, "entities": 500})  # 2 alone is refused
    assert task == Reversal(entities=500, names=NameConfig(min_length=2, max_length=3))
    assert override(task, {}) == task


@pytest.mark.parametrize("name", ["colour", "names.colour", "entities.colour", "names.min_length.colour"])
def test_overriding_an_unknown_setting_is_refused_by_name(name):
    with pytest.raises(SettingError, match="has no setting 'colour'"):
        override(Reversal(), {name: 1})
