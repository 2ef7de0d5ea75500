"""Does a stage run as vector instructions? Counting floating-point operations in what the compiler made of it."""

import re
from typing import Any

from numba import types

OPERATION = r"= (?:tail )?(?:fadd|fsub|fmul|fdiv|call [^\n]*?@llvm\.(?:fma|sqrt|floor|ceil))[^\n]*"


def operations(stage: Any, arguments: int = 1) -> tuple[int, int]:
    """(vector operations, scalar operations) in the final LLVM text of a compiled stage function.

    The stage takes the workspace and, if `arguments` is 2, a round number.
    """
    workspace = types.Array(types.float64, 1, "C")
    signature = (workspace, types.int64)[:arguments]
    stage.compile(signature)
    code = stage.inspect_llvm(signature)
    body = code[code.index("define ") :].split("\n}")[0]
    found = re.findall(OPERATION, body)
    vector = sum(bool(re.search(r"<\d+ x double>", line)) for line in found)
    return vector, len(found) - vector
