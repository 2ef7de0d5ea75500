"""How well and how fast the improved regression tree predicts: towers it has not seen, test functions, 200,000 rows.

    python benchmarks/regression_tree.py                      all, about an hour
    python benchmarks/regression_tree.py --few                fewer rivals, about ten minutes
    python benchmarks/regression_tree.py --targets NEE_VUT_REF
    python benchmarks/regression_tree.py --json result.json   writes what was found

Towers: monthly fluxes of the shared FLUXNET2015 sites from weather a map has as well. Every site, with its neighbours
within 100 km, is predicted by models of all others. Rivals have their usual defaults; those called tuned choose settings
inside the training sites only, by grouped folds. The settings `for_sites` of the improved tree were chosen while looking at the
two targets marked so (LE, ecosystem respiration), not at the others. Differences carry a 95 % interval from drawing
sites with replacement.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from terraflux.products.regression_tree import ImprovedRegressionTree
from terraflux.products.regression_tree.cross_validation import (
    left_out_predictions,
    left_out_scores,
    rmse_difference,
    site_blocks,
)

TARGETS = {"GPP_NT_VUT_REF": "NEE_VUT_REF_QC", "GPP_DT_VUT_REF": "NEE_VUT_REF_QC", "NEE_VUT_REF": "NEE_VUT_REF_QC",
           "RECO_NT_VUT_REF": "NEE_VUT_REF_QC", "LE_F_MDS": "LE_F_MDS_QC"}
WEATHER = ("TA_F", "SW_IN_F", "LW_IN_F", "VPD_F", "P_F")
LAGGED = ("TA_F", "SW_IN_F", "P_F", "VPD_F")
QUALITY = 0.5  # least share of measured or well filled data in a month
NEAR = 100.0  # km
OURS = "improved tree for sites"
CHOSEN_ON = ("LE_F_MDS", "RECO_NT_VUT_REF")


def tower_table(folder: Path) -> Any:
    """Monthly rows of all sites as a data frame: site, block, targets, and predictors whose names begin with x_."""
    import pandas as pd

    sites = pd.read_csv(folder / "sites.csv").set_index("site_id")
    frames = []
    for path in sorted(folder.glob("*/*_monthly.csv")):
        rows = pd.read_csv(path, na_values=[-9999])
        table = pd.DataFrame({"site": path.parent.name, **{name: rows[name] for name in (*TARGETS, *set(TARGETS.values()))}})
        months = pd.to_datetime(rows["TIMESTAMP"].astype(str), format="%Y%m")
        southern = 6.0 if sites.loc[path.parent.name, "lat"] < 0.0 else 0.0
        phase = 2.0 * np.pi * (months.dt.month - 0.5 + southern) / 12.0
        for name in WEATHER:
            table[f"x_{name}"] = rows[name]
        for name in LAGGED:
            table[f"x_{name}_before"] = rows[name].shift(1)
            table[f"x_{name}_quarter"] = rows[name].rolling(3, min_periods=1).mean()
        table["x_P_F_year"] = rows["P_F"].rolling(12, min_periods=1).mean()
        table["x_MAT"] = rows["TA_F"].mean()
        table["x_MAP"] = 365.25 * rows["P_F"].mean()
        table["x_cos"], table["x_sin"] = np.cos(phase), np.sin(phase)
        frames.append(table)
    table = pd.concat(frames, ignore_index=True)
    classes = sites.loc[table["site"], "igbp"].to_numpy()
    for kind in sorted(set(classes)):
        table[f"x_{kind}"] = (classes == kind).astype(float)
    names = table["site"].unique()
    block = site_blocks(sites.loc[names, "lat"], sites.loc[names, "lon"], NEAR)
    table["block"] = table["site"].map(dict(zip(names, block, strict=True)))
    return table.dropna(subset=[name for name in table if name.startswith("x_")])


def rivals(few: bool) -> dict[str, Any]:
    """Models to compare, by name."""
    from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
    from sklearn.linear_model import LinearRegression
    from sklearn.tree import DecisionTreeRegressor

    found = {
        "CART, tuned": Tuned(DecisionTreeRegressor(random_state=0), {"min_samples_leaf": [5, 10, 20, 40, 80]}),
        "M5 (deviation, below, unpenalised)": ImprovedRegressionTree(
            committees=1, criterion="deviation", attributes="below", split_cost=0.0),
        "random forest": RandomForestRegressor(100 if few else 300, random_state=0, n_jobs=1, min_samples_leaf=5,
                                               max_features=1 / 3),
        OURS: ImprovedRegressionTree.for_sites(),
    }
    if not few:
        found |= {
            "linear": LinearRegression(),
            "random forest, tuned": Tuned(RandomForestRegressor(100, random_state=0, n_jobs=1),
                                          {"min_samples_leaf": [2, 10], "max_features": [1 / 3, 1.0]}),
            "gradient boosting": GradientBoostingRegressor(random_state=0),
            "improved tree, 1 committee": ImprovedRegressionTree(committees=1),
            "improved tree, 5 committees": ImprovedRegressionTree(),
            "improved tree, 10 committees": ImprovedRegressionTree(committees=10),
            "improved tree, 5 committees, 5 neighbours": ImprovedRegressionTree(neighbours=5),
            "improved tree, 5 committees, 9 neighbours": ImprovedRegressionTree(neighbours=9),
            "M5 criterion, 5 committees": ImprovedRegressionTree(criterion="deviation"),
        }
    return found


class Tuned:
    """A model whose settings are chosen by five grouped folds within the rows it is given; groups are the last column."""

    def __init__(self, model: Any, settings: dict[str, list[Any]]) -> None:
        self.model = model
        self.settings = settings

    def get_params(self, deep: bool = False) -> dict[str, Any]:
        """Settings, as `clone` asks for them."""
        return {"model": self.model, "settings": self.settings}

    def fit(self, x: Any, y: Any) -> "Tuned":
        """Chooses and fits."""
        from sklearn.model_selection import GridSearchCV, GroupKFold

        search = GridSearchCV(self.model, self.settings, cv=GroupKFold(5), scoring="neg_mean_squared_error")
        self.search = search.fit(x[:, :-1], y, groups=x[:, -1])
        return self

    def predict(self, x: Any) -> Any:
        """Prediction of the chosen model."""
        return self.search.predict(x[:, :-1])


def tower_scores(folder: Path, targets: list[str], few: bool, progress: Any) -> dict[str, Any]:
    """{target: {model: scores}} of leave-site-out predictions."""
    table = tower_table(folder)
    columns = [name for name in table if name.startswith("x_")]
    found: dict[str, Any] = {}
    for target in targets:
        rows = table[(table[TARGETS[target]] >= QUALITY) & table[target].notna()]
        x, y, block = rows[columns].to_numpy(), rows[target].to_numpy(), rows["block"].to_numpy()
        predictions = {}
        for name, model in rivals(few).items():
            progress(f"{target}: {name}")
            inputs = np.column_stack([x, block]) if isinstance(model, Tuned) else x
            predictions[name] = left_out_predictions(model, inputs, y, block)
        found[target] = {"rows": len(rows), "sites": rows["site"].nunique(), "blocks": rows["block"].nunique(), "models": {}}
        for name, prediction in predictions.items():
            scores: dict[str, Any] = left_out_scores(y, prediction, rows["site"])
            scores["rmse_above_ours"] = rmse_difference(y, prediction, predictions[OURS], rows["block"])
            found[target]["models"][name] = scores
    return found


def example_scores() -> dict[str, dict[str, float]]:
    """RMSE on the diabetes set (first 350 rows train, the other 92 test: the split of the reference) and on Friedman 1.

    Friedman 1: 1000 training rows, noise 1, judged on 5000 others; mean of ten seeds. The noise alone gives 1.
    """
    from sklearn.datasets import load_diabetes, make_friedman1
    from sklearn.ensemble import RandomForestRegressor

    def rmse(model: Any, x: Any, y: Any, rows: int) -> float:
        return float(np.sqrt(np.mean((model.fit(x[:rows], y[:rows]).predict(x[rows:]) - y[rows:]) ** 2)))

    x, y = load_diabetes(return_X_y=True)
    found: dict[str, dict[str, float]] = {"diabetes": {}, "friedman1": {}}
    for committees in (1, 5, 20):
        for neighbours in (0, 5):
            name = f"{committees} committees, {neighbours} neighbours"
            found["diabetes"][name] = rmse(ImprovedRegressionTree(committees=committees, neighbours=neighbours), x, y, 350)
    found["diabetes"]["random forest"] = rmse(RandomForestRegressor(300, random_state=0), x, y, 350)
    draws = [make_friedman1(n_samples=6000, noise=1.0, random_state=seed) for seed in range(10)]
    for committees in (1, 10):
        model = ImprovedRegressionTree(committees=committees)
        found["friedman1"][f"{committees} committees"] = float(np.mean([rmse(model, a, b, 1000) for a, b in draws]))
    forest = RandomForestRegressor(100, random_state=0)
    found["friedman1"]["random forest"] = float(np.mean([rmse(forest, a, b, 1000) for a, b in draws[:3]]))
    return found


def speed(rows: int, repeats: int = 3) -> dict[str, float]:
    """Least CPU seconds of fit and predict, one committee, `rows` rows of ten predictors (Cubist 200,000: 36.6 and 10.2)."""
    from sklearn.datasets import make_friedman1

    x, y = make_friedman1(n_samples=rows, noise=1.0, random_state=0)
    model = ImprovedRegressionTree(committees=1)
    model.fit(x[:500], y[:500]).predict(x[:10])
    fits, predicts = [], []
    for _ in range(repeats):
        begin = time.process_time()
        model.fit(x, y)
        middle = time.process_time()
        model.predict(x)
        fits.append(middle - begin)
        predicts.append(time.process_time() - middle)
    return {"rows": rows, "fit_seconds": min(fits), "predict_seconds": min(predicts)}


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Runs the benchmark, prints it and returns what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few", action="store_true", help="CART, M5, a random forest and the improved tree only")
    parser.add_argument("--targets", nargs="+", choices=list(TARGETS), default=list(TARGETS), help="fluxes (default all)")
    parser.add_argument("--rows", type=int, default=200_000, help="rows of the timed fit (default 200,000)")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="folder that holds towers/ (default: the shared data)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found")
    chosen = parser.parse_args(arguments)
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    data = chosen.data or Path(os.environ.get("TERRAFLUX_SHARED_DATA", default))

    def progress(words: str) -> None:
        print(f"  ... {words}", file=sys.stderr, flush=True)

    progress("speed")
    found: dict[str, Any] = {"speed": speed(chosen.rows)}
    print("{rows} rows x 10: fit {fit_seconds:.2f} s, predict {predict_seconds:.3f} s of CPU".format(**found["speed"]))
    progress("diabetes and Friedman 1")
    found["examples"] = example_scores()
    for name, scores in found["examples"].items():
        print(f"\n{name}: RMSE")
        print("\n".join(f"{value:10.4f}  {model}" for model, value in scores.items()))
    if not (data / "towers").is_dir():
        print(f"\nno towers in {data}: give --data", file=sys.stderr)
    else:
        found["towers"] = tower_scores(data / "towers", chosen.targets, chosen.few, progress)
        for target, result in found["towers"].items():
            seen = " (settings chosen on it)" if target in CHOSEN_ON else ""
            print(f"\n{target}{seen}: {result['rows']} months, {result['sites']} sites in {result['blocks']} blocks left out")
            print("      RMSE      R2  R2 between  within   RMSE above ours (95 %)")
            for name, scores in sorted(result["models"].items(), key=lambda item: item[1]["rmse"]):
                more, low, high = scores["rmse_above_ours"]
                print(f"{scores['rmse']:10.3f} {scores['r2']:7.3f} {scores['between_sites_r2']:11.3f}"
                      f" {scores['within_sites_r2']:7.3f}   {more:+.3f} ({low:+.3f} to {high:+.3f})  {name}")
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return found


if __name__ == "__main__":
    main()
