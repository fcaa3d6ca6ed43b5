"""What a change of state means for what is kept beside it: HTLCs that are gone, closes that are agreed on."""

from __future__ import annotations

from dataclasses import replace

from boltnode.channels import closing_facts
from boltnode.channels.happenings import GivenBack, Happening, Unsent
from boltnode.channels.keys import ChannelKeys
from boltnode.channels.record import ChannelRecord
from boltspec.channel import Channel
from boltspec.closing.state import Closing
from boltspec.htlc import LOCAL, REMOTE, Htlc, Removal
from boltwire.channel_terms import ChannelTerms, hash_named


def without_gone_htlcs(record: ChannelRecord, before: Channel, after: Channel) -> tuple[ChannelRecord, list[Happening]]:
    """The record without the bytes of HTLCs that the channel has no longer, and what became of those that were ours."""
    alive = {(htlc.offerer, htlc.id) for htlc in after.htlcs.items}
    gone = [htlc for htlc in before.htlcs.items if (htlc.offerer, htlc.id) not in alive]
    if not gone:
        return record, []
    found = [_gone(record, htlc) for htlc in gone if htlc.offerer is LOCAL]
    left = replace(
        record,
        offered=tuple(entry for entry in record.offered if (LOCAL, entry.id) in alive),
        received=tuple(entry for entry in record.received if (REMOTE, entry.id) in alive),
    )
    return left, [happening for happening in found if happening is not None]


def _gone(record: ChannelRecord, htlc: Htlc) -> Happening | None:
    """What became of an HTLC that we offered; None if it is paid, which was told when the preimage came."""
    payment_hash = hash_named(htlc.payment_hash)
    match htlc.removal:
        case Removal.FAIL | Removal.FAIL_MALFORMED:
            ours = next(entry for entry in record.offered if entry.id == htlc.id)
            return GivenBack(payment_hash, ours.failure or "given back")
        case Removal.NONE:
            return Unsent(payment_hash)
        case Removal.FULFILL:
            return None


def newly_published(
    record: ChannelRecord, terms: ChannelTerms | None, keys: ChannelKeys, before: Closing, after: Closing
) -> list[bytes]:
    """The closing transactions that the specification has newly published, with both signatures."""
    found = []
    for fact in after.published[len(before.published) :]:
        assert terms is not None, "there is a funding output"
        signature = dict(record.closing_signatures)[fact]
        found.append(closing_facts.complete(terms.funding_output, fact, keys.funding_key, signature))
    return found
