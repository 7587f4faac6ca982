"""The exception that reaches the terminal as a message instead of a traceback."""


class ChurnError(Exception):
    """A failure the user can act on.

    Args:
        what: What is wrong, one sentence.
        where: File, row, column and value, as far as known.
        hint: What to do.
        exit_code: Exit status of the command; 1 for bad input or state, 3 for a refused step
            that leaves everything built before it intact.
    """

    def __init__(
        self, what: str, *, where: str | None = None, hint: str | None = None, exit_code: int = 1
    ) -> None:
        self.what = what
        self.where = where
        self.hint = hint
        self.exit_code = exit_code
        super().__init__("\n".join(part for part in (what, where, hint) if part))
