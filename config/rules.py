"""How tyro reads and shows our settings: numbers are refused in our words, and help knows which settings are advanced.

A settings dataclass with `main_settings` names those that matter to most users. Its others are advanced. Without it,
none is.
"""

import dataclasses
import types
import typing
from typing import Annotated, Any, Literal

from tyro import MISSING, MISSING_NONPROP
from tyro.conf import Suppress
from tyro.constructors import (
    ConstructorRegistry,
    PrimitiveConstructorSpec,
    PrimitiveTypeInfo,
    StructConstructorSpec,
    StructFieldSpec,
    StructTypeInfo,
)

from config.validation import TYPE_WORDS

METAVARS = {int: "INT", float: "FLOAT"}


def number_rule(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec | None:
    """Numbers, and numbers or None."""
    members = typing.get_args(info.type) if typing.get_origin(info.type) in (types.UnionType, typing.Union) else ()
    optional = len(members) == 2 and type(None) in members
    number_type = next((member for member in members if member in METAVARS), None) if optional else info.type
    if number_type not in METAVARS:
        return None

    def read(words: list[str]) -> Any:
        if optional and words[0] == "None":
            return None
        try:
            return number_type(words[0])
        except ValueError:
            raise ValueError(f"is {words[0]!r}, but must be {TYPE_WORDS[number_type]}{' or None' * optional}") from None

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="{None}|" * optional + METAVARS[number_type],
        instance_from_str=read,
        is_instance=lambda value: (optional and value is None) or isinstance(value, int | number_type),
        str_from_instance=lambda value: [str(value)],
    )


class SettingRules(ConstructorRegistry):
    """Our rules for one command line: with some of the settings hidden where it shows help."""

    def __init__(self, shown: Literal["all", "main", "advanced"] = "all"):
        super().__init__()
        self.shown, self.hidden, self.is_inner = shown, 0, False
        self.primitive_rule(number_rule)
        self.struct_rule(self.section_rule)

    def section_rule(self, info: StructTypeInfo) -> StructConstructorSpec | None:
        """The settings of a dataclass as tyro's own rules have them, some of them hidden."""
        if self.shown == "all" or self.is_inner or not dataclasses.is_dataclass(info.type):
            return None
        self.is_inner = True  # the rules that are asked now include this one
        section = self.get_struct_spec(info)
        self.is_inner = False
        main = getattr(info.type, "main_settings", [field.name for field in section.fields])
        return dataclasses.replace(
            section, fields=tuple(self.hide(field, field.name in main) for field in section.fields)
        )

    def hide(self, field: StructFieldSpec, is_main: bool) -> StructFieldSpec:
        """The setting, hidden where it is not of those that are shown.

        One that holds others stays, since those are hidden, and so does one that must be given.
        """
        is_section = any(map(dataclasses.is_dataclass, (field.default, typing.get_origin(field.type) or field.type)))
        if is_section or is_main == (self.shown == "main") or field.default in (MISSING, MISSING_NONPROP):
            return field
        self.hidden += 1
        return dataclasses.replace(field, type=Annotated[field.type, Suppress])
