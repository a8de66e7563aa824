"""Arrays: the public class over the engine's, and the functions of the Array API standard by topic."""

from gradframe._array.core import Array

__all__ = ["Array"]
