"""R7: no number comes from memory that nobody has written, of numpy or of the compiled loop."""

import json
import os
import subprocess
import sys

import pytest

RUN = """
import json, sys
import numba, numpy as np
from terraflux.region.configuration import choices_from
from terraflux.region.run import run_region

@numba.njit
def scratch(size):
    return np.empty(size)

poison = int(sys.argv[4]).to_bytes(1, "little") * 8
assert scratch(1500).tobytes() == np.empty(1500).tobytes() == poison * 1500
result = run_region(choices_from(json.loads(sys.argv[1]), folder=sys.argv[2]), folder=sys.argv[3])
assert result.status == "done", result.troubles
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's malloc fills what it hands out")
@pytest.mark.parametrize("poison", [0x7F, 0xFE])
def test_poisoned_memory_changes_no_byte(choices, reference, digest, tmp_path, poison):
    """Doubles of bytes 7F are 1e306, of FE -5e303: where one were read, no output would stay what it is."""
    words = json.dumps(choices().as_table())
    told = subprocess.run([sys.executable, "-c", RUN, words, str(tmp_path), str(tmp_path / "run"), str(poison)],
                          capture_output=True, text=True, timeout=120,
                          env=os.environ | {"MALLOC_PERTURB_": str(poison ^ 0xFF)})
    assert told.returncode == 0, told.stderr
    assert digest(tmp_path / "run") == digest(reference)
