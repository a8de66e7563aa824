"""Expressions: one public class, whose methods stand in a file a topic, over the private class of the extension.

A method is a signature, a docstring and one call by name. See "A frame function" in CONTRIBUTING.md.
"""

from gradframe._expr.expr import Expr, NameNamespace
from gradframe._expr.when import Then, When, when

__all__ = ["Expr", "NameNamespace", "Then", "When", "when"]
