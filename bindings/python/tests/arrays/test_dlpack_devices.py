"""What DLPack is asked for: another device, and memory that PyTorch would write to."""

import gradframe as gf
import numpy as np
import pytest


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_another_device_is_an_error(dtype):
    x = gf.array([1.0, 2.0], dtype=dtype)
    for device in [(2, 0), (1, 1)]:
        with pytest.raises(BufferError, match="on the CPU"):
            x.__dlpack__(max_version=(1, 0), dl_device=device)
    assert x.__dlpack__(max_version=(1, 0), dl_device=(1, 0)) is not None


def called_from(module, x, **options):
    """The capsule as code of that module gets it."""
    space = {"__name__": module}
    exec("def taken(x, **options):\n    return x.__dlpack__(max_version=(1, 0), **options)", space)  # noqa: S102
    return space["taken"](x, **options)


class Capsule:
    def __init__(self, capsule):
        self.capsule = capsule

    def __dlpack__(self, **options):
        return self.capsule

    def __dlpack_device__(self):
        return (1, 0)


def test_pytorch_is_given_a_copy_and_others_the_memory():
    x = gf.array([1.0, 2.0])
    address = x.numpy().__array_interface__["data"][0]
    taken = np.from_dlpack(Capsule(called_from("torch.utils.dlpack", x)))
    assert taken.__array_interface__["data"][0] != address and taken.tolist() == [1.0, 2.0]
    assert np.from_dlpack(Capsule(called_from("jax.dlpack", x))).__array_interface__["data"][0] == address
    with pytest.raises(BufferError, match="without a copy"):
        called_from("torch.utils.dlpack", x, copy=False)
