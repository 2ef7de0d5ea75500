"""What a user may choose in the processing of a tower record; the defaults reproduce the published DE-Tha 1998 processing."""

from dataclasses import dataclass, fields

from terraflux.drivers.errors import ForcingError, nearest, refuse_unknown_keys
from terraflux.sites.processing.energy_closure import CLOSURES
from terraflux.sites.processing.gap_filling import LONGEST_GAP_DAYS
from terraflux.sites.processing.partitioning import PARTITIONINGS
from terraflux.sites.processing.quality import LONG_RUN_HOURS, Z_USUAL
from terraflux.sites.processing.ustar_threshold import USTAR_METHODS

USTAR_BY = ("year", "season", "single", "none")


@dataclass(frozen=True)
class ProcessingChoices:
    """Choices of `process_tower`; unknown values raise ForcingError with the nearest known one.

    `ustar_by`: thresholds by "year", "season" or "single", or "none" for no filter; `ustar_method` a key of
    `USTAR_METHODS`; `ustar_threshold` (m s-1) a value of your own in place of any method. `ustar_draws` > 0 repeats the
    estimate on rows drawn anew (`seed`) and, with `ustar_levels` thresholds of that distribution, gives the joint error of
    NEE. `ustar_by_day` filters day rows too, `ustar_after_low` the first row after weak turbulence as well.

    `spike_z` is the threshold of the spike test; spikes are always flagged but only left out with `remove_spikes`, since
    network files have been despiked before. `run_hours`: runs of equal NEE this long are left out (None: kept).
    `radiation_balance` is the correction of gap filling for skewed light (Vekuri et al. 2023); gaps longer than
    `longest_gap_days` stay open. `partitionings` are keys of `PARTITIONINGS`; `closure` a key of `CLOSURES` for half
    hours ("daily_ratio" is for days) or "none"; `ground_heat_as_zero` closes the energy balance without ground heat flux.
    """

    ustar_by: str = "year"
    ustar_method: str = "moving_point"
    ustar_threshold: float | None = None
    ustar_draws: int = 0
    ustar_levels: int = 40
    ustar_by_day: bool = False
    ustar_after_low: bool = False
    spike_z: float = Z_USUAL
    remove_spikes: bool = False
    run_hours: float | None = LONG_RUN_HOURS
    radiation_balance: bool = False
    longest_gap_days: float = LONGEST_GAP_DAYS
    partitionings: tuple[str, ...] = ("nighttime", "daytime")
    closure: str = "oneflux"
    ground_heat_as_zero: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "partitionings", tuple(self.partitionings))
        closures = (*(name for name in CLOSURES if name != "daily_ratio"), "none")
        for name, value, known in (("ustar_by", self.ustar_by, USTAR_BY), ("ustar_method", self.ustar_method, USTAR_METHODS),
                                   ("closure", self.closure, closures),
                                   *(("partitionings", one, PARTITIONINGS) for one in self.partitionings)):
            if value not in known:
                raise ForcingError(f"{name} {value!r} is unknown", variable=name, remedy=nearest(value, known))
        if self.ustar_threshold is not None and not 0.0 <= self.ustar_threshold < 5.0:
            raise ForcingError(f"a u* threshold of {self.ustar_threshold:g} is not within 0..5", variable="ustar_threshold",
                               unit="m s-1", remedy="give it in m s-1; usual values are 0.05 to 0.6")
        if self.ustar_draws < 0 or self.ustar_levels < 2:
            raise ForcingError(f"{self.ustar_draws} draws and {self.ustar_levels} levels of the u* threshold make no "
                               "distribution", variable="ustar_draws", remedy="give 0 draws for none, else about 100, and at "
                               "least 2 levels")
        if not self.spike_z > 0.0:
            raise ForcingError(f"spike_z {self.spike_z:g} is not positive", variable="spike_z",
                               remedy="use 4 (strict), 5.5 (usual) or 7 (lenient)")


def choices_from(given: dict[str, object]) -> ProcessingChoices:
    """Choices from keywords; unknown keys are refused with the nearest known one."""
    refuse_unknown_keys(given, [one.name for one in fields(ProcessingChoices)], place="processing choices")
    return ProcessingChoices(**given)  # type: ignore[arg-type]
