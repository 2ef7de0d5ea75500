"""Legends of class rasters are those of the maps that forcing is built from."""

import pytest

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid.legends import legends, map_legend
from terraflux.sites.land_cover import LEGENDS, read_legend

OWN = """missing = [0]
[classes]
1 = { name = "maize", plant = "CRO_C4" }
2 = { name = "road", plant = "bare" }
"""


def test_every_legend_of_maps_is_one_of_rasters_with_the_same_classes():
    assert set(LEGENDS) == set(legends())
    for name, known in legends().items():
        found = LEGENDS[name]
        assert {code: entry.name for code, entry in found.classes.items()} == dict(known.names)
        assert found.missing == known.missing
        for code, entry in found.classes.items():
            assert entry.plant_type == ("" if known.plants[code] in ("bare", "water") else known.plants[code])


def test_one_file_of_classes_serves_maps_and_rasters(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(OWN)
    found, known = read_legend(str(path)), map_legend(str(path))
    assert found.classes[1].plant_type == "CRO_C4" == known.plants[1] and found.classes[2].plant_type == ""
    assert found.missing == known.missing == (0,) and found.name == "own"
    path.write_text(OWN.replace("CRO_C4", "CRO_C5"))
    with pytest.raises(ForcingError, match="CRO_C4"):
        read_legend(str(path))


def test_the_short_form_of_rasters_is_still_read(tmp_path):
    path = tmp_path / "short.toml"
    path.write_text('[classes]\n1 = ["maize", "CRO_C4"]\n2 = "road"\n')
    found = read_legend(str(path))
    assert (found.classes[1].plant_type, found.classes[2].plant_type) == ("CRO_C4", "")
