"""The three variants of a closing transaction, and which of them a ``closing_sig`` signs (BOLT 2)."""

from enum import StrEnum

from boltwire.errors import MessageError
from boltwire.messages import ClosingComplete, ClosingSig


class ClosingVariant(StrEnum):
    """Which outputs the transaction has; the values are the names of the TLV records."""

    CLOSER_ONLY = "closer_output_only"
    CLOSEE_ONLY = "closee_output_only"
    BOTH = "closer_and_closee_outputs"


def offered_variants(message: ClosingComplete | ClosingSig) -> dict[ClosingVariant, bytes]:
    """The signatures that a message carries, by variant."""
    found = {variant: getattr(message, variant.value) for variant in ClosingVariant}
    return {variant: signature for variant, signature in found.items() if signature is not None}


def closing_sig(request: ClosingComplete, variant: ClosingVariant, signature: bytes) -> ClosingSig:
    """The answer to ``request``: one signature, in the record that was chosen (B02-closing-complete-k-18).

    ValueError if the request does not offer the variant.
    """
    if variant not in offered_variants(request):
        raise ValueError(f"closing_complete does not offer {variant}")
    return ClosingSig(
        channel_id=request.channel_id,
        closer_scriptpubkey=request.closer_scriptpubkey,
        closee_scriptpubkey=request.closee_scriptpubkey,
        fee_satoshis=request.fee_satoshis,
        locktime=request.locktime,
        closer_output_only=signature if variant is ClosingVariant.CLOSER_ONLY else None,
        closee_output_only=signature if variant is ClosingVariant.CLOSEE_ONLY else None,
        closer_and_closee_outputs=signature if variant is ClosingVariant.BOTH else None,
    )


def signed_variant(message: ClosingSig) -> tuple[ClosingVariant, bytes]:
    """The one variant that ``message`` signs and its signature.

    Raises :class:`MessageError` unless there is exactly one (B02-closing-complete-c-22).
    """
    found = offered_variants(message)
    if len(found) != 1:
        raise MessageError(f"exactly one signature is expected, not {len(found)}", field="closing_sig.tlvs")
    return next(iter(found.items()))
