"""The whole life of a channel: one entry for everything that can happen to it.

A life begins before ``open_channel``. It holds an :class:`~boltspec.establishment.state.Establishment`, and once the
first commitments are signed a :class:`~boltspec.closing.state.Closing`, which wraps the channel of the update dance.
What is said here is only what is about more than one of these parts: which of them a message is for, what a lost
connection leaves of them, what is said again on the next one, and how a life ends.

Read in this order: :mod:`~boltspec.lifetime.messages`, :mod:`~boltspec.lifetime.state`,
:mod:`~boltspec.lifetime.resuming` (lost connections), :mod:`~boltspec.lifetime.steps` (send, receive, react, look) and
:mod:`~boltspec.lifetime.owed` (what an honest node has to send now); last the world of two lives and what must hold
in it.
"""
