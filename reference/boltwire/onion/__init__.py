"""Onions: BOLT 4 in bytes.

Nothing here waits, remembers or decides. Functions take bytes and keys and return bytes and values; what a node does
with them is the specification's business. Secret keys for one-time use are the caller's to draw.

In reading order:

1. ``keys``, ``stream``, ``packet``: shared secrets, derived keys, the four sections of an onion;
2. ``construction``, ``peeling``, ``rejection``: building an onion, taking off a layer, why that can fail;
3. ``namespace``, ``payload``, ``payment``: what the onion of a payment says to each hop;
4. ``failures``, ``failure_codec``, ``return_packet``, ``attribution``, ``origin``: the way back;
5. ``encrypted_data``, ``blinded_path``, ``blinding``, ``path_data``: hiding the end of a route from the payer;
6. ``onion_message``: messages along such routes.
"""
