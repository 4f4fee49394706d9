"""What goes wrong for reasons that a user can mend."""


class FtbenchError(Exception):
    """Base of every error whose message is all that a user needs: what, where, what to do."""


class BadInput(FtbenchError):
    """The benchmark file, the data or the command line is at fault; exit code 2."""


class CannotWrite(BadInput):
    """The results folder is full or read-only: no cell could be finished, so the run ends."""


class CellFailed(FtbenchError):
    """A cell could not be finished; other cells go on; exit code 1."""


def told(error: BaseException) -> str:
    """``ValueError: what it says``, on one line; even of an exception whose message cannot be made."""
    try:
        said = " ".join(str(error).split())
    except Exception:
        said = "(its message cannot be shown)"
    return f"{type(error).__name__}: {said}".removesuffix(": ")
