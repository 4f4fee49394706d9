"""The command line: thin, and without torch until a command needs it."""

from __future__ import annotations

import atexit
import faulthandler
import os
import sys
import warnings

import typer
from rich.console import Console

import ftbench
from ftbench.cli import bench, check, compare, look, mark
from ftbench.errors import BadInput, FtbenchError
from ftbench.lastresort import own_process
from ftbench.surroundings import LEFT

DONE, SOME_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(
    name="ftbench",
    help="Train and benchmark face watermarks that survive deepfakes, with every part a plugin.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
bench.add_to(app)
check.add_to(app)
compare.add_to(app)
look.add_to(app)
mark.add_to(app)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"ftbench {ftbench.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
    traceback: bool = typer.Option(
        False, "--traceback", envvar="FTBENCH_TRACEBACK", help="Show tracebacks instead of one sentence."
    ),
    strict_plugins: bool = typer.Option(
        False,
        "--strict-plugins",
        help="A plugin that fails or misbehaves is an error, also when no part of it is used.",
    ),
    no_plugins: bool = typer.Option(
        False,
        "--no-plugins",
        help="Built-in parts only; FTBENCH_PLUGINS=a,b loads these plugins or distributions only.",
    ),
) -> None:
    if traceback:
        os.environ["FTBENCH_TRACEBACK"] = "1"
    if strict_plugins:
        os.environ["FTBENCH_STRICT_PLUGINS"] = "1"
    if no_plugins:
        os.environ["FTBENCH_PLUGINS"] = ""


def main() -> None:
    """``run`` in a process that is ftbench's alone; leaves it even where a plugin's thread would not end."""
    own_process()
    # A plugin that crashes the interpreter is at least named, with its line.
    faulthandler.enable(all_threads=False)
    code: object = DONE
    try:
        run()
    except SystemExit as leaving:
        code = leaving.code
        if not any(thread.is_alive() for thread in LEFT):
            raise
    if any(thread.is_alive() for thread in LEFT):
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else DONE if code is None else SOME_FAILED)


def run() -> None:
    """Run the command line; the exit code is 0 done, 1 some cells failed, 2 bad input, 130 interrupted."""
    # Libraries warn on loading about things that no user of ftbench can mend.
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    try:
        app()
    except FtbenchError as error:
        if os.environ.get("FTBENCH_TRACEBACK"):
            raise
        Console(stderr=True, soft_wrap=True).print(f"ftbench: {error}", style="red", highlight=False, markup=False)
        sys.exit(BAD_INPUT if isinstance(error, BadInput) else SOME_FAILED)
    except SystemExit as leaving:
        # typer turns an interruption into this code, and says nothing.
        if leaving.code == INTERRUPTED:
            Console(stderr=True).print("ftbench: interrupted; the same command again goes on from here")
        raise
