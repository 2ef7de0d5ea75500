"""The list of verbs."""

from typing import Annotated

import typer

from terraflux.cli.compare import compare
from terraflux.cli.demo import demo
from terraflux.cli.doctor import doctor
from terraflux.cli.drivers import drivers
from terraflux.cli.fit import fit
from terraflux.cli.observations import observations
from terraflux.cli.parameters import parameters
from terraflux.cli.process import process
from terraflux.cli.region import region
from terraflux.cli.represent import represent
from terraflux.cli.site import site
from terraflux.cli.table_help import TableCommand
from terraflux.cli.towers import towers
from terraflux.cli.variables import variables


def application() -> typer.Typer:
    """The command line with all its verbs."""
    app = typer.Typer(name="terraflux", no_args_is_help=True, add_completion=False, rich_markup_mode=None,
                      pretty_exceptions_enable=False,
                      help="Land carbon, water and energy fluxes, from the flux tower to the nation. "
                           "--debug anywhere shows the traceback of an error.",
                      context_settings={"help_option_names": ["-h", "--help"]})
    for verb in (site, process, observations, represent, fit, compare, demo, variables, parameters, doctor):
        app.command(cls=TableCommand)(verb)
    app.add_typer(towers())
    app.add_typer(drivers())
    app.add_typer(region())

    @app.callback(invoke_without_command=True)
    def start(version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False) -> None:
        if version:
            from terraflux.evaluation.cf_attributes import version as installed

            print(f"terraflux {installed()}")
            raise typer.Exit

    return app
