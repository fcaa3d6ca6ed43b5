"""channel_ready, aliases, and the channel that comes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from boltspec.commitment import View, commitment
from boltspec.establishment.aliases import invoice_scids, names_channel
from boltspec.establishment.channel_type import ANCHORS
from boltspec.establishment.funding import NOT_SEEN, FundingOutput, Script, look
from boltspec.establishment.messages import ChannelReady
from boltspec.establishment.ready import established
from boltspec.establishment.scenario import ACCEPT_CHANNEL, ALIASING, OPEN_CHANNEL, REAL_SCID, USED_SCID, nodes
from boltspec.establishment.state import see
from boltspec.establishment.steps import send
from boltspec.establishment.temptations import NOWHERE, funding_outpoints
from boltspec.htlc import LOCAL, REMOTE
from boltspec.units import Blocks, Msat, Sat
from boltspec.verdict import Accepted, Refused

LIES = dict(funding_outpoints(OPEN_CHANNEL.funding_satoshis))


def ready(pair: Any, **changes: Any) -> ChannelReady:
    return replace(ChannelReady(pair.funding, alias=101), **changes)


def test_accepter_waits_for_minimum_depth(pair: Any) -> None:
    assert pair.with_depth(Blocks(2)).refused_to_accepter(ready(pair)) == "B02-channel-ready-e-01"
    assert pair.with_depth(Blocks(3)).refused_to_accepter(ready(pair)) is None


def test_opener_waits_for_minimum_depth_only_without_an_alias(pair: Any) -> None:
    shallow, deep = pair.with_depth(Blocks(2)), pair.with_depth(Blocks(3))
    assert shallow.refused_to_opener(ready(pair)) is None
    assert shallow.refused_to_opener(ready(pair, alias=None)) == "B02-channel-ready-s-11"
    assert deep.refused_to_opener(ready(pair, alias=None)) is None


@pytest.mark.parametrize(
    "output",
    [
        FundingOutput(Sat(999_999), Script.FUNDING),
        FundingOutput(Sat(1_000_001), Script.FUNDING),
        FundingOutput(Sat(1_000_000), Script.FOREIGN),
        None,
    ],
)
def test_accepter_demands_amount_and_script_exactly(pair: Any, output: FundingOutput | None) -> None:
    deep = pair.with_depth(Blocks(3))
    lied_to = see(deep.accepter, replace(deep.accepter.seen, output=output))
    assert send(lied_to, ready(pair)) == Refused("B02-channel-ready-s-01")
    assert send(see(deep.accepter, NOT_SEEN), ready(pair)) == Refused("B02-channel-ready-s-01")


def test_accepter_waits_for_a_coinbase_to_mature(pair: Any) -> None:
    outpoint = LIES["coinbase"]
    pair = pair.with_funding(outpoint)
    for depth, rule in ((99, "D02-channel-ready-s-01"), (100, None)):
        seen = look(outpoint, outpoint.funding_txid, Blocks(depth), REAL_SCID)
        verdict = send(see(pair.accepter, seen), ChannelReady(outpoint, alias=201))
        assert (verdict.rule if isinstance(verdict, Refused) else None) == rule


def test_fields_of_channel_ready(pair: Any) -> None:
    deep = pair.with_depth(Blocks(3))
    assert deep.refused_to_opener(ready(pair, second_per_commitment_point=2)) == "B02-channel-ready-s-02"
    assert deep.refused_to_opener(ready(pair, channel_id=NOWHERE)) == "D02-channel-ready-s-02"
    assert deep.rejected_by_accepter(ready(pair, channel_id=NOWHERE)) == "D02-channel-establishment-r-02"
    assert deep.refused_to_opener(ready(pair, alias=USED_SCID)) == "B02-channel-ready-s-07"


def test_alias_is_compulsory_where_it_was_negotiated(pair: Any) -> None:
    deep = pair.with_depth(Blocks(3))
    aware = replace(deep.opener, node=nodes(ALIASING)[0])
    assert send(aware, ready(pair, alias=None)) == Refused("B02-channel-ready-s-03")
    assert isinstance(send(aware, ready(pair)), Accepted)


def test_first_alias_of_a_public_channel_is_not_its_real_scid_but_a_later_one_may_be(pair: Any) -> None:
    deep = pair.with_depth(Blocks(3))
    assert deep.refused_to_opener(ready(pair, alias=REAL_SCID)) == "B02-channel-ready-s-05"
    again = deep.opener_sends(ready(pair))
    assert again.refused_to_opener(ready(pair, alias=REAL_SCID)) is None


def test_no_alias_of_a_private_channel_is_its_real_scid(pair: Any) -> None:
    deep = pair.with_depth(Blocks(3))
    private = replace(deep.opener, open_channel=replace(OPEN_CHANNEL, channel_flags=0))
    assert send(private, ready(pair, alias=REAL_SCID)) == Refused("B02-channel-ready-s-06")
    sent = send(private, ready(pair))
    assert isinstance(sent, Accepted)
    assert send(sent.state, ready(pair, alias=REAL_SCID)) == Refused("B02-channel-ready-s-06")


def test_further_aliases_are_remembered(pair: Any) -> None:
    pair = pair.in_operation().opener_sends(ready(pair, alias=102))
    assert pair.refused_to_opener(ready(pair, alias=102)) == "B02-retransmission-n-09"
    assert pair.rejected_by_accepter(ready(pair, alias=102)) is None
    assert pair.opener.aliases_sent == pair.accepter.aliases_received == (101, 102)
    assert all(names_channel(pair.opener, scid) for scid in (101, 102, REAL_SCID))
    assert not names_channel(pair.opener, 103)
    assert invoice_scids(pair.accepter) == (101, 102, REAL_SCID)


def test_alias_only_channel_never_goes_by_its_real_scid(pair: Any) -> None:
    pair = pair.in_operation()
    hidden = replace(OPEN_CHANNEL, channel_flags=0, channel_type=ANCHORS | {46})
    opener = replace(pair.opener, open_channel=hidden)
    assert names_channel(opener, 101)
    assert not names_channel(opener, REAL_SCID)
    assert invoice_scids(opener) == (201,)


def test_no_channel_before_both_are_ready(pair: Any) -> None:
    deep = pair.with_depth(Blocks(3))
    assert established(pair.opener) is None
    assert established(deep.opener) is None
    half = deep.opener_sends(ready(pair))
    assert established(half.opener) is established(half.accepter) is None


def test_both_nodes_get_the_same_channel_from_their_own_end(pair: Any) -> None:
    pair = pair.in_operation()
    first, second = established(pair.opener), established(pair.accepter)
    assert first is not None
    assert second is not None
    assert first.params == second.params.mirrored()
    assert (first.params.local, first.params.remote) == (OPEN_CHANNEL.limits, ACCEPT_CHANNEL.limits)
    assert first.settled_msat(LOCAL) == second.settled_msat(REMOTE) == Msat(900_000_000)
    assert commitment(first, View.LOCAL_LATEST) == commitment(second, View.REMOTE_LATEST)
