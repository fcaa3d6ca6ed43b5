"""The ``boltnode`` command: ``daemon`` runs a node, ``demo`` tells what nodes do, all else asks the one that runs.

    boltnode [--lightning-dir DIR] [--network NAME] [-k] COMMAND [PARAMETER…]
    boltnode daemon [--OPTION VALUE…]
    boltnode demo

Parameters are in order, or ``name=value`` (with ``-k``, or if the first one looks like it). Results are JSON on
standard output. Exit statuses are those of ``lightning-cli``: 1 the node answered with an error, 2 the node cannot be
talked to, 3 wrong use; and 4 if the daemon has stopped by itself.
"""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final

from boltnode.options import OPTIONS, BadOption, load_options
from boltnode.rpc_client import NoAnswer, call

DONE, ERROR_REPLY, NO_DAEMON, USAGE = 0, 1, 2, 3
"""Exit statuses."""
DAEMON: Final = "daemon"
DEMO: Final = "demo"
_KEYWORD: Final = re.compile(r"([a-z][a-z0-9_]*)=(.*)", re.DOTALL)
_LITERAL: Final = re.compile(r"-?[0-9]+|true|false|null|\[.*\]|\{.*\}", re.DOTALL)


class WrongUse(ValueError):
    """The command line makes no sense; the text says what does not."""


@dataclass
class Line:
    """A command line, taken apart."""

    options: dict[str, list[str]] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)
    words: list[str] = field(default_factory=list)
    """The command and its parameters."""


_FLAGS: Final = {
    "-k": "keywords",
    "--keywords": "keywords",
    "-o": "order",
    "--order": "order",
    "-R": "raw",
    "--raw": "raw",
    "-J": "json",
    "--json": "json",
    "-h": "help",
    "--help": "help",
    "--version": "version",
}
_NAMES: Final = {option.name for option in OPTIONS}


def take_apart(arguments: Sequence[str]) -> Line:
    """Options come before the command, those of the daemon after it as well."""
    line, left = Line(), list(arguments)
    while left:
        word = left.pop(0)
        if word in _FLAGS and (not line.words or line.words in ([DAEMON], [DEMO])):
            line.flags.add(_FLAGS[word])
        elif word.startswith("--") and (not line.words or line.words in ([DAEMON], [DEMO])):
            name, equals, value = word[2:].partition("=")
            if name not in _NAMES:
                raise WrongUse(f"no option {word}")
            if not equals:
                if not left:
                    raise WrongUse(f"{word} needs a value")
                value = left.pop(0)
            line.options.setdefault(name, []).append(value)
        elif word.startswith("-") and not line.words:
            raise WrongUse(f"no option {word}")
        else:
            line.words.append(word)
    return line


def parameters(words: Sequence[str], flags: set[str]) -> list[Any] | dict[str, Any]:
    """What the node gets: an array, or an object for ``name=value``."""
    by_name = "keywords" in flags or ("order" not in flags and bool(words) and _KEYWORD.fullmatch(words[0]) is not None)
    if not by_name:
        return [_value(word) for word in words]
    found: dict[str, Any] = {}
    for word in words:
        match = _KEYWORD.fullmatch(word)
        if match is None:
            raise WrongUse(f"not name=value: {word[:100]}")
        if match[1] in found:
            raise WrongUse(f"{match[1]} is given twice")
        found[match[1]] = _value(match[2])
    return found


def _value(word: str) -> Any:
    """Numbers, arrays and the like as JSON has them; everything else is text."""
    if not _LITERAL.fullmatch(word):
        return word
    try:
        return json.loads(word)
    except ValueError:
        return word  # digits that JSON does not take for a number, such as those of a hash


def run(arguments: Sequence[str]) -> int:
    """Do what the command line says; the exit status."""
    line = take_apart(arguments)
    if "version" in line.flags:
        print(f"boltnode of boltspec {version('boltspec')}")
        return DONE
    if "help" in line.flags:
        print(_help())
        return DONE
    if not line.words:
        raise WrongUse("no command; 'boltnode --help' lists the options, 'boltnode help' the commands of the node")
    if line.words[0] == DEMO:
        if len(line.words) > 1 or line.options:
            raise WrongUse("demo takes no parameters and no options")
        from boltnode.demo.command import run_demo  # noqa: PLC0415  # a command need not wait for all

        return run_demo()
    options = load_options(line.options)
    if line.words[0] == DAEMON:
        if len(line.words) > 1:
            raise WrongUse(f"daemon takes no parameters: {line.words[1]}")
        from boltnode.channels.configured import engine_for  # noqa: PLC0415  # a command need not wait for all
        from boltnode.daemon import run_daemon  # noqa: PLC0415  # of the node to load

        return run_daemon(options, engine_for(options))
    response = call(options.rpc_path, line.words[0], parameters(line.words[1:], line.flags))
    _show(response.get("result", response.get("error")), line)
    return ERROR_REPLY if "error" in response else DONE


def _show(answer: Any, line: Line) -> None:
    if line.words[0] == "help" and "json" not in line.flags and isinstance(answer, dict) and "help" in answer:
        print(_help_text(answer["help"]))
        return
    print(json.dumps(answer, indent=None if "raw" in line.flags else 3, ensure_ascii=False))


def _help_text(rows: list[dict[str, str]]) -> str:
    if len(rows) == 1:
        return rows[0]["verbose"]
    return "\n".join(f"{row['command']}\n    {row['description']}" for row in rows)


def _help() -> str:
    lines = [str(__doc__), "Options, also for the file DIR/config as name=value:", ""]
    for option in OPTIONS:
        default = f" [{option.default}]" if option.default else ""
        lines += [f"  --{option.name} {option.value}", f"      {option.doc}{default}"]
    lines += ["", "  -k name=value parameters; -o in order; -R one line of JSON; -J JSON for help as well; --version"]
    return "\n".join(lines)


def main() -> None:
    """Run the command."""
    try:
        status = run(sys.argv[1:])
    except (WrongUse, BadOption) as error:
        print(f"boltnode: {error}", file=sys.stderr)
        status = USAGE
    except NoAnswer as error:
        print(f"boltnode: {error}", file=sys.stderr)
        status = NO_DAEMON
    except KeyboardInterrupt:
        status = NO_DAEMON
    except BrokenPipeError:  # whoever read the output has read enough
        sys.stdout = None  # nothing is left to flush
        status = DONE
    sys.exit(status)


if __name__ == "__main__":
    main()
