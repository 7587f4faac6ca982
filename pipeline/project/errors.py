"""The exception that reaches the terminal as a message instead of a traceback."""

from pipeline.project.exit_codes import FAILED


class ChurnError(Exception):
    """A failure the user can act on.

    Args:
        what: What is wrong, one sentence.
        where: File, row, column and value, as far as known.
        hint: What to do.
        exit_code: Exit status of the command, from `exit_codes`; a refused step leaves everything
            built before it intact.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        exit_code: int = FAILED,
    ) -> None:
        self.what = what
        self.where = where
        self.hint = hint
        self.exit_code = exit_code
        super().__init__("\n".join(part for part in (what, where, hint) if part))
