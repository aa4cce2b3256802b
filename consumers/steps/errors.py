"""What can go wrong with a step besides an outage, which is `db.errors.RetryableDatabaseError`."""


class StepError(Exception):
    """A step did not do what was asked; the message says why, and what to do."""


class InvalidInputError(StepError):
    """The input is wrong; nothing of it took effect. The message names each field."""


class OtherInputError(StepError):
    """The key was used with another input before; nothing was run."""


class UnknownWorkspaceError(StepError):
    """Nobody has made the workspace, or its first policy does not count yet; the run may be tried again."""


class NotCoveredError(StepError):
    """The log did not take what was said, or no consumer has applied it in time; call again with the same key."""
