"""One look for every figure: colours, fonts, labels."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

SIMULATED = "#0b6e74"
OBSERVED = "#d9622b"
QUIET = "#8a9299"
INK = "#22282d"
SIMULATED_LABEL = "simulated"
OBSERVED_LABEL = "observed"
SYNTHETIC_LABEL = "synthetic observation"
DOTS_PER_INCH = 110
MOST_TICKS = 6

SETTINGS: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # as it would be; without it every drawing measures all ticks to see if a title must move
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#e3e7ea",
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "figure.facecolor": "white",
}

NAMES = {
    "net_radiation": "Net radiation",
    "latent_heat": "Latent heat",
    "sensible_heat": "Sensible heat",
    "ground_heat_flux": "Ground heat",
    "gross_primary_production": "Gross primary production",
    "ecosystem_respiration": "Ecosystem respiration",
    "net_ecosystem_exchange": "Net ecosystem exchange",
    "evapotranspiration": "Evapotranspiration",
}


def readable_name(name: str) -> str:
    """Name of a variable for titles: words with a capital."""
    return NAMES.get(name, name.replace("_", " ").capitalize())


def titled(name: str, unit: str) -> str:
    """Title of a panel: name and unit."""
    return f"{readable_name(name)} ({unit})" if unit else readable_name(name)


@contextmanager
def drawing(width: float, height: float) -> "Iterator[Figure]":
    """A figure (inches) with the common look, drawn without a screen and held by no global list."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(SETTINGS):
        figure = Figure(figsize=(width, height), layout="constrained", dpi=DOTS_PER_INCH)
        FigureCanvasAgg(figure)
        yield figure


def date_axis(axes: "Axes") -> None:
    """Short dates, as few as fit."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=4, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def png(figure: "Figure") -> bytes:
    """The figure as a PNG; the same figure gives the same bytes."""
    from io import BytesIO

    from matplotlib import rc_context

    buffer = BytesIO()
    with rc_context(SETTINGS):
        for axes in figure.axes:
            _settle(axes.xaxis)
            _settle(axes.yaxis)
        engine = figure.get_layout_engine()
        if engine is not None:  # laid out once here, or saving would lay out and draw twice
            engine.execute(figure)
            figure.set_layout_engine("none")
        figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None},
                       pil_kwargs={"compress_level": 4})
    return buffer.getvalue()


def _settle(axis: "Axis") -> None:
    """Work out once what drawing and layout would otherwise each work out several times: ticks, places of no label."""
    from matplotlib.dates import AutoDateLocator
    from matplotlib.ticker import AutoLocator, FixedFormatter, FixedLocator, MaxNLocator

    if not axis.get_label_text():
        axis.set_label_coords(0.5, 0.5)
    if isinstance(axis.get_major_locator(), AutoLocator):
        axis.set_major_locator(MaxNLocator(nbins=MOST_TICKS, steps=[1, 2, 2.5, 5, 10]))
    if isinstance(axis.get_major_locator(), (AutoDateLocator, MaxNLocator)):
        places = axis.get_majorticklocs().tolist()
        formatter = axis.get_major_formatter()
        labels = FixedFormatter(formatter.format_ticks(places))
        labels.set_offset_string(formatter.get_offset())
        axis.set_major_locator(FixedLocator(places))
        axis.set_major_formatter(labels)
