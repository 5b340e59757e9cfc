"""The one error a person is meant to read: what happened, and what to try."""


class UserError(ValueError):
    """Something the person at the keyboard can mend.

    ``str(error)`` is ``"what happened — what to try"``; pages show it as it stands, everything
    else is a bug and reaches the log with its traceback.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what} — {remedy}")
        self.what = what
        self.remedy = remedy
