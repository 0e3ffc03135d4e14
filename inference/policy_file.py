"""Reading a YAML policy file so that every complaint can name its line. Plain YAML only: no tags, no duplicate keys."""

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor

from firewarden.errors import PolicyError

T = TypeVar("T")
# what a value of another kind ends a reader with
_UNREADABLE = (TypeError, ValueError, LookupError, AttributeError)


class PolicyMap(dict[str, Any]):
    """A mapping that knows its file and the line of each key."""

    def __init__(self, path: Path, line: int) -> None:
        super().__init__()
        self.path = path
        self.line = line
        self.key_line: dict[str, int] = {}

    def fail(self, message: str, key: str | None = None) -> PolicyError:
        """A PolicyError that points at `key` (or at this mapping)."""
        return PolicyError(
            f"{self.path}:{self.key_line.get(key, self.line) if key else self.line}: {message}"
        )

    def take(self, key: str) -> Any:
        """Value of a key that must be there."""
        if key not in self:
            raise self.fail(f"key {key!r} is missing; found {sorted(self)}")
        return self[key]

    def section(self, key: str) -> "PolicyMap":
        """A nested mapping that must be there."""
        value = self.take(key)
        if not isinstance(value, PolicyMap):
            raise self.fail(f"{key!r} is {type(value).__name__}, expected a mapping", key)
        return value

    def read(self, key: str, convert: Callable[[Any], T]) -> T:
        """Value of a key that must be there, through `convert`; what that cannot read is a PolicyError at the key."""
        try:
            return convert(self.take(key))
        except _UNREADABLE as error:
            raise self.fail(f"{key!r} cannot be read ({error})", key) from error

    def read_each(self, convert: Callable[[Any], T]) -> dict[str, T]:
        """Every value through `convert`, as `read` does."""
        return {key: self.read(key, convert) for key in self}

    def only(self, allowed: Mapping[str, Any] | set[str] | frozenset[str]) -> None:
        """Refuse any key that is not allowed."""
        for key in self:
            if key not in allowed:
                raise self.fail(
                    f"unknown key {key!r}, expected one of {sorted(allowed)}. Fix the spelling.", key
                )


def loader_of(fast: Any) -> Any:
    """Reads with libyaml's loader `fast`, ten times as fast, and composes in Python: libyaml's own composer ends the program
    where a file is nested too deeply. Without libyaml (None), which not every build has, all is done in Python."""
    if fast is None:
        return yaml.SafeLoader

    class Loader(Composer, fast):  # type: ignore[misc]
        def __init__(self, text: str) -> None:
            fast.__init__(self, text)
            Composer.__init__(self)

    return Loader


_LOADER = loader_of(getattr(yaml, "CSafeLoader", None))


def read_policy(path: Path) -> PolicyMap:
    """Parse a file to nested PolicyMaps and lists; raises PolicyError naming file and line."""
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=_LOADER)
    except UnicodeDecodeError as error:
        raise PolicyError(f"{path}: is not UTF-8 text ({error.reason}). Save it as UTF-8.") from error
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read ({error}). Restore the file.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise PolicyError(f"{path}:{line}: not valid YAML ({getattr(error, 'problem', error)}).") from error
    except RecursionError as error:
        raise PolicyError(f"{path}: is nested too deeply.") from error
    try:
        value = _build(node, path) if node is not None else None
    except RecursionError as error:  # an alias inside what it names
        raise PolicyError(f"{path}: holds itself or is nested too deeply. Remove the alias.") from error
    if not isinstance(value, PolicyMap):
        raise PolicyError(f"{path}:1: expected a mapping at the top level")
    return value


def _build(node: yaml.Node, path: Path) -> Any:
    if isinstance(node, yaml.MappingNode):
        result = PolicyMap(path, node.start_mark.line + 1)
        for key_node, value_node in node.value:
            key = str(_build(key_node, path))
            result.key_line[key] = key_node.start_mark.line + 1
            if key in result:
                raise result.fail(f"key {key!r} stands twice; delete one", key)
            result[key] = _build(value_node, path)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, path) for item in node.value]
    try:
        return SafeConstructor().construct_object(node, deep=True)
    except yaml.YAMLError as error:
        raise PolicyError(f"{path}:{node.start_mark.line + 1}: value not allowed here ({error}).") from error


def build_row(row_type: type[T], source: PolicyMap, converters: Mapping[str, Any]) -> T:
    """A frozen dataclass from a mapping: keys are its fields; missing ones take the field's default.

    `converters` maps a field name to a function applied to its value; other values must be numbers of the field's type, finite
    and not below 0, or true or false where that is its type.
    """
    names = {f.name: f for f in fields(row_type)}  # type: ignore[arg-type]
    source.only(names)
    values: dict[str, Any] = {}
    for name, spec in names.items():
        if name not in source:
            if spec.default is MISSING and spec.default_factory is MISSING:
                raise source.fail(f"key {name!r} is missing; expected {sorted(names)}")
            continue
        try:
            convert = converters.get(name) or partial(_plain, kind=spec.type)
            values[name] = convert(source[name])
        except _UNREADABLE as error:
            raise source.fail(
                f"value of {name!r} is not allowed: {source[name]!r} ({error})", name
            ) from error
    return row_type(**values)


def _plain(value: Any, kind: Any) -> Any:
    """A truth value or a number, as the field's type says. Every number of a policy is a share, a length, a count or a time:
    a negative one, or NaN, to which nothing compares, would switch its rule off or on for good."""
    if kind is bool:
        if isinstance(value, bool):
            return value
        raise TypeError(f"expected true or false, got {type(value).__name__}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"expected a number, got {type(value).__name__}")
    if not 0 <= value < math.inf:
        raise ValueError("expected a number that is finite and not below 0")
    if kind in (int, int | None):
        return whole(value)
    return value


def whole(value: float) -> int:
    """A whole number, which YAML may have as 7.0."""
    if value != int(value):
        raise TypeError("expected a whole number")
    return int(value)
