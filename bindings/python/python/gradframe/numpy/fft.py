"""Fourier transforms: the standard's extension."""

from gradframe._array.spectral import *  # noqa: F403
