"""The mutants of a module: every change that an operator of cosmic-ray makes of what runs."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ARITHMETIC = ("Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow")
ORDER = ("Eq", "NotEq", "Lt", "LtE", "Gt", "GtE")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: the operator, the line, what the line was and is, and the whole source."""

    operator: str
    line: int
    before: str
    after: str
    source: str

    @property
    def name(self) -> str:
        """How survivors.toml calls it: the same as long as the line is."""
        return f"{self.before} -> {self.after}"


def mutants_of(source: str) -> list[Mutant]:
    """Return the mutants in the order of their lines, each program once."""
    found, seen = [], {program(source)}
    for name in sorted(name for name in operator_names() if not left_out(name)):
        operator = get_operator(name)
        for occurrence in range(len(source)):
            changed = mutate_code(source, operator(), occurrence)
            if changed is None or changed == source:
                break
            if changed.count("@overload") != source.count("@overload"):
                continue  # for the type checker alone
            number, before, after = difference(source, changed)
            if "*," in before and "/," in after:
                continue  # the mark of what is given by name alone is no product
            what = program(changed)
            if what is None or what in seen:
                continue
            seen.add(what)
            found.append(Mutant(name.removeprefix("core/"), number, before, after, changed))
    return sorted(found, key=lambda mutant: (mutant.line, mutant.after))


def left_out(operator: str) -> bool:
    """Say whether an operator's mutants tell nothing: they fail at once, or are the same program.

    Shifts, bits and powers in place of arithmetic; `is` in place of an order and the other way round; names
    that do not exist.
    """
    kind, *names = operator.removeprefix("core/").split("_")
    if kind == "ReplaceBinaryOperator":
        return names[0] in ARITHMETIC and names[1] not in ARITHMETIC[:5]
    if kind == "ReplaceComparisonOperator":
        return (names[0] in ORDER) != (names[1] in ORDER)
    return kind in ("VariableReplacer", "VariableInserter", "ExceptionReplacer")


def program(source: str) -> str | None:
    """Return what runs of a source, in one spelling: without annotations; nothing if it is no Python."""
    try:
        return ast.dump(_Bare().visit(ast.parse(source)))
    except SyntaxError:
        return None


class _Bare(ast.NodeTransformer):
    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef | None:
        if any(isinstance(mark, ast.Name) and mark.id == "overload" for mark in node.decorator_list):
            return None
        self.generic_visit(node)
        node.returns = None
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        self.generic_visit(node)
        node.annotation = ast.Constant(None)
        return node


def difference(source: str, changed: str) -> tuple[int, str, str]:
    """Return the first line that differs, before and after."""
    pairs = zip(source.split("\n"), changed.split("\n"), strict=False)
    for number, (before, after) in enumerate(pairs, 1):
        if before != after:
            return number, " ".join(before.split()), " ".join(after.split())
    return 0, "", ""
