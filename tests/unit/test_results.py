"""Results of the core are values: nothing of them can be changed, or be added."""

import dataclasses
import importlib

import pytest


@pytest.mark.parametrize("name", ["rotation.exact", "rotation.shares", "logs.rules"])
def test_results_are_frozen_and_have_slots(name):
    """Each dataclass of the module."""
    module = importlib.import_module(f"keyrota.{name}")
    kinds = [
        kind for kind in vars(module).values() if isinstance(kind, type) and dataclasses.is_dataclass(kind)
    ]
    own = [kind for kind in kinds if kind.__module__ == module.__name__]
    assert own
    for kind in own:
        assert kind.__dataclass_params__.frozen
        assert not hasattr(object.__new__(kind), "__dict__")
