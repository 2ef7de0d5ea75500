"""R4: hash seed, time zone and locale of a process change no byte of a run."""

import os
import subprocess
import sys

PROGRAM = """
import sys
from pathlib import Path
from terraflux.region import choices_from, run_region
home = Path(sys.argv[1])
table = {"forcing": {"synthetic": 6.0}, "run": {"first": "1984-02-20", "last": "1984-03-02", "spin_up_years": 0, "every": 9,
         "threads": 1}, "output": {"monthly": ["gross_primary_production"], "annual": ["stored_carbon"]}}
assert run_region(choices_from(table, folder=home), folder=home / "run").status == "done"
"""


def test_hash_seed_time_zone_and_locale_change_no_byte(digest, tmp_path):
    found = []
    for number, (seed, zone, locale) in enumerate((("0", "UTC", "C"), ("4711", "Asia/Kathmandu", "tr_TR.UTF-8"))):
        home = tmp_path / str(number)
        home.mkdir()
        environment = os.environ | {"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale}
        subprocess.run([sys.executable, "-c", PROGRAM, str(home)], check=True, env=environment, timeout=300)
        found.append(digest(home / "run"))
    assert found[0] == found[1] and len(found[0]) > 10
