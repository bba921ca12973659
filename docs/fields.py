"""Tables of the fields of a structure, for the reference: made from the structures, never by hand."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import msgspec

NAMED = {"Quantity", "Scenario"}
"""Structures that stand in many places: their section has their own name."""

WORDS = {"str": "string", "int": "integer", "float": "number", "bool": "true or false", "date": "date",
         "datetime": "time, ISO 8601", "Any": "any"}  # fmt: skip

Place = tuple[str, type]


def contract(root: type) -> str:
    """Return a section for every object in a JSON document: where it stands, what it is, its fields."""
    places = _places(root)
    parts = []
    for struct, paths in places.items():
        first, *others = paths
        title = "The document" if not first else f"`{first}`"
        if struct.__name__ in NAMED:
            title, others = struct.__name__, paths
        parts.append(f"## {title}\n\n{_about(struct)}\n")
        if others:
            named = ", ".join(f"`{path}`" for path in others[:4])
            more = f" and {len(others) - 4} more" if len(others) > 4 else ""
            parts.append(f"Stands {'at' if struct.__name__ in NAMED else 'also at'} {named}{more}.\n")
        parts.append(_table(struct, places))
    return "\n".join(parts).replace("`None`", "null")


def table(struct: type) -> str:
    """Return the table of one structure that people write: field, type, default, meaning."""
    meanings = _meanings(struct)
    before = "" if meanings else f"{_about(struct)}\n\n"
    rows = [
        "| field | type | default |" + " meaning |" * bool(meanings),
        "| --- | --- | --- |" + " --- |" * bool(meanings),
    ]
    for field in msgspec.structs.fields(struct):
        default = "required" if field.required else _default(field)
        meaning = f" {meanings.get(field.name, '')} |" if meanings else ""
        kind = _type(field.type, {}).removesuffix(" or null")  # TOML has no null: the field is left out
        rows.append(f"| `{field.encode_name}` | {kind} | {default} |{meaning}")
    return (before + "\n".join(rows) + "\n").replace("`None`", "none")


def _places(root: type) -> dict[type, list[str]]:
    """Return every structure of a document with the paths at which it stands, named ones last."""
    found: dict[type, list[str]] = {root: [""]}

    def enter(path: str, struct: type) -> None:
        inside: list[Place] = []
        for field in msgspec.structs.fields(struct):
            for step, inner in _structs(field.type):
                place = f"{path}.{field.encode_name}{step}".lstrip(".")
                if inner not in found:
                    inside.append((place, inner))
                found.setdefault(inner, []).append(place)
        for place, inner in inside:
            enter(place, inner)

    enter("", root)
    return {struct: paths for struct, paths in found.items() if struct.__name__ not in NAMED} | {
        struct: paths for struct, paths in found.items() if struct.__name__ in NAMED
    }


def _structs(kind: Any) -> Iterator[Place]:
    """Yield the structures in a type, with the step that leads to them: ``[]`` in a list."""
    origin = get_origin(kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield "", kind
    elif origin in (list, tuple):
        yield from (("[]" + step, inner) for step, inner in _structs(get_args(kind)[0]))
    elif origin is dict:
        yield from (("{}" + step, inner) for step, inner in _structs(get_args(kind)[1]))
    elif origin in (types.UnionType, typing.Union):
        for part in get_args(kind):
            yield from _structs(part)


def _table(struct: type, places: dict[type, list[str]]) -> str:
    meanings = _meanings(struct)
    with_meaning = bool(meanings)
    rows = [
        "| field | type |" + " meaning |" * with_meaning,
        "| --- | --- |" + " --- |" * with_meaning,
    ]
    for field in msgspec.structs.fields(struct):
        meaning = f" {meanings.get(field.name, '')} |" if with_meaning else ""
        rows.append(f"| `{field.encode_name}` | {_type(field.type, places)} |{meaning}")
    return "\n".join(rows) + "\n"


def _type(kind: Any, places: dict[type, list[str]]) -> str:
    """Return a type in words; a structure of the document is a link to its section."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind in (None, type(None)):
        return "null"
    if origin is Literal:
        return ", ".join(f"`{_value(part)}`" for part in parts)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(dict.fromkeys(_type(part, places) for part in parts))
    if origin in (list, tuple):
        if origin is tuple and parts[-1] is not Ellipsis:
            return f"list of {len(parts)}: {_type(parts[0], places)}"
        return f"list of {_type(parts[0], places)}"
    if origin is dict:
        return "object" if parts[1] is Any else f"object of {_type(parts[1], places)}"
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if kind in places:
            name = kind.__name__ if kind.__name__ in NAMED else places[kind][0]
            return f"[{kind.__name__ if kind.__name__ in NAMED else 'object'}](#{_anchor(name)})"
        return _tag(kind) or "table"
    return WORDS.get(getattr(kind, "__name__", ""), str(kind))


def _tag(struct: type) -> str:
    config = struct.__struct_config__  # type: ignore[attr-defined]
    return f'`{{ {config.tag_field} = "{config.tag}" }}`' if config.tag else ""


def _anchor(title: str) -> str:
    """Return the anchor of a section, as the table of contents makes it."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower())


def _default(field: msgspec.structs.FieldInfo) -> str:
    value = field.default
    return "none" if value is None or value == () else f"`{_value(value)}`"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, msgspec.Struct):
        return _tag(type(value)).strip("`") or "{ }"
    if hasattr(value, "isoformat"):
        return str(value.isoformat()).replace("+00:00", "Z")
    return str(list(value)) if isinstance(value, tuple) else str(value)


def _about(struct: type) -> str:
    """Return the prose of a docstring: all that stands before its sections."""
    text = inspect.cleandoc(struct.__doc__ or "")
    return re.split(r"\n\n[A-Z][a-z]+\n-+\n", text)[0].strip().replace("``", "`")


def _meanings(struct: type) -> dict[str, str]:
    """Return the descriptions of a docstring's Parameters."""
    text = inspect.cleandoc(struct.__doc__ or "")
    section = re.search(r"\nParameters\n-+\n(.*?)(?:\n\n[A-Z][a-z]+\n-+\n|\Z)", text, re.DOTALL)
    if section is None:
        return {}
    meanings = {}
    for names, body in re.findall(r"^(\S.*)\n((?:    .*\n?|\n)+)", section[1] + "\n", re.MULTILINE):
        for name in names.split(", "):
            meanings[name.split(" : ")[0]] = " ".join(body.split()).replace("``", "`").replace("|", "\\|")
    return meanings
