"""Every failure that l1ae can explain, each with the way out in its message.

A message is one line. The command line prints it and exits with `exit_code`; nothing else is shown.
"""


class L1aeError(Exception):
    """Base class: a failure whose message tells the user what to do."""

    exit_code = 2


class ConfigError(L1aeError):
    """A configuration that cannot be read or that asks for something impossible."""


class DataError(L1aeError):
    """An event file that is missing, truncated, of the wrong shape, or holds impossible values."""


class RunFolderError(L1aeError):
    """A run folder that is missing, incomplete, or belongs to another run."""


class ConversionError(L1aeError):
    """A model that cannot be turned into firmware exactly; names the layer, the option and the fix."""


class ToolchainError(L1aeError):
    """A program or a package that is needed and missing, or that failed; names the log."""


class VerificationError(L1aeError):
    """Two implementations of one model that differ; the record says where."""

    exit_code = 1


class DifferenceError(L1aeError):
    """Two samples of events that lie further apart than the user allowed."""

    exit_code = 1


class BudgetError(L1aeError):
    """Firmware that costs more than its budget allows, as counted, not estimated."""

    exit_code = 1


class RegressionError(L1aeError):
    """Figures of a run that are worse than those of its baseline."""

    exit_code = 1
