"""Why firmware differs from its circuit: the first layer that does, and the rule that gives the words it shows."""

from l1ae.explain.explanation import Explanation
from l1ae.explain.search import explain

__all__ = ["Explanation", "explain"]
