"""Where woven modules live: stored under a hash of all they depend on, so that a compiled copy never belongs to others.

numba's own cache watches only the file of the compiled function. A woven module holds all its physics, and its name
holds a hash of its text, of `lane_math`, of numba's version and of the processor, so a stale copy cannot be loaded.
"""

import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import ModuleType

import llvmlite
import llvmlite.binding
import numba

from terraflux.model.weave import compiling, lane_math

KEEP = 20
SPARED_SECONDS = 3600.0  # a module used this recently may be in use by another process
USED = "used"
IMPORTING = threading.Lock()


def cache_folder() -> Path:
    """Folder of woven modules: $TERRAFLUX_CACHE, else the user's cache folder, else one for temporary files.

    Raises OSError if none can be written.
    """
    named = os.environ.get("TERRAFLUX_CACHE")
    if named:
        return _writable(Path(named))
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    if sys.platform == "darwin":
        user = Path("~/Library/Caches").expanduser()
    elif sys.platform == "win32":
        user = Path(os.environ.get("LOCALAPPDATA") or Path("~").expanduser())
    try:
        return _writable(user / "terraflux")
    except OSError:
        return _own_temporary_folder()


def _own_temporary_folder() -> Path:
    """A folder that only this user can have made: code is imported from it."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"terraflux-{user}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    facts = folder.lstat()
    if hasattr(os, "getuid") and (folder.is_symlink() or facts.st_uid != user or facts.st_mode & 0o022):
        return Path(tempfile.mkdtemp(prefix="terraflux-"))
    return _writable(folder)


def _writable(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryFile(dir=folder):
        return folder


def digest(text: str) -> str:
    """Hash of a module's text and of everything else that its compiled form depends on."""
    parts = (
        text,
        Path(lane_math.__file__).read_text(encoding="utf-8"),
        Path(compiling.__file__).read_text(encoding="utf-8"),
        numba.__version__,
        llvmlite.__version__,
        sys.version,
        llvmlite.binding.get_host_cpu_name(),
        llvmlite.binding.get_host_cpu_features().flatten(),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]


def module_from(text: str, label: str, folder: Path | None = None) -> ModuleType:
    """Stores the text in a folder of its own, named by its hash, and imports it; a second call finds both.

    Processes and threads may do this at the same time: the file appears whole or not at all. Older modules are pruned.
    """
    name = f"woven_{label}_{digest(text)}"
    with IMPORTING:
        if name in sys.modules:
            return sys.modules[name]
        root = folder or cache_folder()
        path = _stored(text, root / name)
        prune(root, spare=name)
        return _imported(name, path)


def _stored(text: str, home: Path) -> Path:
    path = home / f"{home.name}.py"
    home.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        handle, draft = tempfile.mkstemp(dir=home, suffix=".draft")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(draft, path)
    (home / USED).touch()
    return path


def _imported(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def is_compiled(module: ModuleType) -> bool:
    """Has numba already stored compiled code of this module beside it?"""
    return any(Path(str(module.__file__)).parent.glob("__pycache__/*.nbi"))


def prune(root: Path, spare: str = "", keep: int = KEEP, spared_seconds: float = SPARED_SECONDS,
          pattern: str = "woven_*") -> list[str]:
    """Deletes all but the most recently used woven modules (or folders of a pattern); returns the names deleted.

    `spare` and modules used less than `spared_seconds` ago stay in any case.
    """
    ages: dict[Path, float] = {}
    for home in root.glob(pattern):
        try:
            ages[home] = time.time() - (home / USED).stat().st_mtime
        except FileNotFoundError:
            continue  # another process is just making or deleting it
    old = sorted(ages, key=lambda home: ages[home])[keep:]
    gone = [home for home in old if home.name != spare and ages[home] > spared_seconds]
    for home in gone:
        shutil.rmtree(home, ignore_errors=True)
    return [home.name for home in gone]
