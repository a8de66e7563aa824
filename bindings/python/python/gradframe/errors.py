"""What can go wrong, by whose fault it is.

Every error is a `GradframeError` and also one of Python's own, so that both `except gf.errors.PlanError` and
`except ValueError` work. The message reads `op: what is wrong; hint: what to do`. Interruption by Ctrl-C is a
plain `KeyboardInterrupt`.
"""


class GradframeError(Exception):
    """Any error of gradframe."""


class PlanError(GradframeError, ValueError):
    """The query is wrong: syntax, unknown names, unknown options."""


class ShapeError(GradframeError, ValueError):
    """Shapes that do not fit together."""


class OutOfBoundsError(GradframeError, IndexError):
    """A place that an axis does not have, a class that there is not."""


class DTypeError(GradframeError, TypeError):
    """A data type that the operation does not take."""


class ExecutionError(GradframeError, ValueError):
    """The data is wrong: a null label, an infinite feature, a corrupt file."""


class ResourcesError(GradframeError, MemoryError):
    """Memory or disk limits."""


class NoDeviceError(GradframeError, RuntimeError):
    """A device was demanded that is not there."""


class UnsupportedError(GradframeError, NotImplementedError):
    """Correct to ask for, not built yet."""


class ExternalError(GradframeError, OSError):
    """Something outside: file system, network, another program."""


class InternalError(GradframeError, RuntimeError):
    """A bug in gradframe. Please report it."""
