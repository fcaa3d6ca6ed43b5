"""The one way in which a replay fails: model and chain say different things."""

from __future__ import annotations


class Disagreement(Exception):
    """Model and reality disagree. Never swallowed on the way: the replay ends here and reports both sides."""

    def __init__(self, what: str, model: str, reality: str) -> None:
        super().__init__(f"{what}: the model says {model}; in reality {reality}")
        self.what = what
        """What they disagree about."""
        self.model = model
        """What the model says, and why."""
        self.reality = reality
        """What real transactions, signatures and consensus say, and why."""
