"""Lines that are decoded together give what the general way gives, whatever stands between them."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from keyrota.logs.json_stream import JsonStream, decode_json

ATOMS = st.sampled_from(
    ['"a"', '"\\u00e9"', '"\\ud83d"', '"\\ud83d\\udd11"', '"\U0001f511"', '"\x01"', '"\\x"', "01", "-0",
     "1.5", "1e5", "1E400", "-1e-400", "NaN", "-Infinity", "true", "null", "12345678901234567890123",
     "0.30000000000000004", "1" * 4400, "{}", "[]", '{"b": [1, {"c": 2}]}', "", ".5", "+1"]
)  # fmt: skip
NAMES = st.sampled_from(['"a"', '"b"', '"\\u0062"', '"message"', "a"])
OBJECTS = st.lists(st.tuples(NAMES, ATOMS), max_size=3).map(
    lambda pairs: "{" + ", ".join(f"{name}: {value}" for name, value in pairs) + "}"
)
LINES = st.one_of(
    OBJECTS, OBJECTS, OBJECTS, ATOMS, st.sampled_from(["", " ", "prose [x]", "[{}, {}]", "{", "}"])
)
TEXTS = st.lists(
    st.tuples(LINES, st.sampled_from(["\n", "\n", "\n", "\r\n", "", ",\n", "\n\n"])), max_size=12
).map(lambda lines: "".join(line + end for line, end in lines))


@given(text=TEXTS, size=st.integers(1, 200))
@example(text='{"a":1}{"a":2}\n\n{"a":3}\n', size=200)  # as many values as lines, but not one in each
def test_both_ways_give_the_same_values(text: str, size: int) -> None:
    """Values, their lines, what was refused and whether the text was cut."""
    found = []
    for with_lengths in (False, True):
        chunks = (text[at : at + size] for at in range(0, len(text), size))
        stream = JsonStream(chunks, with_lengths=with_lengths)
        values = [(repr(value.value), value.line, value.error, value.is_cut) for value in stream]
        found.append((values, stream.truncated))
    assert found[0] == found[1]


@given(text=st.one_of(OBJECTS, ATOMS, st.floats().map(repr), st.text(max_size=8).map(json.dumps)))
def test_a_value_is_decoded_as_by_the_standard_library(text: str) -> None:
    """The same value of the same type, or the same refusal."""
    try:
        expected = json.loads(text)
    except ValueError:
        expected = None
        try:
            found = decode_json(text)
        except ValueError:
            found = None
    else:
        found = decode_json(text)
    assert repr(found) == repr(expected)
