"""The national example from the invented country to the page: parameters, runs, products, comparisons, attribution.

    national_example("example", NationChoices(resolution=0.5))

Every stage leaves files and a line in the ledger of the folder; started again, what is finished is left as it is and a run goes
on from its checkpoints.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from terraflux.assimilation.parameter_maps import write_parameter_maps, write_plant_parameters
from terraflux.assimilation.plant_type_draws import most_members, plant_type_draws
from terraflux.cli.progress import Progress
from terraflux.drivers.synthetic_nation import SyntheticNation
from terraflux.evaluation.comparison.compare import compare
from terraflux.evaluation.comparison.fields import Fields
from terraflux.evaluation.comparison.read_product import read_product
from terraflux.evaluation.comparison.regions import region_sources, regions_of_china
from terraflux.evaluation.trends.trend import trend
from terraflux.nation_choices import Ledger, NationChoices
from terraflux.nation_points import modis_at_towers
from terraflux.nation_products import write_products
from terraflux.nation_progress import Watch
from terraflux.region.configuration import choices_from
from terraflux.region.errors import RegionError, Stopped
from terraflux.region.export import export_region
from terraflux.region.factor_store import FACTORS, factor_store
from terraflux.region.results import RegionResults, open_results
from terraflux.region.run import run_region
from terraflux.region_fields import run_fields
from terraflux.report.write_comparison import write_comparison

MONTHLY = ("gross_primary_production", "net_primary_production", "net_ecosystem_exchange", "evapotranspiration",
           "transpiration", "latent_heat", "leaf_area_index", "surface_runoff", "drainage", "soil_moisture_stored",
           "snow_water_equivalent", "air_temperature", "precipitation")
FLUXES = ("gross_primary_production", "evapotranspiration")
ANNUAL = (*FLUXES, "net_ecosystem_exchange", "precipitation", "active_layer_depth", "frozen_day")
EXPORTED = ("gpp", "npp", "nee", "evspsbl", "tran", "hfls", "lai", "mrro", "mrso", "snw", "tas", "pr")
PHYSICAL_CYCLES, CARBON_CYCLES = 1, 2
SHORT = {"gross_primary_production": "gpp", "evapotranspiration": "et"}
ALL_FACTORS = "+".join(FACTORS)


def factor_runs() -> dict[str, tuple[str, ...]]:
    """Runs of the attribution by name: all factors vary, all but one, none."""
    chosen = [FACTORS, *(tuple(one for one in FACTORS if one != left_out) for left_out in FACTORS), ()]
    return {"+".join(one) or "none": one for one in chosen}


class NationalExample:
    """The stages of an example in `folder`. `run` goes through them; `threads` of 0 are all cores."""

    def __init__(self, folder: str | os.PathLike[str], choices: NationChoices, *, threads: int = 0,
                 data: Path | None = None, figures: bool = True, progress: Progress | None = None) -> None:
        self.folder, self.choices, self.threads, self.data, self.figures = Path(folder), choices, threads, data, figures
        self.ledger = Ledger(self.folder, choices)
        self.progress = progress or Progress()
        self.watch = Watch(self.progress, {})

    def run(self) -> Path:
        """Go through all stages that are not done; returns the page.

        Raises Stopped where a run was asked to stop, RegionError where one failed; both go on when started again.
        """
        from terraflux.report.write_nation import write_nation

        self.folder.mkdir(parents=True, exist_ok=True)
        self.ledger.write()
        stages = self.stages()
        self.watch = Watch(self.progress, self._work([name for name in stages if not self.ledger.done(name)]))
        for name, stage in stages.items():
            if self.ledger.done(name):
                continue
            self.progress.start(name)
            with self.ledger.stage(name) as facts:
                stage(facts)
        return write_nation(self.folder, asdict(self.choices), self.ledger.stages)

    def stages(self) -> dict[str, Callable[[dict[str, Any]], None]]:
        """Stages in order by name; each fills the facts that the page tells."""
        made: dict[str, Callable[[dict[str, Any]], None]] = {
            "parameters": self._parameters, "run nation": self._nation, "export": self._export,
            "maps and trends": self._maps, "run other": self._other, "products": self._products, "comparison": self._comparison}
        if self.choices.attribution:
            made |= {f"run {name}": self._factor(name, varying) for name, varying in factor_runs().items()}
            made["attribution"] = self._attribution
        if self.choices.members:
            made |= {"run members": self._members, "ensemble": self._ensemble}
        if self.data is not None:
            made["towers"] = self._towers
        return made

    # ---- runs

    def _work(self, names: list[str]) -> dict[str, float]:
        """Cell-years of the runs that are to be done, those of the spin-up included."""
        years = self.choices.years + self.choices.spin_up_years * (PHYSICAL_CYCLES + CARBON_CYCLES)
        cells = {size: self._nation_of(size).cells.latitude.size / self.choices.every * years
                 for size in {self.choices.resolution, self.choices.coarse}}
        made = {name: cells[self.choices.resolution if name == "run nation" else self.choices.coarse] for name in names
                if name.startswith("run ")}
        if "run members" in made:
            made["run members"] *= self.choices.members
        return made

    def _nation_of(self, resolution: float) -> SyntheticNation:
        return SyntheticNation(resolution, seed=self.choices.seed)

    def _run(self, name: str, table: dict[str, Any], facts: dict[str, Any]) -> RegionResults:
        """Run a region in runs/NAME, or go on with it."""
        run = {"first": f"{self.choices.first}-01-01", "last": f"{self.choices.last}-12-31", "every": self.choices.every,
               "spin_up_years": self.choices.spin_up_years, "physical_cycles": PHYSICAL_CYCLES,
               "spin_up_cycles": CARBON_CYCLES, "threads": self.threads}
        folder = self.folder / "runs" / name.removeprefix("run ").replace("+", "_")
        self.watch.begin(name)
        result = run_region(choices_from({"title": f"national example: {name}", "run": run, **table}, folder=self.folder),
                            folder=folder, progress=self.watch.update)
        if result.status == "stopped":
            raise Stopped
        if result.status != "done":
            raise RegionError("; ".join(result.troubles), file=folder, remedy="see above, then run the same command again")
        self.watch.end()
        results = open_results(folder)
        facts |= {"cells": int(results.static("latitude").size), "years": self.choices.years,
                  "cell_years": int(results.static("latitude").size) * self.choices.years, "folder": folder.name,
                  "waited_share": max(result.waited_share, facts.get("waited_share", 0.0))}
        return results

    def _synthetic(self, resolution: float) -> dict[str, Any]:
        return {"synthetic": resolution, "seed": self.choices.seed}

    def _parameters(self, facts: dict[str, Any]) -> None:
        """Parameters of plant types from calibrated towers: medians, and maps with their members."""
        draws = plant_type_draws(most_members())
        write_plant_parameters(self.folder / "parameters.toml", draws)
        cells = self._nation_of(self.choices.resolution).cells
        share = xr.DataArray(cells.plant_share, dims=("plant_type", "cell"), coords={
            "plant_type": list(SyntheticNation.plant_types), "lat": ("cell", cells.latitude), "lon": ("cell", cells.longitude)})
        fractions = share.set_index(cell=["lat", "lon"]).unstack("cell")
        write_parameter_maps(self.folder / "parameters.nc", draws, fractions,
                             history="terraflux region example: SYNTHETIC nation, plants of no real place")
        land = cells.area * cells.land_fraction
        of = dict(zip(SyntheticNation.plant_types, (cells.plant_share * land).sum(axis=1) / land.sum()))
        facts["calibrated"] = [code for code in SyntheticNation.plant_types if code in draws]
        facts["calibrated_share"] = float(sum(of[code] for code in facts["calibrated"]))

    def _nation(self, facts: dict[str, Any]) -> None:
        """The nation with calibrated parameters."""
        results = self._run("run nation", {"forcing": self._synthetic(self.choices.resolution),
                                           "parameters": {"file": "parameters.toml"},
                                           "output": {"monthly": MONTHLY, "annual": ANNUAL}}, facts)
        facts |= _national(results)

    def _other(self, facts: dict[str, Any]) -> None:
        """A coarse run with default parameters, which products are made of."""
        results = self._run("run other", {"forcing": self._synthetic(self.choices.coarse), "output": {
            "monthly": (*FLUXES, "latent_heat"), "annual": FLUXES, "daily": ("gross_primary_production",)}}, facts)
        facts |= _national(results)

    def _factor(self, name: str, varying: tuple[str, ...]) -> Callable[[dict[str, Any]], None]:
        """A coarse run in which only some factors vary, from a store that goes when the run is done."""
        def stage(facts: dict[str, Any]) -> None:
            place = self.folder / "forcing" / f"{name.replace('+', '_')}.zarr"
            factor_store(self._nation_of(self.choices.coarse), place, self.choices.first, self.choices.last, varying=varying,
                         progress=self.progress.update)
            results = self._run(f"run {name}", {
                "forcing": {"store": str(place.relative_to(self.folder))}, "parameters": {"file": "parameters.toml"},
                "output": {"monthly": FLUXES, "annual": FLUXES}}, facts)
            facts |= _national(results)
            shutil.rmtree(place)
        return stage

    def _members(self, facts: dict[str, Any]) -> None:
        """Members of the posterior side by side."""
        self._run("run members", {"forcing": self._synthetic(self.choices.coarse),
                                  "parameters": {"map": "parameters.nc", "members": self.choices.members},
                                  "output": {"monthly": FLUXES, "annual": FLUXES}}, facts)

    # ---- what is made of them

    def _fields(self, run: str, variable: str, name: str) -> Fields:
        return run_fields(self.folder / "runs" / run, variable, name)

    def _export(self, facts: dict[str, Any]) -> None:
        """CF files of the nation's months."""
        files = export_region(self.folder / "runs" / "nation", self.folder / "export", variables=EXPORTED,
                              progress=self.progress.update)
        facts["files"] = sorted(path.name for path in files)

    def _compare(self, place: str, fields: list[Fields], **more: Any) -> None:
        found = compare(fields, regions_of_china(), progress=self.progress.start, **more)
        write_comparison(found, self.folder / place, figures=self.figures, sources=region_sources(),
                         progress=self.progress.start)

    def _maps(self, facts: dict[str, Any]) -> None:
        """The nation alone, on its own cells: maps, trends, tables."""
        for variable in FLUXES:
            self._compare(SHORT[variable], [self._fields("nation", variable, "nation")])
        facts["folders"] = [SHORT[variable] for variable in FLUXES]

    def _products(self, facts: dict[str, Any]) -> None:
        """Made-up products."""
        files = write_products(self.folder / "runs" / "other", self.folder / "products", self.choices.seed)
        facts["files"] = [path.name for path in files]

    def _comparison(self, facts: dict[str, Any]) -> None:
        """The nation against the made-up products."""
        products = self.folder / "products"
        for place, variable, file, profile, quality in (
                ("gpp_months", "gross_primary_production", "synthetic_monthly_gpp.nc", "mte", "all"),
                ("gpp_8day", "gross_primary_production", "synthetic_8day_gpp.nc", "mod17a2h", "main"),
                ("et_months", "evapotranspiration", "synthetic_monthly_le.nc", "mte", "all")):
            other = read_product(products / file, variable, profile=profile, quality=quality, name="made-up product")
            self._compare(f"comparison_{place}", [self._fields("nation", variable, "nation"), replace(other, synthetic=True)])
            facts.setdefault("folders", []).append(f"comparison_{place}")

    def _attribution(self, facts: dict[str, Any]) -> None:
        """Effects of carbon dioxide, climate and leaf area."""
        for variable in FLUXES:
            fields = [self._fields(name.replace("+", "_"), variable, name) for name in factor_runs()]
            self._compare(f"attribution_{SHORT[variable]}", fields, factorial=True, reference=ALL_FACTORS)
        facts["folders"] = [f"attribution_{SHORT[variable]}" for variable in FLUXES]

    def _ensemble(self, facts: dict[str, Any]) -> None:
        """Spread of the members' national numbers."""
        results = open_results(self.folder / "runs" / "members")
        facts["members"] = [_national(results, member) for member in range(self.choices.members)]

    def _towers(self, facts: dict[str, Any]) -> None:
        """MODIS around real towers against their fluxes: the way of the comparison at points, with real data."""
        facts["points"] = modis_at_towers(self.data) if self.data is not None else []


def _national(results: RegionResults, member: int = 0) -> dict[str, Any]:
    """National yearly totals and means of the annual store of a run, with their trends."""
    edges = results.edges("annual")
    days = np.diff(edges).astype(float)
    years = edges[:-1].astype("datetime64[Y]").astype(int) + 1970
    land = float((results.static("area") * results.static("land_fraction")).sum()) * (1.0 - results.masked_share)
    facts: dict[str, Any] = {"land_km2": land * 1e-6, "masked_share": results.masked_share,
                             "masked_cells": len({one.cell for one in results.masked})}
    for name, scale in (("gross_primary_production", 1e-15), ("evapotranspiration", 1.0 / land)):
        yearly = results.totals("annual", name)[:, member] * days * 86400.0 * scale
        facts[SHORT[name]] = {"unit": "Pg yr-1" if scale == 1e-15 else "mm yr-1", "mean": float(yearly.mean()),
                              "years": years.tolist(), "values": yearly.tolist()}
        if yearly.size >= 10:
            line = trend(yearly, years)
            facts[SHORT[name]] |= {"trend": float(line.slope), "lower": float(line.lower), "upper": float(line.upper),
                                   "p": float(line.p), "p_plain": float(line.p_plain), "rho": float(line.rho)}
    return facts
