import numpy as np
import pytest

from l1ae.circuit import UNDECIDED, Circuit, Dense, FixedFormat, Input, Overflow, Quantize, Rounding


@pytest.fixture(scope="session")
def small():
    """Three words, a dense layer with a bias, and a quantizer that rounds ties and saturates."""
    kernel = np.array([[3, -2], [1, 5], [-4, 2]])
    weight = FixedFormat(True, 5, 2)
    narrow = FixedFormat(True, 6, 4, Rounding.RND_CONV, Overflow.SAT)
    return Circuit.derive(
        [
            Input("words", (), (3,), FixedFormat(True, 6, 4, Rounding.RND_CONV, Overflow.SAT)),
            Dense("hidden", ("words",), (2,), UNDECIDED, kernel, weight, np.array([1, -3]), weight),
            Quantize("code", ("hidden",), (2,), narrow),
        ]
    )
