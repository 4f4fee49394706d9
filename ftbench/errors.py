"""What goes wrong for reasons that a user can mend."""


class FtbenchError(Exception):
    """Base of every error whose message is all that a user needs: what, where, what to do."""


class BadInput(FtbenchError):
    """The benchmark file, the data or the command line is at fault; exit code 2."""


class CannotWrite(BadInput):
    """The results folder is full or read-only: no cell could be finished, so the run ends."""


class CellFailed(FtbenchError):
    """A cell could not be finished; other cells go on; exit code 1."""


def said(error: BaseException) -> str:
    """What an exception says of itself, on one line; even one whose message cannot be made."""
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = "(its message cannot be shown)"
    return text


def told(error: BaseException) -> str:
    """``ValueError: what it says``, on one line."""
    return f"{type(error).__name__}: {said(error)}".removesuffix(": ")
