import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from l1ae.autoencoder.objectives.distillation import regression


def loss(teacher, student):
    return np.asarray(regression(*(np.array([[x]], dtype=np.float32) for x in (teacher, student))))[0]


@given(st.floats(-20, 20), st.floats(-20, 20))
@settings(deadline=None, max_examples=30)
def test_it_is_squared_up_to_1_and_linear_beyond(teacher, student):
    distance = abs(teacher - student)
    expected = distance**2 / 2 if distance < 1 else distance - 0.5
    assert np.isclose(loss(teacher, student), expected, atol=1e-4)
    assert loss(teacher, student) == loss(student, teacher)


def test_the_two_parts_meet():
    assert loss(0.0, 0.0) == 0.0
    assert loss(0.0, 1.0) == 0.5
    assert np.isclose(loss(0.0, 0.9999) - loss(0.0, 1.0001), -0.0002, atol=1e-6)
