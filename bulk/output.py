"""The final file: JSON lines, or Parquet through the optional package pyarrow. A reader sees the old file or the new one."""

import errno
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from firewarden.bulk.items import BatchStopped
from firewarden.bulk.scorer import Row
from firewarden.errors import DatasetError

_GROUP_ROWS, _GROUP_BYTES = 1000, 16 * 2**20  # of JSON lines, in memory at a time
_FILTERED_BY = [
    "path",
    "camera",
    "time",
    "verdict",
    "risk_level",
]  # the others' bounds would only fill the footer


def check_target(path: Path) -> Literal["jsonl", "parquet"]:
    """The format of an output by its suffix; raises DatasetError for another one or a missing package."""
    suffix = path.suffix.lower()
    if suffix not in (".jsonl", ".parquet"):
        raise DatasetError(f"got --out {path}, expected a name that ends in .jsonl or .parquet")
    if suffix == ".parquet":
        _pyarrow(path)
        return "parquet"
    return "jsonl"


def write_rows(path: Path, lines: Iterable[bytes]) -> None:
    """Write rows, given as JSON lines, in the format of the suffix; raises BatchStopped where the disk does not take them."""
    with _pending(path) as pending:
        if check_target(path) == "parquet":
            _write_parquet(pending, lines)
        else:
            with pending.open("wb") as file:
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())


def write_text(path: Path, text: str) -> None:
    """Write a page; raises BatchStopped where the disk does not take it."""
    with _pending(path) as pending:
        pending.write_text(text, encoding="utf-8")


@contextmanager
def _pending(path: Path) -> Iterator[Path]:
    pending = path.with_name(f"{path.name}.pending")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield pending
        pending.replace(path)
    except OSError as error:
        with suppress(OSError):
            pending.unlink(missing_ok=True)
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        told = "the disk is full" if full else f"cannot write: {error.strerror or error}"
        raise BatchStopped(
            f"{told} ({path}). The rows are kept beside it; make room, then run again"
        ) from error


def _write_parquet(path: Path, lines: Iterable[bytes]) -> None:
    pa, pq = _pyarrow(path)
    schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in _COLUMNS.items()])
    schema = schema.append(pa.field("hazards", pa.list_(pa.string())))
    with pq.ParquetWriter(path, schema, compression="zstd", write_statistics=_FILTERED_BY) as writer:
        for group in _groups(lines):
            writer.write_table(pa.Table.from_pylist([flat_row(line) for line in group], schema=schema))
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _groups(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Lines as they are held at a time: a row group each."""
    group: list[bytes] = []
    held = 0
    for line in lines:
        group.append(line)
        held += len(line)
        if len(group) >= _GROUP_ROWS or held >= _GROUP_BYTES:
            yield group
            group, held = [], 0
    if group:
        yield group


_COLUMNS = {
    "path": "string", "error": "string", "sha256": "string", "camera": "string", "time": "string", "height": "int32",
    "width": "int32", "verdict": "string", "risk_level": "string", "scene": "string", "detections": "int32",
    "findings": "string", "model_id": "string", "model_sha256": "string", "rules_version": "string", "row": "string",
}  # fmt: skip


def flat_row(line: bytes) -> Row:
    """One line as columns. `hazards` are the codes whose outcome is `hazard`; `findings` and the whole `row` are JSON."""
    row = json.loads(line)
    findings = row.get("findings", [])
    height, width = row.get("image_hw", (None, None))
    names = ("path", "error", "verdict", "risk_level", "model_id", "model_sha256", "rules_version")
    return {
        **{name: _printable(row.get(name)) for name in names},
        "sha256": row["batch"]["sha256"],
        "camera": row["batch"]["camera"],
        "time": row["batch"]["time"],
        "height": height,
        "width": width,
        "scene": row["scene"]["name"] if "scene" in row else None,
        "detections": len(row["detections"]) if "detections" in row else None,
        "hazards": sorted({f["hazard"] for f in findings if f["outcome"] == "hazard"}),
        "findings": json.dumps(findings, ensure_ascii=False) if "findings" in row else None,
        "row": line.decode().rstrip("\n"),
    }


def _printable(text: str | None) -> str | None:
    """Parquet text is UTF-8: bytes of a file name that are none become question marks."""
    return None if text is None else text.encode(errors="replace").decode()


def _pyarrow(path: Path) -> Any:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise DatasetError(
            f"{path} needs pyarrow, which is not installed: pip install -e '.[parquet]' in the checkout, or choose .jsonl"
        ) from error
    return pa, pq
