"""Finds `bitcoind`, or fetches it: `python -m boltchain.provision` prints the path of one that runs, or why it cannot.

In this order: the program that `$BITCOIND` names; `bitcoind` on the PATH; the one that an earlier run left in
`.cache/`; on Debian, a new copy of Bitcoin Knots (a derivative of Bitcoin Core with the same interface) unpacked into
`.cache/`. Nothing is installed outside that directory.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from boltchain.debian_package import CannotUnpack, unpack, write_wrapper

_PACKAGE = "bitcoin-knots"
_SUITE = "unstable"  # no release of Debian has the package
_PROGRAM = "usr/bin/bitcoind"

HOW_TO_PROVIDE = "name its program in $BITCOIND, or put bitcoind on the PATH, or run: python -m boltchain.provision"
"""What to tell somebody whose machine has no bitcoind."""


def cache_directory() -> Path:
    """Where a fetched bitcoind lives: `.cache/bitcoind` of the source tree, else of the user's cache directory."""
    for folder in Path(__file__).resolve().parents:
        if (folder / "pyproject.toml").is_file():
            return folder / ".cache" / "bitcoind"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "boltspec" / "bitcoind"


def find_bitcoind() -> Path | None:
    """The bitcoind to use, if one is at hand; never fetches. FileNotFoundError if `$BITCOIND` names no program."""
    if named := os.environ.get("BITCOIND"):
        if found := shutil.which(named):
            return Path(found)
        msg = f"$BITCOIND names {named}, which is not a program"
        raise FileNotFoundError(msg)
    if found := shutil.which("bitcoind"):
        return Path(found)
    wrapper = cache_directory() / "bin" / "bitcoind"
    return wrapper if wrapper.is_file() else None


def fetch_bitcoind() -> Path:
    """Unpack Bitcoin Knots from Debian into the cache directory. CannotUnpack if that is impossible here."""
    directory = cache_directory()
    wrapper = directory / "bin" / "bitcoind"
    root = unpack(_PACKAGE, _SUITE, directory)
    write_wrapper(root, _PROGRAM, wrapper)
    return wrapper


def version(program: Path) -> str:
    """The first line that the program prints about its version. CannotUnpack if it does not run."""
    try:
        done = subprocess.run([program, "-version"], check=True, capture_output=True, text=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as failure:
        msg = f"{program} does not run: {failure}"
        raise CannotUnpack(msg) from failure
    return done.stdout.splitlines()[0]


def main() -> int:
    """Print the path of a bitcoind that runs; 0 if there is one, else 1 and the reason on standard error."""
    try:
        program = find_bitcoind() or fetch_bitcoind()
        print(f"bitcoind: {version(program)}", file=sys.stderr)
    except (CannotUnpack, FileNotFoundError) as failure:
        print(f"no bitcoind: looked at $BITCOIND, the PATH and {cache_directory()}; then: {failure}", file=sys.stderr)
        print(f"to provide one, {HOW_TO_PROVIDE}", file=sys.stderr)
        return 1
    print(program)
    return 0


if __name__ == "__main__":
    sys.exit(main())
