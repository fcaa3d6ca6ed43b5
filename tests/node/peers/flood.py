"""Opens connections to a port and keeps them, as an attacker would. Run by test_hostile_peers.py.

Arguments: port, number of connections. Prints ``open`` once all are made (each may since have been closed by the other
side), and keeps opening others in place of those that were closed until its standard input ends.
"""

from __future__ import annotations

import resource
import select
import socket
import sys


def main() -> None:
    """Open, hold, and open again."""
    port, count = int(sys.argv[1]), int(sys.argv[2])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, count + 64), most))
    held: list[socket.socket] = []
    made = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        found = socket.socket()
        found.connect(("127.0.0.1", port))
        held.append(found)
        made += 1
        if made == count:
            print("open", flush=True)
        if len(held) > count:
            held.pop(0).close()


if __name__ == "__main__":
    main()
