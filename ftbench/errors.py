"""What goes wrong for reasons that a user can mend."""


class FtbenchError(Exception):
    """Base of every error whose message is all that a user needs: what, where, what to do."""


class BadInput(FtbenchError):
    """The benchmark file, the data or the command line is at fault; exit code 2."""


class CellFailed(FtbenchError):
    """A cell could not be finished; other cells go on; exit code 1."""
