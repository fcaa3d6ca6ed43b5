"""Which channels a message is about, and what is answered where it is about none."""

from __future__ import annotations

import pytest

from boltspec.connection.addressing import Addressed, Named, addressed
from boltspec.connection.messages import (
    ALL_CHANNELS,
    ChannelMessage,
    Error,
    Warning,  # noqa: A004  # the BOLT's name
)
from boltspec.rules import without

KNOWN = frozenset({1, 2})
NOBODY = Addressed()


@pytest.mark.parametrize(
    ("message", "found"),
    [
        (Error(1), Addressed(frozenset({1}))),
        (Error(9), NOBODY),
        (Error(ALL_CHANNELS), Addressed(KNOWN)),
        (Warning(1), Addressed(frozenset({1}))),
        (Warning(9), NOBODY),
        (Warning(ALL_CHANNELS), Addressed(KNOWN)),
        (ChannelMessage(1), Addressed(frozenset({1}))),
        (ChannelMessage(9), Addressed(answer=Error(9))),
        (ChannelMessage(ALL_CHANNELS), Addressed(answer=Warning(ALL_CHANNELS))),
    ],
)
def test_message_goes_to_the_channels_that_it_names(message: Named, found: Addressed) -> None:
    assert addressed(message, KNOWN) == found


@pytest.mark.parametrize("message", [Error(ALL_CHANNELS), Error(9), Warning(ALL_CHANNELS), Warning(9)])
def test_peer_without_channels_fails_none(message: Named) -> None:
    assert addressed(message, frozenset()) == NOBODY


@pytest.mark.parametrize(
    ("rule", "message", "found"),
    [
        ("B01-error-warning-r-01", Error(ALL_CHANNELS), NOBODY),
        ("B01-error-warning-r-02", Error(1), NOBODY),
        ("B01-error-warning-r-05", Error(9), Addressed(KNOWN)),
        ("B01-error-warning-s-02", ChannelMessage(9), NOBODY),
        ("D01-error-warning-s-02", ChannelMessage(ALL_CHANNELS), Addressed(answer=Error(ALL_CHANNELS))),
    ],
)
def test_each_rule_decides(rule: str, message: Named, found: Addressed) -> None:
    with without(frozenset({rule})):
        assert addressed(message, KNOWN) == found
