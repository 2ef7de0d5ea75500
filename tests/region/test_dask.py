"""The dask executor gives the bits of threads, and a worker that is killed costs nothing but time."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from terraflux.region.results import open_results
from terraflux.region.run import region_status, run_region

pytest.importorskip("distributed")


def workers_of(parent):
    """Processes that run dask workers below this one."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat, open(f"/proc/{entry}/cmdline") as words:
                    child, command = int(stat.read().rsplit(") ", 1)[1].split()[1]) == parent, words.read()
            except OSError:
                continue
            if child and "spawn_main" in command:
                found.append(int(entry))
    return found


def equal(reference, folder):
    one, other = open_results(reference), open_results(folder)
    return all(np.array_equal(one.values(kind, name), other.values(kind, name)) and np.array_equal(
        one.totals(kind, name), other.totals(kind, name)) for kind in one.groups for name in one.variables(kind))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_workers_give_the_same_bits_and_a_killed_one_is_replaced(choices, reference, tmp_path):
    struck = []

    def strike():
        until = time.monotonic() + 300.0
        while time.monotonic() < until and not struck:
            if (tmp_path / "run" / "run.json").exists() and region_status(tmp_path / "run")["share"] > 0:
                for process in workers_of(os.getpid())[:1]:
                    os.kill(process, signal.SIGKILL)
                    struck.append(process)
            time.sleep(0.01)
    thread = threading.Thread(target=strike)
    thread.start()
    result = run_region(choices(run__tile_cells=2, run__slab_days=1), folder=tmp_path / "run", executor="dask", workers=2)
    thread.join()
    assert struck and result.status == "done", result.troubles
    assert equal(reference, tmp_path / "run")
