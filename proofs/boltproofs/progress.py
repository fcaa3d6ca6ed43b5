"""Progress of long work, on standard error."""

from __future__ import annotations

import time

import click

from boltproofs.explorer.search import Progress


class Slowly:
    """Says how far things have come, at most once a second."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, text: str) -> None:
        """Say something, unless something has been said a moment ago."""
        if time.monotonic() - self._last >= 1:
            self._last = time.monotonic()
            click.echo(text, err=True)

    def searching(self, at: Progress) -> None:
        """Say how far a search has come."""
        self(
            f"{at.scenario}: {at.depth} moves deep, {at.states:,} worlds, {at.transitions:,} transitions,"
            f" {at.waiting:,} waiting, {at.seconds:.0f} s"
        )
