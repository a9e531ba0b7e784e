"""How tyro reads and shows our settings: numbers are refused in our words, and short help shows the main settings.

A settings dataclass with `main_settings` names those that matter to most users. Without it, all of its settings do.
"""

import dataclasses
import types
import typing
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

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
    """Our rules for one command line: `main_only`, help shows the main settings alone."""

    def __init__(self, main_only: bool = False):
        super().__init__()
        self.main_only, self.has_hidden, self.is_inner = main_only, False, False
        self.primitive_rule(number_rule)
        self.struct_rule(self.section_rule)

    def section_rule(self, info: StructTypeInfo) -> StructConstructorSpec | None:
        """The settings of a dataclass as tyro's own rules have them, but with our help."""
        if self.is_inner or not dataclasses.is_dataclass(info.type):
            return None
        self.is_inner = True  # the rules that are asked now include this one
        section = self.get_struct_spec(info)
        self.is_inner = False
        main = getattr(info.type, "main_settings", None)
        fields = [dataclasses.replace(field, helptext=partial(help_text, field.helptext)) for field in section.fields]
        if self.main_only:
            fields = [self.with_short_help(field, main is None or field.name in main) for field in fields]
        return dataclasses.replace(section, fields=tuple(fields))

    def with_short_help(self, field: StructFieldSpec, is_main: bool) -> StructFieldSpec:
        """The setting, hidden unless it is a main one.

        One that holds others stays, without the lines that say what they are, and so does one that must be given.
        """
        if any(map(dataclasses.is_dataclass, (field.default, typing.get_origin(field.type) or field.type))):
            return dataclasses.replace(field, helptext="")
        if is_main or field.default in (MISSING, MISSING_NONPROP):
            return field
        self.has_hidden = True
        return dataclasses.replace(field, type=Annotated[field.type, Suppress])


def help_text(given: str | Callable[[], str | None] | None) -> str | None:
    """What a setting's docstring says, without its line breaks: tyro would keep some."""
    text = given() if callable(given) else given
    return text and " ".join(text.split())
