"""What must hold of every declaration, whether it was read, inferred or built in code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

import msgspec

from keyrota.display import count, redact, shown, visible
from keyrota.errors import ConfigurationError
from keyrota.pools.declared import Pool, PoolConfig, Quota, RuleSpec
from keyrota.pools.fields import ALLOWED, MAX_KEY, MAX_LIMIT, checked, place_of

MAX_TEXT: Final = 128
"""Characters in the name of a function, model, project or rule."""

_NAME = re.compile(r"[A-Za-z0-9_.-](?:[A-Za-z0-9_. -]{0,62}[A-Za-z0-9_.-])?")


def validate(config: PoolConfig) -> None:
    """Check a declaration and say what to change if it cannot hold.

    The patterns of rules are compiled where they are used, not here.

    Raises
    ------
    ConfigurationError
        Naming the source, the place, the value and what is allowed, if a field is of the wrong type,
        a name is empty or odd, a name, key or function is declared twice, a number is out of
        range. Of several problems the first is told, and
        how many more there are.

    Examples
    --------
    >>> PoolConfig(pools=(Pool(name="CHAT", keys=(1, 1)),))
    Traceback (most recent call last):
    ...
    keyrota.errors.ConfigurationError: pools given in code: pool[1] "CHAT": keys[2] is 1 again; remove it
    """
    _check_types(config)
    problems = list(_problems(config))
    if problems:
        more = f" (and {count(len(problems) - 1, 'more problem')})" if problems[1:] else ""
        raise ConfigurationError(f"{config.source}: {problems[0]}{more}")


def is_pool_name(name: str) -> bool:
    """Return whether a pool may have this name.

    Examples
    --------
    >>> is_pool_name("CHAT"), is_pool_name("chat/eu"), is_pool_name("")
    (True, False, False)
    """
    return _NAME.fullmatch(name) is not None and redact(name) == name


def is_text(name: str) -> bool:
    r"""Return whether a function, a model or a project may have this name.

    Examples
    --------
    >>> is_text("generate-image"), is_text("two\nlines"), is_text("x" * 129)
    (True, False, False)
    """
    return _text_problem(name) is None


def _check_types(config: PoolConfig) -> None:
    for number, pool in enumerate(config.pools, 1):
        place = f"{config.source}: {place_of('pool', number, pool.name)}"
        checked(Pool, msgspec.structs.asdict(pool), place)
        checked(Quota, msgspec.structs.asdict(pool.quota), place, prefix="quota.")
    for number, rule in enumerate(config.rules, 1):
        place = f"{config.source}: {place_of('rule', number, rule.name)}"
        checked(RuleSpec, msgspec.structs.asdict(rule), place)


def _problems(config: PoolConfig) -> Iterator[str]:
    pools = {place_of("pool", number, pool.name): pool for number, pool in enumerate(config.pools, 1)}
    rules = {place_of("rule", number, rule.name): rule for number, rule in enumerate(config.rules, 1)}
    # In the order of the file: the first problem told is the first that its author meets.
    names: dict[str, str] = {}
    keys: dict[int | str, str] = {}
    functions: dict[int | str, str] = {}
    for place, pool in pools.items():
        yield from _of_name(place, "name", pool.name)
        yield from _of_namesakes(place, pool.name, names)
        yield from _of_keys(place, pool)
        yield from _of_repeats(place, "keys", pool.keys, keys)
        yield from _of_texts(place, "functions", pool.functions)
        yield from _of_repeats(place, "functions", pool.functions, functions)
        if pool.model is not None and (problem := _text_problem(pool.model)):
            yield f"{place}: model {problem}"
        yield from _of_quota(place, pool.quota)
        yield from _of_projects(place, pool)
    names = {}
    for place, rule in rules.items():
        yield from _of_rule(place, rule, names)


def _of_name(place: str, field: str, name: str) -> Iterator[str]:
    if redact(name) != name:
        yield f"{place}: {field} is {shown(name)}, which looks like an API key; keys are named by number only"
    elif not is_pool_name(name):
        yield (
            f'{place}: {field} is {shown(name)}; allowed are 1 to 64 letters, digits, "_", "-", "." '
            "and spaces, without a space at either end"
        )


def _of_namesakes(place: str, name: str, seen: dict[str, str]) -> Iterator[str]:
    if name in seen:
        yield f"{place}: {seen[name]} has this name too; give each its own"
    seen.setdefault(name, place.partition(" ")[0])


def _of_keys(place: str, pool: Pool) -> Iterator[str]:
    if not pool.keys:
        yield f"{place}: keys is empty; write {ALLOWED['keys']}"
    for number, key in enumerate(pool.keys, 1):
        if not 1 <= key <= MAX_KEY:
            yield (
                f"{place}: keys[{number}] is {shown(key)}; allowed are whole numbers from 1 to "
                f"{MAX_KEY}, the n of GOOGLE_KEY_n"
            )


def _of_repeats(
    place: str, field: str, values: Sequence[int | str], seen: dict[int | str, str]
) -> Iterator[str]:
    for number, value in enumerate(values, 1):
        at = f"{place}: {field}[{number}] is {shown(value)}"
        if value not in seen:
            seen[value] = place
        elif seen[value] == place:
            yield f"{at} again; remove it"
        else:
            yield f"{at}, which {seen[value]} declares too; remove it from one of the two"


def _of_texts(place: str, field: str, values: Sequence[str]) -> Iterator[str]:
    for number, value in enumerate(values, 1):
        if problem := _text_problem(value):
            yield f"{place}: {field}[{number}] {problem}"


def _of_quota(place: str, quota: Quota) -> Iterator[str]:
    for field, limit in msgspec.structs.asdict(quota).items():
        if limit is not None and not 1 <= limit <= MAX_LIMIT:
            yield f"{place}: quota.{field} is {shown(limit)}; write {ALLOWED[f'quota.{field}']}"


def _of_projects(place: str, pool: Pool) -> Iterator[str]:
    if pool.projects and len(pool.projects) != len(pool.keys):
        yield (
            f"{place}: projects has {count(len(pool.projects), 'entry', 'entries')} for "
            f"{count(len(pool.keys), 'key')}; name the project of each key, in the order of keys, "
            "or leave projects out"
        )
    yield from _of_texts(place, "projects", pool.projects)


def _of_rule(place: str, rule: RuleSpec, seen: dict[str, str]) -> Iterator[str]:
    if problem := _text_problem(rule.name):
        yield f"{place}: name {problem}"
    yield from _of_namesakes(place, rule.name, seen)
    if rule.pool is not None:
        yield from _of_name(place, "pool", rule.pool)
    if not rule.pattern:
        yield f"{place}: pattern is empty; write {ALLOWED['pattern']}"
    for text in chain([rule.pattern], rule.matches, rule.rejects):
        try:
            text.encode()
        except UnicodeEncodeError:
            yield f"{place}: {shown(text)} holds half a surrogate pair, which no file can hold"


def _text_problem(text: str) -> str | None:
    allowed = f"allowed are 1 to {MAX_TEXT} characters without control characters"
    if not text.strip():
        return f"is {'empty' if not text else 'blank'}; {allowed}"
    if redact(text) != text:
        return f"is {shown(text)}, which looks like an API key; keys are named by number only"
    if visible(text) != text:
        return f"is {shown(text)}, which holds a control character; {allowed}"
    if len(text) > MAX_TEXT:
        return f"is {len(text)} characters long; {allowed}"
    return None
