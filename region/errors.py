"""What stops a regional run, or one tile of it."""

from terraflux.drivers.errors import ForcingError


class RegionError(ForcingError):
    """A run, or a tile of it, that cannot go on; the message names file, variable, unit, time and the remedy."""


class DiskFull(RegionError):
    """No room for output: everything committed before stands, and the run goes on when there is room."""


class Stopped(Exception):
    """The run was asked to stop, has committed what was done and goes on when it is started again."""
