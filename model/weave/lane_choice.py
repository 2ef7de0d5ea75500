"""One model for any number of columns: few columns and many use differently woven modules with the same results."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.model.weave.recipe import Item
from terraflux.model.weave.refinement import Disaggregator, Refinement
from terraflux.model.weave.table import Table
from terraflux.model.weave.woven import Progress, Result, Woven, weave

FEW_COLUMNS = 7  # up to here single lanes are faster than a half-empty block
BLOCK = 32


class Model:
    """A recipe with its table, woven when first needed for each number of lanes and each disaggregation.

    Keyword arguments are those of `weave`.
    """

    def __init__(
        self,
        recipe: Sequence[Item],
        table: Table,
        prepare: Sequence[Item] = (),
        *,
        skip: bool = True,
        python: bool = False,
        folder: Path | None = None,
    ) -> None:
        self.table = table
        self._weave = lambda lanes, refinement: weave(recipe, table, prepare, lanes, skip=skip, python=python, folder=folder,
                                                      refinement=refinement)
        self._woven: dict[int, Woven] = {}
        self._refined: dict[tuple[int, Refinement], Woven] = {}

    def woven(self, lanes: int = BLOCK, disaggregation: Disaggregator | None = None) -> Woven:
        """The woven module for this number of lanes, for forcing of every step or for coarse forcing."""
        if disaggregation is None:
            if lanes not in self._woven:
                self._woven[lanes] = self._weave(lanes, None)
            return self._woven[lanes]
        key = lanes, disaggregation.refinement(self.table)
        if key not in self._refined:
            self._refined[key] = self._weave(*key)
        return self._refined[key]

    def lanes_for(self, columns: int) -> int:
        """Number of lanes that runs so many columns fastest: 1 for few, else 32."""
        return 1 if columns <= FEW_COLUMNS else BLOCK

    def compile(self, columns: int, progress: Progress | None = None, disaggregation: Disaggregator | None = None) -> None:
        """Compiles, or loads, what a run of so many columns needs."""
        self.woven(self.lanes_for(columns), disaggregation).compile(progress)

    def run(
        self, forcing: ArrayLike, parameters: ArrayLike, state: NDArray[np.float64], *args: Any,
        lanes: int | None = None, disaggregation: Disaggregator | None = None, **options: Any,
    ) -> Result:
        """Runs as `Woven.run` does, with the same arguments; `lanes=None` chooses by the number of columns."""
        woven = self.woven(lanes or self.lanes_for(state.shape[1]), disaggregation)
        return woven.run(forcing, parameters, state, *args, disaggregation=disaggregation, **options)
