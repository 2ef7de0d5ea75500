"""Facts about sites are checked where they enter."""

import pytest

from terraflux.drivers import SiteDescription, read_site, site_from_table
from terraflux.drivers.errors import ForcingError
from terraflux.drivers.site import plant_type_of, site_from_facts


def test_description_knows_its_mixture(facts):
    assert site_from_facts(facts).mixture == {"MF": 1.0}
    assert site_from_facts(facts | {"plant_type": {"ENF": 0.7, "GRA": 0.3}}).mixture == {"ENF": 0.7, "GRA": 0.3}


@pytest.mark.parametrize(("change", "message"), [
    ({"latitude": 91.0}, "latitude = 91.0"), ({"longitude": 240.0}, "-180 to 180"),
    ({"plant_type": "EMF"}, "did you mean '.*MF'"), ({"plant_type": {"ENF": 0.7, "GRA": 0.7}}, "sum to 1.4"),
    ({"soil_class": "lome"}, "did you mean 'loam'"), ({"utc_offset_hours": 25.0}, "utc_offset_hours"),
    ({"latitud": 3.0}, "did you mean 'latitude'"), ({"latitude": "fifty"}, "wrong kind"),
    ({"parameters": {"maximum_leaf_area": 3.0}}, "did you mean 'maximum_leaf_area_index'"),
    ({"canopy_height": 300.0}, "canopy_height"),
])
def test_impossible_facts_are_refused(facts, change, message):
    with pytest.raises(ForcingError, match=message):
        site_from_facts(facts | change)


@pytest.mark.parametrize("fact", ["site_id", "latitude", "longitude", "utc_offset_hours"])
def test_missing_facts_are_named(facts, fact):
    with pytest.raises(ForcingError, match=f"no {fact}"):
        site_from_facts({key: value for key, value in facts.items() if key != fact})


def test_plant_type_follows_igbp_and_latitude():
    assert plant_type_of("EBF", 5.0) == "EBF_tropical" and plant_type_of("EBF", 43.7) == "EBF"
    assert plant_type_of("ENF", 64.0) == "ENF_boreal" and plant_type_of("OSH", 70.0) == "OSH_tundra"
    with pytest.raises(ForcingError, match="no plant type"):
        plant_type_of("URB", 50.0)


def test_site_file_reads_back(tmp_path, facts):
    path = tmp_path / "site.toml"
    path.write_text("\n".join(f"{key} = {value!r}" for key, value in facts.items()))
    assert read_site(path) == SiteDescription(**facts)
    path.write_text("[site]\n" + path.read_text())
    assert read_site(path) == SiteDescription(**facts)


@pytest.mark.real_data
def test_table_of_sites_gives_descriptions(shared_data):
    table = shared_data / "towers/sites.csv"
    changbai = site_from_table(table, "CN-Cha")
    assert (changbai.latitude, changbai.utc_offset_hours, changbai.plant_type) == (42.4025, 8.0, "MF")
    assert changbai.canopy_height == 28.0 and changbai.measurement_height == 40.0
    assert site_from_table(table, "CA-Qfo").name == "Quebec - Eastern Boreal, Mature Black Spruce"
    with pytest.raises(ForcingError, match="did you mean 'CN-"):
        site_from_table(table, "CN-Chx")


def test_invented_data_are_said_to_be_invented():
    facts = {"site_id": "XX-Inv", "latitude": 50.0, "longitude": 10.0, "utc_offset_hours": 1, "igbp": "ENF"}
    assert site_from_facts(facts | {"synthetic": True}).synthetic
    assert not site_from_facts(facts).synthetic
    with pytest.raises(ForcingError, match="wrong kind"):
        site_from_facts(facts | {"synthetic": 1})


def test_options_of_a_site_are_registered_processes():
    facts = {"site_id": "XX-Opt", "latitude": 50.0, "longitude": 10.0, "utc_offset_hours": 1, "igbp": "ENF"}
    assert site_from_facts(facts | {"options": {"soil_bottom": "water_table"}}).options["soil_bottom"] == "water_table"
    with pytest.raises(ForcingError, match="meant 'water_table'"):
        site_from_facts(facts | {"options": {"soil_bottom": "water_tabel"}})
