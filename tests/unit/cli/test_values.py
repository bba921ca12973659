"""What the text of an option means; units are never guessed."""

import click
import pytest

from keyrota.cli.values import Bytes, Duration, Growth, Rate, Share, Sizes


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Share(), "1%", 0.01), (Share(), "1e-3", 0.001),
        (Duration(), "24h", 86_400.0), (Duration(), "7d", 604_800.0), (Duration(), "90s", 90.0),
        (Duration(), "1.5 min", 90.0), (Duration(), "2w", 1_209_600.0),
        (Rate(), "4/min", (None, 4.0)), (Rate(), "0.5/s", (None, 30.0)), (Rate(), "120/h", (None, 2.0)),
        (Rate(), "1440/day", (None, 1.0)), (Rate(), "CHAT=.5/min", ("CHAT", 0.5)),
        (Rate(), "0/min", (None, 0.0)),
        (Growth(), "10%/day", 0.1), (Growth(), "2.01%/week", 1.0201 ** (1 / 7) - 1),
        (Growth(), "100%/year", 2 ** (1 / 365.25) - 1),
        (Sizes(), "1-4", (1, 2, 3, 4)), (Sizes(), "8,2,3-4,3", (2, 3, 4, 8)), (Sizes(), "5", (5,)),
        (Bytes(), "500MB", 500_000_000), (Bytes(), "4 GiB", 4 << 30), (Bytes(), "1kB", 1000),
        (Bytes(), "12", 12),
    ],
)  # fmt: skip
def test_values(kind, text, value):
    """Shares are fractions, durations seconds, rates a minute, growth a day."""
    found = kind.convert(text, None, None)
    if isinstance(value, float):
        assert found == pytest.approx(value, rel=1e-12)
    elif isinstance(value, tuple) and isinstance(value[-1], float):
        assert found == (value[0], pytest.approx(value[1]))
    else:
        assert found == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Share(), "0"), (Share(), "100%"), (Share(), "much"), (Share(), "nan"),
        (Duration(), "24"), (Duration(), "-5s"), (Duration(), "5 parsecs"),
        (Duration(), ""), (Duration(), "9" * 400 + "d"),
        (Rate(), "4"), (Rate(), "-4/min"), (Rate(), "4/fortnight"), (Rate(), "=4/min"), (Rate(), "CHAT"),
        (Rate(), "1e999/min"), (Rate(), "٤/min"),
        (Growth(), "10%"), (Growth(), "0%/day"), (Growth(), "-5%/day"), (Growth(), "0.1/day"),
        (Sizes(), "0"), (Sizes(), "4-1"), (Sizes(), "1-"), (Sizes(), "1-9999999"),
        (Sizes(), "a"), (Sizes(), "1-2000"),
        (Bytes(), "0"), (Bytes(), "-1"), (Bytes(), "1.5GB"), (Bytes(), "5 PB"), (Bytes(), "٤MB"),
    ],
)  # fmt: skip
def test_what_is_refused(kind, text):
    """The message shows the value and what is allowed."""
    with pytest.raises(click.BadParameter) as error:
        kind.convert(text, None, None)
    assert kind.allowed in error.value.message
