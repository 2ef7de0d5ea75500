"""Ranges of blocks on threads. The compiled code holds no lock, so Python threads run it side by side."""

import functools
import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

RANGES_PER_THREAD = 4  # more ranges than threads, because blocks with snow take longer than others


@functools.lru_cache(maxsize=1)
def _pool(process: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=64, thread_name_prefix="terraflux")


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_ranges(work: Callable[[int, int], object], blocks: int, threads: int, per_thread: int = RANGES_PER_THREAD) -> None:
    """Calls `work(first, last)` on ranges that cover all blocks, about `per_thread` for each, at most `threads` at a time.

    An interrupt or an error stops what has not begun, and is raised when the running ranges are done.
    """
    threads = min(threads, blocks)
    if threads <= 1:
        work(0, blocks)
        return
    count = min(blocks, threads * per_thread)
    edges = [blocks * k // count for k in range(count + 1)]
    todo = iter(list(itertools.pairwise(edges)))
    stopped = False

    def worker() -> None:
        for first, last in todo:
            if stopped:
                return
            work(first, last)

    futures = [_pool(os.getpid()).submit(worker) for _ in range(threads)]
    try:
        for future in futures:
            future.result()
    finally:
        stopped = True
        wait(futures)
