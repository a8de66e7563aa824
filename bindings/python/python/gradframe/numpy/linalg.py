"""Linear algebra: the standard's extension. Leading axes are batches."""

from gradframe._array.linear import *  # noqa: F403
