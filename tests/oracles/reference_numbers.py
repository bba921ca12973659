"""Write tests/known_answer/reference_numbers.json: what the package computes, to 30 digits.

Run by hand: ``python tests/oracles/reference_numbers.py``. It shares no code with the package: mpmath with 50
digits, and counting in whole numbers. `tests/known_answer/test_reference_numbers.py` holds the package
against the file, and the file against this script.
"""

from __future__ import annotations

import json
from collections import Counter
from fractions import Fraction
from math import comb
from pathlib import Path

import mpmath as mp

PAGE = Path(__file__).parents[1] / "known_answer" / "reference_numbers.json"
mp.mp.dps = 50


def told(value):
    """Return 30 digits."""
    if isinstance(value, Fraction):
        value = mp.mpf(value.numerator) / value.denominator
    return mp.nstr(value, 30, min_fixed=0, max_fixed=0)


def uniform_p_value(counts):
    """P(sum of squares at least that of the counts): the law of cell after cell, in whole numbers."""
    total, size = sum(counts), len(counts)
    ways = Counter({(0, 0): 1})  # (picks so far, squares so far): sequences
    for _ in range(size):
        after = Counter()
        for (used, squares), number in ways.items():
            for more in range(total - used + 1):
                after[used + more, squares + more * more] += number * comb(total - used, more)
        ways = after
    least = sum(count * count for count in counts)
    uneven = sum(number for (used, squares), number in ways.items() if used == total and squares >= least)
    return Fraction(uneven, size**total)


def two_keys_p_value(low, total):
    """P(one of two keys has `low` picks or fewer of the total)."""
    return min(Fraction(1), Fraction(2 * sum(comb(total, k) for k in range(low + 1)), 2**total))


def binomial_tail(least, total, chance):
    """P(at least so many of the total)."""
    return sum(comb(total, k) * chance**k * (1 - chance) ** (total - k) for k in range(least, total + 1))


def chi_square_critical(freedom, alpha):
    """The value that chi-square exceeds with probability alpha."""
    start = freedom + 2 * mp.sqrt(freedom) * -mp.log10(alpha)
    return mp.findroot(
        lambda x: mp.gammainc(freedom / mp.mpf(2), x / 2, mp.inf, regularized=True) - alpha, start
    )


def power(picks, shares, alpha):
    """P(noncentral chi-square above the critical value): a Poisson mixture of central tails."""
    size = len(shares)
    half = picks * size * sum((share - mp.mpf(1) / size) ** 2 for share in shares) / 2
    critical = chi_square_critical(size - 1, alpha)
    terms = (
        mp.exp(-half + j * mp.log(half) - mp.loggamma(j + 1))
        * mp.gammainc(mp.mpf(size - 1) / 2 + j, critical / 2, mp.inf, regularized=True)
        for j in range(int(half + 30 * mp.sqrt(half)) + 200)
    )
    return mp.fsum(terms)


def beta_quantile(a, b, probability):
    """Where the beta law has this probability below: of a + b - 1 trials of chance x at least a succeed."""
    low, high, total = mp.mpf(0), mp.mpf(1), a + b - 1
    for _ in range(160):
        middle = (low + high) / 2
        odds = middle / (1 - middle)
        term = below = (1 - middle) ** total
        for k in range(1, a):
            term *= odds * (total - k + 1) / k
            below += term
        low, high = (middle, high) if 1 - below < probability else (low, middle)
    return (low + high) / 2


def share_interval(count, total, size, confidence):
    """Clopper and Pearson's interval of one key of `size`, at the corrected level."""
    tail = (1 - mp.mpf(confidence)) / size / 2
    return (
        beta_quantile(count, total - count + 1, tail),
        beta_quantile(count + 1, total - count, 1 - tail),
    )


def student_quantile(freedom):
    """The .975 quantile of Student's t."""

    def below(x):
        return (
            1
            - mp.betainc(mp.mpf(freedom) / 2, mp.mpf(1) / 2, 0, freedom / (freedom + x * x), regularized=True)
            / 2
        )

    return mp.findroot(lambda x: below(x) - mp.mpf("0.975"), 2)


def erlang(servers, load):
    """Erlang's B as the quotient of its sums."""
    terms = [mp.mpf(load) ** k / mp.factorial(k) for k in range(servers + 1)]
    return terms[-1] / mp.fsum(terms)


def overflow(mean, limit):
    """E[max(N - limit, 0)] / E[N] of a Poisson number, term by term."""
    mean = mp.mpf(mean)
    terms = (
        (n - limit) * mp.exp(-mean + n * mp.log(mean) - mp.loggamma(n + 1))
        for n in range(limit + 1, limit + 400 + int(3 * mean))
    )
    return mp.fsum(terms) / mean


def dirichlet(counts):
    """Ln E of a Dirichlet mixture with a half for each position."""
    size, total, half = len(counts), sum(counts), mp.mpf(1) / 2
    own = mp.fsum(mp.loggamma(half + count) - mp.loggamma(half) for count in counts)
    return mp.loggamma(size * half) - mp.loggamma(size * half + total) + own + total * mp.log(size)


def start_stream(counts, blocks):
    """Ln E of the stream: the whole, the blocks (life, number, counts) and what has not begun."""
    fifth = mp.mpf(1) / 5
    worth = fifth * mp.exp(dirichlet(counts))
    begun = Counter()
    for life, number, own in blocks:
        weight = 1 / (1 + mp.log(1 + number)) - 1 / (1 + mp.log(2 + number))
        worth += fifth * weight * mp.exp(dirichlet(own))
        begun[life] = max(begun[life], number + 1)
    worth += sum(fifth / (1 + mp.log(1 + begun[life])) for life in (64, 512, 4096, 32768))
    return mp.log(worth)


def stuck_stream(size, starts):
    """Ln E after so many equal starts."""

    def row(count):
        return [count] + [0] * (size - 1)

    blocks = [
        (life, number, row(min(life, starts - number * life // 8)))
        for life in (64, 512, 4096, 32768)
        for number in range(-(-starts // (life // 8)))
    ]
    return start_stream(row(starts), blocks)


def references():
    """Return all numbers, by what they are of."""
    heavy = ["0.4", "0.2", "0.2", "0.2"]
    return {
        "uniform": [
            [counts, told(uniform_p_value(counts))]
            for counts in ([7, 5], [30, 10], [9, 8, 3], [12, 4, 4, 4], [30, 2, 2, 1], [25, 3, 2, 2, 1, 1])
        ] + [
            [[low, total - low], told(two_keys_p_value(low, total))]
            for low, total in ((45, 100), (400, 1000), (100, 1000), (5, 1000), (0, 998))
        ] + [[[500, 0, 0, 0], told(Fraction(4, 4**500))]],
        "succession": [
            [broken, total, told(binomial_tail(broken, total, Fraction(1, 100)))]
            for broken, total in ((1, 7), (3, 52), (5, 400), (40, 1000), (60, 200), (150, 160))
        ],
        "unused": [
            [lengths, times, size, told(Fraction(1) * prod_missed(lengths, size) ** times)]
            for lengths, times, size in (([1, 2, 3], 1, 4), ([1], 100, 4), ([1, 1, 2], 60, 3), ([1], 2400, 4))
        ],
        "power": [
            [picks, shares, alpha, told(power(picks, [mp.mpf(s) for s in shares], mp.mpf(alpha)))]
            for picks, shares, alpha in (
                (263, ["0.6", "0.4"], "0.05"), (161, heavy, "0.01"), (60, heavy, "1e-6"),
                (1000, ["0.55", "0.45"], "0.01"), (40, ["0.3", "0.3", "0.4"], "0.001"), (369, heavy, "1e-6"),
            )
        ],
        "interval": [
            [count, total, size, "0.95", *map(told, share_interval(count, total, size, "0.95"))]
            for count, total, size in ((1, 100, 2), (17, 100, 4), (300, 1000, 4), (2, 100_000, 10))
        ],
        "student": [[freedom, told(student_quantile(freedom))] for freedom in (1, 4, 19, 199)],
        "erlang": [
            [servers, load, told(erlang(servers, load))]
            for servers, load in ((2, "0.5"), (4, "4"), (60, "45.5"), (100, "1"), (140, "0.5"), (160, "1"))
        ],
        "overflow": [
            [mean, limit, told(overflow(mean, limit))]
            for mean, limit in (
                ("0.5", 2), ("4", 4), ("60", 60), ("50", 100), ("1", 100), ("0.5", 140), ("1", 160),
            )
        ],
        "stream": [
            [size, starts, told(stuck_stream(size, starts))]
            for size, starts in ((2, 30), (4, 200), (10, 700))
        ],
    }  # fmt: skip


def prod_missed(lengths, size):
    """The chance that no run of these lengths meets a given key."""
    chance = Fraction(1)
    for length in lengths:
        chance *= Fraction(max(0, size - length), size)
    return chance


if __name__ == "__main__":
    PAGE.write_text(json.dumps(references(), indent=1) + "\n", encoding="utf-8")
