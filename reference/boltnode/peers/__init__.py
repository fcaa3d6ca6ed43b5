"""Connections to peers: who may connect, how much they may ask for, what happens when they do not behave.

A peer is a :class:`~boltnode.peers.connection.PeerConnection`; :class:`~boltnode.peers.switchboard.Switchboard` has at
most one per node id. What peers say about channels goes to a :class:`~boltnode.peers.handler.PeerHandler` and is not
looked at here; only ``init``, ``ping`` and ``pong`` are answered, as :mod:`boltspec.connection` has it.

Everything that a peer can make grow has a bound in :class:`~boltnode.peers.limits.PeerLimits`.
"""
