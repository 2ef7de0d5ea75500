"""How a leaf answers to light and to carbon dioxide: the processes of the model called as plain functions.

    python examples/leaf_response.py

Draws leaf_response.png: net assimilation of a C3 and a C4 leaf at 25 degC. Nothing is compiled; a process is a function.
"""

import matplotlib
import numpy as np

from terraflux.model.photosynthesis import farquhar, not_acclimated

matplotlib.use("Agg")

import matplotlib.pyplot as plt

LEAF_TEMPERATURE = 25.0  # degC
CAPACITY = {"C3": 60.0, "C4": 35.0}  # umol m-2 s-1 of carboxylation at 25 degC
ELECTRON_YIELD = 0.425  # electrons transported per absorbed photon
DARK_RATIO = {"C3": 0.015, "C4": 0.025}
PICTURE = "leaf_response.png"


def net_assimilation(pathway: str, inside: float, light: float, stress: float = 1.0) -> float:
    """Net assimilation (umol m-2 s-1) from carbon dioxide inside the leaf (umol mol-1) and absorbed light (umol m-2 s-1).

    `stress` (0..1) is soil moisture stress on capacity.
    """
    ratio, carboxylation_loss, transport_loss = not_acclimated(1.8)
    gross, dark, _, _ = farquhar(LEAF_TEMPERATURE, inside, light, ELECTRON_YIELD, CAPACITY[pathway], stress, ratio,
                                 carboxylation_loss, transport_loss, DARK_RATIO[pathway], 1.0, 1.0 if pathway == "C4" else 0.0)
    return float(gross - dark)


def compensation_point(pathway: str) -> float:
    """Carbon dioxide inside the leaf (umol mol-1) at which a bright leaf neither gains nor loses, by bisection."""
    low, high = 0.0, 400.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if net_assimilation(pathway, middle, 1500.0) < 0.0 else (low, middle)
    return 0.5 * (low + high)


def main() -> None:
    """Draws both responses and prints the compensation points."""
    figure, (by_light, by_carbon) = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    light, carbon = np.linspace(0.0, 1800.0, 91), np.linspace(0.0, 1000.0, 101)
    for pathway, inside in (("C3", 280.0), ("C4", 150.0)):
        by_light.plot(light, [net_assimilation(pathway, inside, one) for one in light], label=pathway)
        by_carbon.plot(carbon, [net_assimilation(pathway, one, 1500.0) for one in carbon], label=pathway)
        print(f"{pathway}: {net_assimilation(pathway, inside, 1500.0):.1f} umol m-2 s-1 in bright light, "
              f"compensation at {compensation_point(pathway):.0f} umol mol-1")
    by_light.set(xlabel="absorbed light (µmol m⁻² s⁻¹)", ylabel="net assimilation (µmol m⁻² s⁻¹)")
    by_carbon.set(xlabel="carbon dioxide inside the leaf (µmol mol⁻¹)")
    by_light.legend(frameon=False)
    figure.savefig(PICTURE, dpi=120)
    print(PICTURE)


if __name__ == "__main__":
    main()
