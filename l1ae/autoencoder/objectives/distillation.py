"""Distillation: a small student learns the score of a large teacher."""

from typing import Any

from keras import ops


def regression(teacher: Any, student: Any) -> Any:
    """Huber loss (batch,) of the student's score against the teacher's, both (batch, 1).

    Squared up to 1 and linear beyond, so that the few events of the tail do not decide alone (Huber, Ann. Math.
    Statist. 35 (1964) 73); regression of the teacher's score as in CICADA (CMS DP-2023/086).
    """
    distance = ops.absolute(teacher - student)
    return ops.mean(ops.where(distance < 1.0, 0.5 * ops.square(distance), distance - 0.5), axis=-1)
