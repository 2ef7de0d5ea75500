"""`kernel`: compiled functions outside the woven time step, cached so that an edit in any file they use compiles anew.

numba's cache watches only the file that holds a function. A constant or a function edited in another file would leave old
machine code in use. Here the cache folder of a kernel is named by a hash of the text of its file and of every file of
terraflux that this one imports, directly or through others, and of the processor.
"""

import ast
import functools
import hashlib
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from numba import njit
from numba.core import config as numba_config

from terraflux.model.weave.cache import USED, cache_folder, digest, prune


def _file_of(module: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(module)
    except (ModuleNotFoundError, ValueError):
        return None
    return Path(spec.origin) if spec is not None and spec.origin else None


def imported_modules(text: str) -> Iterator[str]:
    """Names of terraflux that a file's imports may refer to: modules, and members that may be modules."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("terraflux."))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("terraflux."):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files_behind(module: str) -> dict[str, Path]:
    """{module: file} of a module and of all modules of terraflux it imports, directly or through others."""
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = None if name in found else _file_of(name)
        if path is not None and path.suffix == ".py":
            found[name] = path
            waiting += imported_modules(path.read_text(encoding="utf-8"))
    return found


@functools.cache
def kernel_folder(module: str) -> Path:
    """Where the compiled kernels of a module are kept."""
    state = hashlib.sha256()
    for name, path in sorted(files_behind(module).items()):
        state.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    folder = cache_folder() / f"kernels_{module.rpartition('.')[2]}_{digest(state.hexdigest())}"
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        prune(folder.parent, spare=folder.name, pattern="kernels_*", keep=100)
    (folder / USED).touch()
    return folder


def kernel(function: Callable[..., Any]) -> Any:
    """Compiles a function at its first call and keeps the machine code; the lock of the interpreter is released inside.

    Division by zero gives inf or NaN, as in numpy. No fast-math: results have the same bits in any loop shape.
    """
    settings: Any = numba_config
    usual = settings.CACHE_DIR
    settings.CACHE_DIR = str(kernel_folder(function.__module__))
    try:
        return njit(cache=True, nogil=True, error_model="numpy")(function)
    finally:
        settings.CACHE_DIR = usual
