"""The weave engine: scalar processes and a recipe become one compiled time step for a block of columns."""

from terraflux.model.weave.table import Table, Variable

__all__ = ["Table", "Variable"]
