"""Tell the reference what a msgspec structure is made of: its fields, as parameters of its constructor."""

from __future__ import annotations

from typing import Any

import griffe


class Structs(griffe.Extension):
    """Give every `msgspec.Struct` of the package the signature that msgspec gives it when it is imported."""

    def on_class_members(self, *, cls: griffe.Class, **_: Any) -> None:
        """Add the constructor."""
        if not any(str(base).endswith(("msgspec.Struct", "_Process")) for base in cls.bases):
            return
        fields = [
            member
            for member in cls.members.values()
            if isinstance(member, griffe.Attribute)
            and member.annotation is not None
            and "property" not in member.labels
        ]
        function = griffe.Function(
            "__init__",
            lineno=cls.lineno,
            endlineno=cls.endlineno,
            parent=cls,
            parameters=griffe.Parameters(
                griffe.Parameter("self", kind=griffe.ParameterKind.positional_or_keyword),
                *(
                    griffe.Parameter(
                        field.name,
                        annotation=field.annotation,
                        default=field.value,
                        kind=griffe.ParameterKind.keyword_only,
                    )
                    for field in fields
                ),
            ),
        )
        cls.set_member("__init__", function)
