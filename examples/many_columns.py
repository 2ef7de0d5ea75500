"""Sixty-four columns at once: how a fortnight of grassland answers to two parameters.

    python examples/many_columns.py

Draws many_columns.png. Every column has its own parameters and state; all share one forcing series. This is how
calibration, sensitivity and grids use the model: the compiled step takes a batch and does not know what it is for.
"""

import matplotlib
import numpy as np
from numpy.typing import NDArray

import terraflux as tf
from terraflux.drivers.datasets import forcing_array
from terraflux.model.column import column_model
from terraflux.model.initial_state import initial_state

matplotlib.use("Agg")

import matplotlib.pyplot as plt

CAPACITIES = np.linspace(30.0, 120.0, 8)  # umol m-2 s-1
SLOPES = np.linspace(2.0, 7.0, 8)  # kPa0.5
SECONDS = 1800.0
PICTURE = "many_columns.png"


def responses() -> dict[str, NDArray[np.float64]]:
    """Mean fluxes by name as arrays [capacity, slope], g m-2 s-1 and kg m-2 s-1, and the largest imbalance of water."""
    tower = tf.synthetic_tower("grassland").between("2021-06-01", "2021-06-14")
    model = column_model()
    grass = tf.parameters("GRA", "loam")
    sets = [grass.replace(carboxylation_capacity=capacity, stomatal_slope_medlyn=slope)
            for capacity in CAPACITIES for slope in SLOPES]
    parameters = np.stack([one.vector(model.table) for one in sets], axis=1)
    state = np.stack([initial_state(model.table, one, 15.0) for one in sets], axis=1)
    forcing = forcing_array(tower.forcing, model.table)
    outputs = {"gross_primary_production": "mean", "transpiration": "mean", "water_closure": "maximum"}
    result = model.run(forcing, parameters, state, {"time_step": SECONDS}, forcing_of=np.zeros(len(sets), int),
                       outputs=outputs, windows=np.zeros(len(forcing), int))
    return {name: result[name][0].reshape(CAPACITIES.size, SLOPES.size) for name in outputs}


def main() -> None:
    """Runs the batch, prints the corners and draws the maps."""
    found = responses()
    daily = {"gross primary production (gC m⁻² d⁻¹)": 86400.0 * found["gross_primary_production"],
             "transpiration (mm d⁻¹)": 86400.0 * found["transpiration"]}
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    for ax, (title, values) in zip(axes, daily.items(), strict=True):
        drawn = ax.contourf(SLOPES, CAPACITIES, values, 12, cmap="viridis")
        figure.colorbar(drawn, ax=ax, label=title)
        ax.set(xlabel="slope of stomatal conductance (kPa$^{0.5}$)")
        print(f"{title}: {values[0, 0]:.2f} to {values[-1, -1]:.2f}")
    axes[0].set(ylabel="carboxylation capacity (µmol m⁻² s⁻¹)")
    figure.savefig(PICTURE, dpi=120)
    print(f"water closes within {found['water_closure'].max():.0e} mm in every step of every column")
    print(PICTURE)


if __name__ == "__main__":
    main()
