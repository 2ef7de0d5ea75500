"""What `terraflux process` and `terraflux observations` share: reading a record, and choices given as NAME=VALUE."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from terraflux.cli.assignments import assignments, guessed

if TYPE_CHECKING:
    from terraflux.sites.processing_choices import ProcessingChoices
    from terraflux.sites.records.tower_record import TowerRecord


def read_with_facts(path: Path, format: str | None, site: str, catalogue_file: Path | None, badm: Path | None,
                    facts: dict[str, float | None], read_option: list[str] | None) -> "TowerRecord":
    """A record of any format with the facts of its tower. Facts given replace those of the file and the catalogue."""
    from terraflux.sites.records import read_record

    given = {name: value for name, value in facts.items() if value is not None}
    options: dict[str, Any] = {name: guessed(value) for name, value in assignments(read_option or [], "--read").items()}
    for name, value in (("site_id", site), ("catalogue_file", catalogue_file), ("badm", badm), ("facts", given)):
        if value:
            options[name] = value
    return read_record(path, format, **options)


def processing_choices(words: list[str] | None, **given: Any) -> "ProcessingChoices":
    """Processing choices from options of their own (None: not given) and NAME=VALUE words."""
    from terraflux.sites.processing_choices import ProcessingChoices, choices_from

    known = {one.name: one.type for one in fields(ProcessingChoices)}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    for name, text in assignments(words or [], "--choice").items():
        if name in chosen:
            raise ValueError(f"{name} is given twice: by an option of its own and by --choice")
        value: Any = guessed(text)
        if name == "partitionings":
            value = tuple(part for part in text.split(",") if part)
        elif known.get(name) == "int" or name in ("ustar_draws", "ustar_levels", "seed"):
            value = _whole(name, value)
        elif isinstance(value, str) and value.lower() == "none" and name == "run_hours":
            value = None
        elif name in ("spike_z", "longest_gap_days", "ustar_threshold", "run_hours") and isinstance(value, str):
            raise ValueError(f"--choice {name}={text!r}: {text!r} is not a number")
        chosen[name] = value
    return choices_from(chosen)


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise ValueError(f"--choice {name}={value!r}: {value!r} is not a whole number")
    return int(value)
