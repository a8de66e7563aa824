"""The files of a program's own: what it consists of, whether a repository has them or not."""

from __future__ import annotations

import os
import sys

# Of a larger file it takes too long to say what is in it.
_BYTES_MAX = 4 << 20
# Where installed packages are, below whatever directory.
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_hashes: dict[tuple[str, int, int], str] = {}


def own_files(directory: str) -> list[tuple[str, str, str]]:
    """The modules below a directory that are imported now, the program itself among them, each with the hash of its file:
    as parts of an environment. Installed packages are not in it."""
    root = os.path.join(os.path.realpath(directory), "")
    found = {}
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or not file.endswith(".py"):
            continue
        path = os.path.realpath(file)
        if path.startswith(root) and not any(part in path for part in _INSTALLED) and (digest := _hash(path)):
            found[path[len(root) :].replace(os.sep, "/")] = digest
    return [("code", name, digest) for name, digest in sorted(found.items())]


def _hash(path: str) -> str | None:
    """SHA-256 of a file; None of one that is gone, or large."""
    import hashlib  # it loads OpenSSL

    try:
        state = os.stat(path)
        key = (path, state.st_mtime_ns, state.st_size)
        if state.st_size > _BYTES_MAX:
            return None
        if key not in _hashes:
            with open(path, "rb") as file:
                _hashes[key] = hashlib.sha256(file.read()).hexdigest()
        return _hashes[key]
    except OSError:
        return None
