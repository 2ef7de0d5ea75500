"""Attributes of whole files: what CF asks for, and where every number comes from."""

import json
import platform
from collections.abc import Mapping
from datetime import datetime
from importlib import metadata

PACKAGES = ("numpy", "numba", "llvmlite", "xarray", "netCDF4")
REFERENCES = "papers of every process and parameter: terraflux reference pages (docs/reference) and docstrings"


def version() -> str:
    """Version of the installed package, "unknown" where it is not installed."""
    try:
        return metadata.version("terraflux")
    except metadata.PackageNotFoundError:
        return "unknown"


def versions() -> str:
    """Versions that decide the numbers of a run: terraflux, Python, numpy, numba, and what writes the file."""
    found = [f"terraflux {version()}", f"python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def text_attribute(value: object) -> object:
    """An attribute value that netCDF can hold: numbers and text stay, truth becomes 0 or 1, the rest JSON text."""
    if isinstance(value, bool):
        return int(value)
    if value is None:
        return ""
    if isinstance(value, (Mapping, list, tuple, set)):
        plain = sorted(value) if isinstance(value, set) else value
        return json.dumps(plain, default=str, ensure_ascii=False)
    if isinstance(value, (str, int, float)) or type(value).__module__ == "numpy":
        return value
    return str(value)


def global_attributes(attrs: Mapping[object, object], title: str, institution: str, history: str,
                      now: datetime) -> dict[str, object]:
    """Attributes of a file: CF's first, then all that the simulation carries (site, options, parameters, closures).

    `history` is a sentence on how the run was started. A synthetic tower is named synthetic in the title.
    """
    site = str(attrs.get("site_name") or attrs.get("site_id") or "")
    synthetic = bool(int(str(attrs.get("synthetic", 0) or 0)))
    made = {
        "Conventions": "CF-1.8",
        "title": title or f"terraflux simulation{f' of {site}' if site else ''}"
                          + (" (SYNTHETIC tower, not a real place)" if synthetic else ""),
        "institution": institution or str(attrs.get("institution", "") or "not stated"),
        "source": f"terraflux {version()}, column land-surface model, driven by tower observations",
        "history": f"{now:%Y-%m-%dT%H:%M:%SZ} terraflux {version()}: {history or 'simulation written'}",
        "references": str(attrs.get("references", "") or REFERENCES),
    }
    made["versions"] = str(attrs.get("versions", "") or versions())
    earlier = attrs.get("history") or attrs.get("forcing_history")
    if earlier:
        lines = earlier if isinstance(earlier, (list, tuple)) else [earlier]
        made["history"] += "\n" + "\n".join(map(str, lines))
    rest = {str(key): text_attribute(value) for key, value in attrs.items() if str(key) not in made}
    return {**made, **rest}
