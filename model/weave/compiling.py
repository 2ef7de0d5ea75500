"""Compiling a woven module so that its lane loops become vector instructions, and counting whether they did."""

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import llvmlite.binding
from numba import types
from numba.core.compiler_lock import global_compiler_lock

WORKSPACE = types.Array(types.float64, 1, "C")
SHORT_LOOP = 8  # loops of more turns are not unrolled
NO_LIMIT = 2**32 - 1  # LLVM's default
OPERATION = r"= (?:tail )?(?:fadd|fsub|fmul|fdiv|call [^\n]*?@llvm\.(?:fma|sqrt|floor|ceil))[^\n]*"


@contextmanager
def lane_loops_kept() -> Iterator[None]:
    """Keeps LLVM from unrolling short lane loops completely, which it would do before it tries to vectorise them.

    Loops of up to eight turns inside a process are still unrolled, as they must be. Garbage collection waits, because
    a compiler makes much that lives and little that dies.
    """
    collecting = gc.isenabled()
    with global_compiler_lock:
        gc.disable()
        llvmlite.binding.set_option("", f"--unroll-full-max-count={SHORT_LOOP}")
        try:
            yield
        finally:
            llvmlite.binding.set_option("", f"--unroll-full-max-count={NO_LIMIT}")
            if collecting:
                gc.enable()


def stage_signature(stage: Any) -> tuple[Any, ...]:
    """Types of a stage's arguments: the workspace and, in a RepeatPerLane, the number of the round."""
    return (WORKSPACE, types.int64)[: stage.py_func.__code__.co_argcount]


def compile_stage(stage: Any) -> None:
    """Compiles one stage function of a woven module."""
    with lane_loops_kept():
        stage.compile(stage_signature(stage))


def operations(stage: Any) -> tuple[int, int]:
    """(vector operations, scalar operations) of floating point in the final LLVM text of a stage function."""
    compile_stage(stage)
    code = stage.inspect_llvm(stage_signature(stage))
    body = code[code.index("define ") :].split("\n}")[0]
    found = re.findall(OPERATION, body)
    vector = sum(bool(re.search(r"<\d+ x double>", line)) for line in found)
    return vector, len(found) - vector
