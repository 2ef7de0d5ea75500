"""Compiling a woven module so that its lane loops become vector instructions, and counting whether they did."""

import functools
import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import llvmlite.binding
from numba import types
from numba.core import config
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from terraflux.model.weave.weaving import GROUP, OF_FEW

WORKSPACE = types.Array(types.float64, 1, "C")
SHORT_LOOP = 8  # loops of more turns are not unrolled
OVERLAP = 4  # vectors of a lane loop under way at once; LLVM's own choice is often one, which waits for each result
NO_LIMIT = 2**32 - 1  # LLVM's default
LLVM_CHOOSES = 0
MOST_CHECKS, USUAL_CHECKS = 128, 8  # of arrays that may overlap, before a lane loop over them
OPERATION = r"= (?:tail )?(?:fadd|fsub|fmul|fdiv|call [^\n]*?@llvm\.(?:fma|sqrt|floor|ceil))[^\n]*"


@functools.lru_cache(maxsize=1)
def whole_registers() -> Any:
    """A description of this machine to LLVM without its preference for half the width of AVX-512; None without need.

    LLVM halves vectors on processors whose clock once fell under wide ones. Lane loops gain from the full width.
    """
    features = llvmlite.binding.get_host_cpu_features()
    if not features.get("avx512f") or getattr(config, "CPU_FEATURES", None) or getattr(config, "CPU_NAME", None):
        return None
    return llvmlite.binding.Target.from_triple(llvmlite.binding.get_process_triple()).create_target_machine(
        cpu=llvmlite.binding.get_host_cpu_name(), features=features.flatten() + ",-prefer-256-bit", opt=3,
        reloc="default", codemodel="jitdefault")


@contextmanager
def lane_loops_kept(lanes: int = 1, by_groups: bool = False) -> Iterator[None]:
    """Keeps LLVM from unrolling short lane loops completely, which it would do before it tries to vectorise them.

    Loops of up to eight turns inside a process are still unrolled, as they must be. Garbage collection waits, because
    a compiler makes much that lives and little that dies. From eight lanes on, vectors take whole registers: numba's
    passes ask its machine description how wide these are, so another one stands in for it meanwhile. Where a block is no
    more than the vectors under way at once, it becomes one turn without a loop; longer loops would be unrolled around
    them, which takes LLVM minutes. Loops over many arrays (as those of the refinement of forcing) are vectorised behind a check
    that these do not overlap; LLVM would give them up. Where stages work `by_groups` of lanes, a group is one vector, and
    nothing is unrolled.
    """
    collecting = gc.isenabled()
    generator = cpu_target.target_context.codegen()
    usual = getattr(generator, "_tm", None)
    wide = whole_registers() if lanes >= GROUP and usual is not None else None
    with global_compiler_lock:
        gc.disable()
        llvmlite.binding.set_option("", f"--unroll-full-max-count={1 if by_groups else SHORT_LOOP}")
        llvmlite.binding.set_option("", f"--runtime-memory-check-threshold={MOST_CHECKS}")
        if wide is not None:
            generator._tm = wide
            if lanes <= OVERLAP * GROUP:
                llvmlite.binding.set_option("", f"--force-vector-interleave={1 if by_groups else OVERLAP}")
        try:
            yield
        finally:
            if wide is not None:
                generator._tm = usual
            llvmlite.binding.set_option("", f"--unroll-full-max-count={NO_LIMIT}")
            llvmlite.binding.set_option("", f"--force-vector-interleave={LLVM_CHOOSES}")
            llvmlite.binding.set_option("", f"--runtime-memory-check-threshold={USUAL_CHECKS}")
            if collecting:
                gc.enable()


def stage_signature(stage: Any) -> tuple[Any, ...]:
    """Types of a stage's arguments: the workspace and, in some, the number of the round or of the layer."""
    return (WORKSPACE, types.int64)[: stage.py_func.__code__.co_argcount]


def compile_stage(stage: Any) -> None:
    """Compiles one stage function of a woven module."""
    with lane_loops_kept(stage.py_func.__globals__["LANES"], OF_FEW in stage.py_func.__name__):
        stage.compile(stage_signature(stage))


def operations(stage: Any) -> tuple[int, int]:
    """(vector operations, scalar operations) of floating point in the final LLVM text of a stage function."""
    compile_stage(stage)
    code = stage.inspect_llvm(stage_signature(stage))
    body = code[code.index("define ") :].split("\n}")[0]
    found = re.findall(OPERATION, body)
    vector = sum(bool(re.search(r"<\d+ x double>", line)) for line in found)
    return vector, len(found) - vector
