"""What is wrong with a payment request, with the BOLT 11 requirement that says so.

A reader meets :class:`Bolt11Rejected` (do not pay this), a writer :class:`Bolt11Refused` (do not issue this). Both are
ValueErrors; only the first one is a :class:`boltwire.errors.DecodeError`.
"""

from typing import Self

from boltwire.errors import Bolt11Error


class Bolt11Rejected(Bolt11Error):
    """A payment request that must not be paid.

    ``rule`` is the id of the requirement that it breaks, or None where the text is cut short or has no meaning at all.
    Offsets count characters of the text.
    """

    rule: str | None

    def __init__(
        self, reason: str, *, rule: str | None = None, offset: int | None = None, field: str | None = None
    ) -> None:
        super().__init__(reason, offset=offset, field=field)
        self.rule = rule

    def __str__(self) -> str:
        """As for any decoding error, and the rule in brackets."""
        return super().__str__() if self.rule is None else f"{super().__str__()} [{self.rule}]"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.reason, self.rule, self.offset, self.field)

    def within(self, field: str, offset: int = 0) -> Self:
        """The same error seen from outside, see :meth:`boltwire.errors.DecodeError.within`."""
        outer = super().within(field, offset)
        outer.rule = self.rule
        return outer


def _rebuild(reason: str, rule: str | None, offset: int | None, field: str | None) -> Bolt11Rejected:
    return Bolt11Rejected(reason, rule=rule, offset=offset, field=field)


class Bolt11Refused(ValueError):
    """A payment request that its writer must not issue; ``rule`` is the requirement that forbids it."""

    def __init__(self, reason: str, rule: str) -> None:
        super().__init__(reason, rule)
        self.reason = reason
        self.rule = rule

    def __str__(self) -> str:
        return f"{self.reason} [{self.rule}]"
