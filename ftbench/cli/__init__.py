"""The command line: thin, and without torch until a command needs it."""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import os
import sys
import warnings

import typer

import ftbench
from ftbench import stopping
from ftbench.cli import bench, check, compare, look, mark, models, protocol, recipes, store, worker
from ftbench.console import Console, prepare_streams, silence
from ftbench.errors import BadInput, ClusterGone, FtbenchError
from ftbench.machine import supervision
from ftbench.parts.isolation import OWN
from ftbench.parts.surroundings import LEFT

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
store.add_to(app)
check.add_to(app)
compare.add_to(app)
protocol.add_to(app)
look.add_to(app)
mark.add_to(app)
models.add_to(app)
recipes.add_to(app)
worker.add_to(app)


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
    """``run`` in a process that is ftbench's alone; leaves it even where a plugin's thread would not end.

    A long run is done by a process of its own, so that this one can tell of its end if it cannot itself.
    """
    prepare_streams()
    watched = supervision.report_to_parent()
    if not watched and supervision.wanted(sys.argv[1:]):
        sys.exit(supervision.watch())
    stopping.listen()
    OWN[:] = [_end_at_once]
    # A plugin that crashes the interpreter is at least named, with its line.
    faulthandler.enable(file=supervision.notes.crash or sys.stderr, all_threads=False)
    code: object = SOME_FAILED
    try:
        run()
        code = DONE
    except SystemExit as leaving:
        code = DONE if leaving.code is None else leaving.code
    finally:
        number = code if isinstance(code, int) else SOME_FAILED
        _flush()
        supervision.notes.write(ended=number)
    if any(thread.is_alive() for thread in LEFT):
        atexit._run_exitfuncs()
        _leave(number)
    sys.exit(number)


def run() -> None:
    """Run the command line; the exit code is 0 done, 1 some cells failed, 2 bad input, 75 out of time, 130 interrupted.

    129 and 143 after SIGHUP and SIGTERM; 75 after SIGUSR1 too, and where a cluster's scheduler is gone.
    """
    # Libraries warn on loading about things that no user of ftbench can mend.
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    try:
        app()
    except FtbenchError as error:
        if os.environ.get("FTBENCH_TRACEBACK"):
            raise
        code = stopping.OUT_OF_TIME if isinstance(error, ClusterGone) else SOME_FAILED
        sys.exit(_say(str(error), BAD_INPUT if isinstance(error, BadInput) else code))
    except OSError as error:
        if stopping.asked():
            sys.exit(stopping.exit_code())
        if os.environ.get("FTBENCH_TRACEBACK"):
            raise
        where = f"{error.filename}" if error.filename else "the output"
        sys.exit(_say(f"cannot write to or read from {where}: {error.strerror or error}", BAD_INPUT))
    except KeyboardInterrupt:
        sys.exit(_say(stopping.sentence(), stopping.exit_code() or INTERRUPTED))
    except SystemExit as leaving:
        # typer turns an interruption into this code, and says nothing.
        if leaving.code == INTERRUPTED:
            sys.exit(_say(stopping.sentence(), stopping.exit_code() or INTERRUPTED))
        raise


def _say(sentence: str, code: int) -> int:
    """Print a last sentence, if anybody hears it; gives back the exit code."""
    with contextlib.suppress(OSError, ValueError):
        Console(stderr=True, soft_wrap=True).print(f"ftbench: {sentence}", style="red", highlight=False, markup=False)
    return code


def _end_at_once(sentence: str) -> None:
    _say(sentence, BAD_INPUT)
    _flush()
    supervision.notes.write(ended=BAD_INPUT)
    _leave(BAD_INPUT)


def _flush() -> None:
    # What a full device or a closed pipe did not take would be tried again when Python ends, and spoil the exit code.
    for stream, descriptor in ((sys.stdout, 1), (sys.stderr, 2)):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            with contextlib.suppress(OSError):
                silence(descriptor)


_leave = os._exit
"""The true one: while a plugin is listed, another stands in its place."""
