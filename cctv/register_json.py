"""A register in JSON, read by JSON's own rules and so that every complaint can name its line. YAML reads some of it
otherwise: a number like 1e-05 as a word, and half of an escaped letter not at all."""

import json
import re
from bisect import bisect
from pathlib import Path
from typing import Any

from firewarden.errors import PolicyError
from firewarden.inference.policy_file import PolicyMap

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def read_json(path: Path) -> PolicyMap:
    """Parse a file to nested PolicyMaps and lists; raises PolicyError naming file and line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        json.loads(text)  # in order from here on
        value = _Reader(path, text).read()
    except UnicodeDecodeError as error:
        raise PolicyError(f"{path}: is not UTF-8 text ({error.reason}). Save it as UTF-8.") from error
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read ({error}). Restore the file.") from error
    except json.JSONDecodeError as error:
        cure = "Mend it, or name the file .yaml where it is YAML."
        raise PolicyError(f"{path}:{error.lineno}: not valid JSON ({error.msg}). {cure}") from error
    except RecursionError as error:
        raise PolicyError(f"{path}: is nested too deeply.") from error
    if not isinstance(value, PolicyMap):
        raise PolicyError(f"{path}:1: expected a mapping at the top level")
    return value


class _Reader:
    """Goes once through a text that is valid JSON."""

    def __init__(self, path: Path, text: str) -> None:
        self._path, self._text, self._at = path, text, 0
        self._ends = [match.start() for match in re.finditer("\n", text)]

    def read(self) -> Any:
        """The next value."""
        opening = self._next()
        if opening == "{":
            return self._mapping()
        if opening == "[":
            return self._list()
        value, self._at = _DECODER.raw_decode(self._text, self._at)
        return value

    def _mapping(self) -> PolicyMap:
        result = PolicyMap(self._path, self._line())
        self._at += 1
        while self._next() != "}":
            line, key = self._line(), self.read()
            result.key_line[key] = line
            if key in result:
                raise result.fail(f"key {key!r} stands twice; delete one", key)
            self._pass(":")
            result[key] = self.read()
            self._pass(",")
        self._at += 1
        return result

    def _list(self) -> list[Any]:
        result = []
        self._at += 1
        while self._next() != "]":
            result.append(self.read())
            self._pass(",")
        self._at += 1
        return result

    def _next(self) -> str:
        """The character at which the next thing begins."""
        match = _SPACE.match(self._text, self._at)
        assert match is not None
        self._at = match.end()
        return self._text[self._at]

    def _pass(self, mark: str) -> None:
        self._at += self._next() == mark

    def _line(self) -> int:
        return bisect(self._ends, self._at) + 1
