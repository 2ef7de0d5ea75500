"""The rooms of the tree are the packages of the wheel, and the wheel is complete."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest

ROOMS = ("assimilation", "drivers", "evaluation", "model", "products", "region", "sites")
NOT_IN_A_BUILD = shutil.ignore_patterns(".git", ".venv", "build", "dist", "*.egg-info", "__pycache__", ".*_cache",
                                        ".hypothesis", "out", "terraflux_*", "node_modules")


@pytest.fixture(scope="module")
def project(repository):
    """Contents of pyproject.toml."""
    return tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))


def packages_of(repository):
    """{package: folder} of every folder that holds Python modules, from the tree."""
    folders = {"terraflux": repository / "terraflux"}
    for part in ("cli", "report"):
        folders[f"terraflux.{part}"] = repository / "terraflux" / part
    for room in ROOMS:
        for found in sorted((repository / room).rglob("__init__.py")):
            inside = found.parent.relative_to(repository)
            folders[".".join(("terraflux", *inside.parts))] = found.parent
    return folders


def test_the_package_list_is_the_tree(repository, project):
    tree = {name: str(folder.relative_to(repository)) for name, folder in packages_of(repository).items()}
    setuptools = project["tool"]["setuptools"]
    assert sorted(setuptools["packages"]) == sorted(tree)
    assert setuptools["package-dir"] == tree


def test_no_folder_with_modules_lacks_an_init_file(repository):
    roots = [repository / "terraflux", *(repository / room for room in ROOMS)]
    for root in roots:
        for folder in {path.parent for path in root.rglob("*.py")}:
            assert (folder / "__init__.py").is_file(), f"{folder} would be left out of the wheel"


@pytest.mark.skipif(os.name == "nt", reason="links need rights that Windows gives no one by default")
@pytest.mark.parametrize("room", ROOMS)
def test_rooms_are_linked_into_the_package(repository, room):
    link = repository / "terraflux" / room
    assert link.is_symlink(), "restore it with `git checkout terraflux`"
    assert os.readlink(link) == f"../{room}"
    assert link.resolve() == (repository / room).resolve()


def test_ruff_keeps_rooms_from_being_imported_by_their_bare_name(project):
    ruff = project["tool"]["ruff"]
    assert set(ruff["lint"]["flake8-tidy-imports"]["banned-api"]) == set(ROOMS)
    assert ruff["lint"]["flake8-tidy-imports"]["ban-relative-imports"] == "all"
    assert {f"terraflux/{room}" for room in ROOMS} <= set(ruff["extend-exclude"])


@pytest.fixture(scope="module")
def wheel(repository, tmp_path_factory):
    """A wheel, built from a copy of the tree."""
    place = tmp_path_factory.mktemp("build")
    shutil.copytree(repository, place / "source", symlinks=True, ignore=NOT_IN_A_BUILD)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index",
               "--no-build-isolation", "--wheel-dir", str(place), str(place / "source")]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return next(place.glob("terraflux-*.whl"))


def test_the_wheel_holds_the_package_and_nothing_else(repository, wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"terraflux"}
    expected = {f"{name.replace('.', '/')}/{path.name}" for name, folder in packages_of(repository).items()
                for path in folder.iterdir() if path.suffix in (".py", ".toml", ".html", ".csv") and path.is_file()}
    assert expected - names == set()
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in names)


def test_the_wheel_works_away_from_the_repository(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    code = ("import terraflux, pathlib; from terraflux.model.parameters import parameters; "
            "from importlib.resources import files; "
            "assert files('terraflux.report').joinpath('page.html').is_file(); "
            "print(pathlib.Path(terraflux.__file__).parent, parameters('ENF')['carboxylation_capacity'])")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path,
                         env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")})
    assert run.returncode == 0, run.stderr
    where, value = run.stdout.split()
    assert where == str(tmp_path / "installed" / "terraflux")
    assert float(value) > 0.0
