"""Machine code that several processes need at the same time is compiled by one of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from keyrota import compiling
from keyrota.compiling import fingerprint_of, functions_of

MODULE = """
def doubled(number):
    return 2 * number
"""

PROGRAM = """
import sys
from numba.extending import register_jitable
import numbers_of_a_test as own
from keyrota.compiling import compiled

register_jitable(own.doubled)
assert compiled(own.doubled, 1)(int(sys.argv[1])) == 2 * int(sys.argv[1])
"""


def test_one_process_compiles_and_the_others_find_it(tmp_path: Path) -> None:
    """Three that start together: one keeps its work on disk, two load it."""
    (tmp_path / "numbers_of_a_test.py").write_text(MODULE)
    kept = {"NUMBA_CACHE_DIR": str(tmp_path / "kept"), "NUMBA_DEBUG_CACHE": "1"}
    environment = {**os.environ, **kept, "PYTHONPATH": str(tmp_path)}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(number)], env=environment, stdout=subprocess.PIPE, text=True
        )
        for number in range(3)
    ]
    told = "".join(process.communicate(timeout=120)[0] for process in running)
    assert [process.returncode for process in running] == [0, 0, 0]
    assert told.count("data saved to") == 1
    assert told.count("data loaded from") == 2


def test_an_error_of_the_first_call_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the wait of others; where there are no locks the call is made without."""

    def refuse(number: int) -> int:
        if number == 0:
            raise OSError("nothing to divide by")
        return number

    call = compiling._first_alone(refuse, __file__)
    for _ in range(2):
        with pytest.raises(OSError, match="nothing to divide by"):
            call(0)
    assert call(3) == 3

    def no_file(*_: object) -> int:
        raise OSError("no such file")

    monkeypatch.setattr(os, "open", no_file)
    assert compiling._first_alone(refuse, __file__)(4) == 4


def test_what_a_module_consists_of() -> None:
    """Its own functions, not those that it imports; its text changes the fingerprint."""
    names = {function.__name__ for function in functions_of([compiling])}
    assert {"compiled", "functions_of", "fingerprint_of"} <= names
    assert "suppress" not in names
    others: list[ModuleType] = [compiling, subprocess]
    assert len({fingerprint_of(others), fingerprint_of([compiling]), fingerprint_of([])}) == 3
