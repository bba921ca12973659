"""Exceptions and warnings, one tree.

KeyrotaError                 exit code
├── ConfigurationError       2    a pools file, a rule, an option or an argument is wrong
├── InputError               3    no usable input
├── ModelError               2    the question has no answer in the model
└── OutputError              4    the output was not written
KeyrotaWarning
└── DataQualityWarning       lines were lost, cut, malformed or repeated

A message says what was wrong, where, what is allowed and what to do next. Bad *lines* are data,
not exceptions. Only the command line turns an error into an exit code.
"""

from __future__ import annotations

from typing import ClassVar

from keyrota.display import visible


class KeyrotaError(Exception):
    """Base of every error that keyrota raises on purpose."""

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str) -> None:
        super().__init__(visible(message))


class ConfigurationError(KeyrotaError):
    """A pools file, a rule, an option or an argument is wrong."""


class InputError(KeyrotaError):
    """The input is missing, unreadable, or holds no log."""

    exit_code = 3


class ModelError(KeyrotaError):
    """The question has no answer in the model: a share above 1, a pool without keys."""


class OutputError(KeyrotaError):
    """The output could not be written; what stood there before is unchanged."""

    exit_code = 4


class KeyrotaWarning(UserWarning):
    """Base of every warning that keyrota issues."""


class DataQualityWarning(KeyrotaWarning):
    """Lines were lost, cut, malformed or repeated; the result stands on what is left."""
