"""For a test suite of your own: is the rotation fair, and how many requests end in a 429.

>>> from keyrota.testing import assert_fair_rotation
>>> import random
>>> rng = random.Random(1)
>>> starts = [rng.randrange(4) for _ in range(500)]
>>> assert_fair_rotation([[start + 1, (start + 1) % 4 + 1] for start in starts], 4)  # isolates of two picks
"""

from keyrota.testing.program import RotationRun, run_rotation
from keyrota.testing.rejections import assert_rejected_share
from keyrota.testing.rotation import assert_fair_rotation

__all__ = ["RotationRun", "assert_fair_rotation", "assert_rejected_share", "run_rotation"]
