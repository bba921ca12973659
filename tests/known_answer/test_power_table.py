"""Sample sizes of the theory page."""

import pytest

from keyrota.rotation.power import picks_needed

LEVELS = (0.05, 0.01, 1e-6)


@pytest.mark.parametrize(
    ("shares", "picks"),
    [
        ([0.6, 0.4], (263, 372, 953)),
        ([0.4, 0.2, 0.2, 0.2], (119, 161, 369)),
        ([0.55, 0.45], (1051, 1488, 3811)),
    ],
)
def test_picks_needed_for_power_nine_tenths(shares, picks):
    """The chi-square test needs the picks that the theory page states."""
    assert tuple(picks_needed(shares, alpha=alpha, power=0.9) for alpha in LEVELS) == picks


def test_order_of_the_keys_does_not_matter():
    """Which key is the heavy one changes nothing."""
    assert picks_needed([0.2, 0.2, 0.4, 0.2], alpha=0.01) == 161
