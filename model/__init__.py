"""The land-surface model: one process per file, plain scalar functions, woven into a compiled batch of columns."""
