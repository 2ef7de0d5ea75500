"""Published national and regional numbers, to print beside a table (`published.toml`)."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class PublishedBand:
    """A range of published values of a measure (total, mean, trend) of a quantity in a region."""

    quantity: str
    region: str
    measure: str
    unit: str
    low: float
    high: float
    source: str

    def place(self, value: float) -> str:
        """Where a value lies: "within", "below", "above"; "" for NaN.

        >>> PublishedBand("gpp", "China", "total", "Pg yr-1", 4.0, 8.0, "").place(3.2)
        'below'
        """
        if value != value:
            return ""
        return "below" if value < self.low else "above" if value > self.high else "within"


@cache
def published_bands() -> tuple[PublishedBand, ...]:
    """All bands, in the order of the file."""
    table = tomllib.loads(files("terraflux.evaluation.comparison").joinpath("published.toml").read_text(encoding="utf-8"))
    return tuple(PublishedBand(**one) for one in table["band"])
