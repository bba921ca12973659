"""Ids and contents in 64 bits: held to splitmix64 as published, and to themselves in bulk."""

import numpy as np

from keyrota.logs.hashing import hashed, id_hash, id_hashes

MASK = 2**64 - 1


class Splitmix64:
    """The generator of Steele, Lea and Flood (2014), as published."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)


def of_words(text):
    """Return the hash of an id in plain whole numbers."""
    data = text.encode("utf-8", "surrogatepass")
    value = len(data)
    for at in range(0, len(data), 8):
        value = Splitmix64(value ^ int.from_bytes(data[at : at + 8], "little")).next()
    return value or 1


def test_the_generator_is_the_published_one():
    """The first numbers of seed 1234567, as in its reference implementation."""
    made = Splitmix64(1234567)
    assert [made.next() for _ in range(3)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


def test_the_hash_of_an_id_mixes_its_words():
    """Of any length and alphabet; none is 0."""
    for text in ("a", "12345678", "123456789", "x" * 80, "é\ud800", "6ea31fd0-e6fe-4cf2-a903-c5f3cc0ee44a"):
        assert id_hash(text) == of_words(text) != 0
    assert id_hash("\ud800x") != id_hash("x")


def test_ids_that_are_alike_are_told_apart():
    """Those that count, those that end or begin alike, those that are prefixes of others."""
    ids = [f"{n}" for n in range(50_000)] + [f"{n:08d}-1111-4222-8333-{n // 4:012d}" for n in range(50_000)]
    ids += ["0" * n for n in range(1, 60)] + [f"{n:016x}" for n in range(0, 2**52, 2**37)]
    ids += [f"{n:x}".ljust(16, "0") + f"{n:x}".rjust(16, "0") for n in range(1, 30_000)]
    hashes = id_hashes(list(dict.fromkeys(ids)))
    assert len(np.unique(hashes)) == len(dict.fromkeys(ids))
    # Of the 32 bits at each end too there are as few repeats as chance gives: n squared over 2 ** 33.
    for part in (hashes >> np.uint64(32), hashes & np.uint64(2**32 - 1)):
        assert len(hashes) - len(np.unique(part)) < 3 * len(hashes) ** 2 / 2**33 + 5


def test_many_ids_are_hashed_as_one_is() -> None:
    """Of any length, in any order, missing ones among them."""
    rng = np.random.default_rng(1)
    made = ["é" * int(rng.integers(3)) + "x" * int(rng.integers(1, 40)) for _ in range(200)]
    ids = [None if n % 7 == 0 else text for n, text in enumerate(made)]
    hashes = id_hashes(ids)
    assert hashes is not None
    assert hashes.tolist() == [0 if text is None else id_hash(text) for text in ids]
    assert id_hashes([None, None]) is None
    assert id_hashes([]) is None


def test_contents_are_hashed_row_by_row():
    """Each column mixed in after the one before; blocks make no difference."""
    columns = [np.arange(70_000) % 7, -np.arange(70_000), np.full(70_000, 5)]
    hashes = hashed(*columns)
    for row in (0, 1, 32_767, 32_768, 69_999):
        value = 0
        for column in columns:
            value = Splitmix64(value ^ (int(column[row]) & MASK)).next()
        assert int(hashes[row]) == value
