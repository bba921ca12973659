"""The pytest plugin in a user's suite: fixtures, the pools file, and how little it costs to load."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

POOLS = '[[pool]]\nname = "MINE"\nkeys = [4, 7]\nfunctions = ["own"]\n'


def test_fixtures_with_the_packaged_pools(pytester: pytest.Pytester) -> None:
    """`key_pool` has the ten keys, `rotation_log` writes a log whose fault the assertion finds."""
    pytester.makepyfile(
        """
        import pytest
        from keyrota.testing import assert_fair_rotation, assert_rejected_share

        def test_fair(rotation_log, key_pool):
            assert key_pool["CHAT"].keys == (1, 2)
            assert_fair_rotation(rotation_log("CHAT", picks=400), key_pool["CHAT"])

        def test_fault(rotation_log):
            with pytest.raises(AssertionError, match="R102 start-not-random"):
                assert_fair_rotation(rotation_log("ARTIFACT", policy="start-at-first"), "ARTIFACT")

        def test_429s(rotation_log):
            with pytest.raises(AssertionError, match="CHAT: .* ended in a 429"):
                assert_rejected_share(rotation_log("CHAT", rate_per_min=20, shape="full-rows"))

        def test_two_logs_are_two_files(rotation_log):
            assert rotation_log("CHAT", picks=20) != rotation_log("CHAT", picks=20)
        """
    )
    pytester.runpytest_subprocess("-q").assert_outcomes(passed=4)


@pytest.mark.parametrize("way", ["option", "setting"])
def test_pools_of_a_file(pytester: pytest.Pytester, way: str) -> None:
    """The pools file is named on the command line or in the settings."""
    pytester.makefile(".toml", pools=POOLS)
    pytester.makepyfile(
        """
        from keyrota.testing import assert_fair_rotation

        def test_mine(rotation_log, key_pool):
            assert [pool.name for pool in key_pool] == ["MINE"]
            assert_fair_rotation(rotation_log("MINE"), key_pool["MINE"])
        """
    )
    arguments = ["--keyrota-pools", "pools.toml"] if way == "option" else []
    if way == "setting":
        pytester.makeini("[pytest]\nkeyrota_pools = pools.toml\n")
    pytester.runpytest_subprocess("-q", *arguments).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ('rotation_log("NONE")', "is not declared; declared are CHAT, ARTIFACT, IMAGE"),
        ('rotation_log("CHAT", picks=0)', "picks is 0; it is a number from 1 to"),
        ('rotation_log("CHAT", policy="none")', "policy"),
        ('rotation_log("CHAT", shape="none")', "shape"),
        ('rotation_log("CHAT", on_reject="retry")', 'on_reject "retry" is unknown'),
        ('rotation_log("CHAT", rate_per_min=0)', "rate_per_min is 0; it is a number above 0"),
        ('rotation_log("CHAT", picks_per_request=0)', "picks_per_request is 0; allowed are 1 and 2"),
    ],
)
def test_a_wrong_log_is_refused(pytester: pytest.Pytester, call: str, message: str) -> None:
    """A mistake of the test is told in one line."""
    pytester.makepyfile(f"def test_it(rotation_log):\n    {call}\n")
    result = pytester.runpytest_subprocess("-q")
    result.assert_outcomes(failed=1)
    assert message in result.stdout.str()


def test_loading_costs_nothing() -> None:
    """Every pytest of a user loads the plugin: neither pandas nor numba comes with it."""
    code = (
        "import sys, keyrota.testing.plugin\n"
        "print([name for name in ('numpy', 'pandas', 'numba', 'scipy', 'msgspec') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
