"""The season of a parameter on the page of a calibration: before (constant) and after, as a figure and by months."""

from typing import TYPE_CHECKING

from terraflux.assimilation.seasonal_course import SeasonalCourse, has_season, seasonal_courses
from terraflux.report.fit_review import Review
from terraflux.report.style import INK, QUIET, SIMULATED, date_axis, drawing, titled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")


def courses_of(review: Review) -> list[SeasonalCourse]:
    """A course of every parameter with a season; none without."""
    return seasonal_courses(review.fit) if has_season(review.fit.target) else []


def season(review: Review) -> "Figure":
    """Parameters with a season over the years of calibration: default, best point and central 90 % of the posterior.

    Raises ValueError where there is none.
    """
    courses = courses_of(review)
    if not courses:
        raise ValueError("the problem has no season")
    with drawing(9.0, 2.1 * len(courses) + 0.4) as figure:
        panels = figure.subplots(len(courses), 1, squeeze=False)[:, 0]
        for panel, one in zip(panels, courses, strict=True):
            panel.fill_between(one.days, one.low, one.high, color=SIMULATED, alpha=0.25, lw=0, label="90 % of the posterior")
            panel.plot(one.days, one.mode, color=SIMULATED, label="calibrated")
            panel.axhline(one.default, color=QUIET, ls="--", label="default, without a season")
            seen = {stream.name: stream.when for stream in review.periods[0].target.streams}
            for when in seen.values():
                days = when.astype("datetime64[D]")
                panel.plot(days, 0.0 * days.astype(float), "|", color=INK, ms=4, transform=panel.get_xaxis_transform(),
                           clip_on=False)
            panel.set_title(titled(one.key.replace("@", " of "), one.unit))
            date_axis(panel)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def month_rows(review: Review) -> list[list[str]]:
    """Cells of the months: parameter, unit, month, before, after, 5 % and 95 %."""
    rows = []
    for one in courses_of(review):
        means = [one.monthly(values) for values in (one.mode, one.low, one.high)]
        rows += [[one.key.replace("_", " "), one.unit, MONTHS[month - 1], f"{one.default:.4g}",
                  *(f"{values[k]:.4g}" for values in means)] for k, month in enumerate(one.months)]
    return rows
