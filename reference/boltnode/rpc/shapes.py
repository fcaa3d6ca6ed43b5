"""How things look in results, with Core Lightning's names: ids and hashes in hex, amounts in integer millisatoshi."""

import ipaddress
from collections.abc import Mapping
from typing import Final

from boltnode.engine import ChannelFacts, CoinFacts, HtlcFacts
from boltnode.invoices import InvoiceRecord, InvoiceStatus
from boltnode.payments import PaymentRecord, PaymentStatus
from boltwire.bolt11 import Fallback, Invoice, RouteHop
from boltwire.features import FeatureBits

CHANNEL_STATES: Final = (
    "OPENINGD",
    "CHANNELD_AWAITING_LOCKIN",
    "CHANNELD_NORMAL",
    "CHANNELD_SHUTTING_DOWN",
    "CLOSINGD_SIGEXCHANGE",
    "CLOSINGD_COMPLETE",
    "AWAITING_UNILATERAL",
    "FUNDING_SPEND_SEEN",
    "ONCHAIN",
)
"""Core Lightning's names of what becomes of a channel, in order."""

Shape = dict[str, object]


def present(shape: Mapping[str, object]) -> Shape:
    """The members that are there: what is None is left out."""
    return {name: value for name, value in shape.items() if value is not None}


def hexed(data: bytes | None) -> str | None:
    """Hex, or nothing."""
    return None if data is None else data.hex()


def address_shape(host: str, port: int) -> Shape:
    """Where a node listens or is connected to."""
    try:
        kind = f"ipv{ipaddress.ip_address(host).version}"
    except ValueError:
        kind = "dns"
    return {"type": kind, "address": host, "port": port}


def features_shape(features: FeatureBits) -> Shape:
    """A channel type."""
    bits = sorted(features)
    names = {bit: name for bit in bits for name in FeatureBits((bit,)).names()}
    return {"bits": bits, "names": [f"{names.get(bit, 'unknown')}/{'odd' if bit % 2 else 'even'}" for bit in bits]}


def invoice_record_shape(record: InvoiceRecord, now: int) -> Shape:
    """A row of ``listinvoices``."""
    paid = record.status(now) is InvoiceStatus.PAID
    return present(
        {
            "label": record.label,
            "bolt11": record.bolt11,
            "amount_msat": record.amount_msat,
            "payment_hash": record.payment_hash.hex(),
            "status": str(record.status(now)),
            "amount_received_msat": record.received_msat,
            "paid_at": record.paid_at,
            "payment_preimage": record.preimage.hex() if paid else None,
            "description": record.description,
            "expires_at": record.expires_at,
            "created_index": record.created_index,
        }
    )


def payment_shape(record: PaymentRecord) -> Shape:
    """The result of ``pay``."""
    return present(
        {
            "destination": record.destination.hex(),
            "payment_hash": record.payment_hash.hex(),
            "created_at": record.created_at,
            "completed_at": record.completed_at,
            "parts": 1,
            "amount_msat": record.amount_msat,
            "amount_sent_msat": record.amount_sent_msat,
            "payment_preimage": hexed(record.preimage),
            "status": str(record.status),
        }
    )


def listed_payment_shape(record: PaymentRecord) -> Shape:
    """A row of ``listpays``."""
    return present(
        {
            "bolt11": record.bolt11,
            "destination": record.destination.hex(),
            "payment_hash": record.payment_hash.hex(),
            "status": str(record.status),
            "label": record.label,
            "created_at": record.created_at,
            "completed_at": record.completed_at,
            "created_index": record.created_index,
            "amount_msat": record.amount_msat,
            "amount_sent_msat": record.amount_sent_msat,
            "preimage": hexed(record.preimage),
            "number_of_parts": 1 if record.status is PaymentStatus.COMPLETE else None,
            "failure": record.failure,
            "warning_outcome_unknown": record.doubt,
        }
    )


def invoice_shape(invoice: Invoice) -> Shape:
    """What ``decode`` says of a payment request."""
    return present(
        {
            "currency": invoice.currency.prefix.removeprefix("ln"),
            "created_at": invoice.timestamp,
            "expiry": invoice.expires_at - invoice.timestamp,
            "payee": hexed(invoice.payee),
            "amount_msat": invoice.amount_msat,
            "description": invoice.description,
            "description_hash": hexed(invoice.description_hash),
            "min_final_cltv_expiry": invoice.final_cltv_expiry_delta,
            "payment_secret": invoice.payment_secret.hex(),
            "features": invoice.features.to_bytes().hex() or None,
            "payment_metadata": hexed(invoice.payment_metadata),
            "payment_hash": invoice.payment_hash.hex(),
            "fallbacks": [_fallback(entry, invoice) for entry in invoice.fallbacks] or None,
            "routes": [[_hop(hop) for hop in route] for route in invoice.routes] or None,
            "signature": hexed(invoice.signature),
        }
    )


def _fallback(fallback: Fallback, invoice: Invoice) -> Shape:
    return {
        "addr": fallback.address(invoice.currency),
        "hex": fallback.program.hex(),
        "type": f"version {fallback.version}",
    }


def _hop(hop: RouteHop) -> Shape:
    return {
        "pubkey": hop.pubkey.hex(),
        "short_channel_id": str(hop.short_channel_id),
        "fee_base_msat": hop.fee_base_msat,
        "fee_proportional_millionths": hop.fee_proportional_millionths,
        "cltv_expiry_delta": hop.cltv_expiry_delta,
    }


def channel_shape(channel: ChannelFacts, *, connected: bool) -> Shape:
    """A row of ``listpeerchannels``."""
    side = {True: "local", False: "remote", None: None}
    alias = present({"local": channel.local_alias, "remote": channel.remote_alias})
    return present(
        {
            "peer_id": channel.peer_id.hex(),
            "peer_connected": connected,
            "reestablished": channel.reestablished if connected else None,
            "state": channel.state,
            "channel_type": features_shape(channel.channel_type),
            "channel_id": channel.channel_id.hex(),
            "short_channel_id": channel.short_channel_id,
            "alias": alias or None,
            "funding_txid": hexed(channel.funding_txid),
            "funding_outnum": channel.funding_outnum,
            "private": channel.private,
            "opener": side[channel.opened_by_us],
            "closer": side[channel.closed_by_us],
            "features": features_shape(channel.channel_type)["names"],
            "feerate": {"perkw": channel.feerate_per_kw, "perkb": 4 * channel.feerate_per_kw},
            "total_msat": channel.total_msat,
            "to_us_msat": channel.to_us_msat,
            "spendable_msat": channel.spendable_msat,
            "receivable_msat": channel.receivable_msat,
            "our_reserve_msat": channel.our_reserve_msat,
            "their_reserve_msat": channel.their_reserve_msat,
            "dust_limit_msat": channel.dust_limit_msat,
            "our_max_htlc_value_in_flight_msat": channel.our_max_htlc_value_in_flight_msat,
            "their_max_htlc_value_in_flight_msat": channel.their_max_htlc_value_in_flight_msat,
            "minimum_htlc_in_msat": channel.minimum_htlc_in_msat,
            "our_to_self_delay": channel.our_to_self_delay,
            "their_to_self_delay": channel.their_to_self_delay,
            "max_accepted_htlcs": channel.max_accepted_htlcs,
            "status": list(channel.status),
            "htlcs": [_htlc(htlc) for htlc in channel.htlcs],
        }
    )


def _htlc(htlc: HtlcFacts) -> Shape:
    return present(
        {
            "direction": "in" if htlc.incoming else "out",
            "id": htlc.id,
            "amount_msat": htlc.amount_msat,
            "expiry": htlc.expiry,
            "payment_hash": htlc.payment_hash.hex(),
            "local_trimmed": htlc.trimmed or None,
            "status": htlc.status,
        }
    )


def coin_shape(coin: CoinFacts) -> Shape:
    """An output of ``listfunds``."""
    return present(
        {
            "txid": coin.outpoint.txid.hex(),
            "output": coin.outpoint.output,
            "amount_msat": coin.amount_sat * 1000,
            "scriptpubkey": coin.script.hex(),
            "address": coin.address,
            "status": coin.status,
            "blockheight": coin.blockheight,
            "reserved": coin.reserved,
        }
    )


def channel_funds_shape(channel: ChannelFacts, *, connected: bool) -> Shape | None:
    """A channel of ``listfunds``; None while there is no funding transaction."""
    if channel.funding_txid is None:
        return None
    return present(
        {
            "peer_id": channel.peer_id.hex(),
            "connected": connected,
            "state": channel.state,
            "channel_id": channel.channel_id.hex(),
            "short_channel_id": channel.short_channel_id,
            "our_amount_msat": channel.to_us_msat,
            "amount_msat": channel.total_msat,
            "funding_txid": channel.funding_txid.hex(),
            "funding_output": channel.funding_outnum,
        }
    )
