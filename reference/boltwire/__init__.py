"""Everything that a Lightning node puts on the wire or on the chain, as bytes: no protocol decisions.

Messages (BOLTs 1, 2 and 7), transport (BOLT 8), onions (BOLT 4), keys and transactions (BOLT 3), invoices and offers
(BOLTs 11 and 12). One module or table for each concept. What cannot be decoded raises a
:class:`boltwire.errors.DecodeError` that names the place.
"""
