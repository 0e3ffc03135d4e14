"""Reading the form of a batch: photos, archives and a manifest, spooled to disk while they stream. Nothing is decoded or
unpacked here."""

import asyncio
import importlib.util
import shutil
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect

from firewarden.api.problems import Problem, invalid_fields, not_written
from firewarden.api.settings import Settings
from firewarden.api.uploads import MULTIPART, WholeFormParser
from firewarden.bulk.archives import ARCHIVE_SUFFIXES, is_archive
from firewarden.bulk.manifests import MANIFEST_SUFFIXES
from firewarden.jobs.intake import Upload, Uploads, safe_file_name

PHOTO, ARCHIVE, MANIFEST = "photo", "archive", "manifest"
_PARTS = (PHOTO, ARCHIVE, MANIFEST)
_SPOOL_BYTES = 64 * 1024  # of each part in memory; more of it goes to disk
_MAX_FIELDS = 32
_MAX_FIELD_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class BatchForm:
    """File parts by kind, and the fields beside them. `form` owns the files: close it."""

    form: FormData
    fields: tuple[tuple[str, str], ...]

    def files(self, part: str) -> list[UploadFile]:
        return [value for value in self.form.getlist(part) if isinstance(value, UploadFile)]


async def read_batch_form(request: Request, settings: Settings) -> BatchForm:
    """The body, spooled; raises 400, 408, 413, 415, 422 or 503 Problems."""
    _check_headers(request, settings)
    parser = WholeFormParser(
        request.headers, _capped(request, settings.max_batch_bytes),
        max_files=settings.max_batch_files, max_fields=_MAX_FIELDS, max_part_size=_MAX_FIELD_BYTES,
    )  # fmt: skip
    parser.spool_max_size = _SPOOL_BYTES
    try:
        async with asyncio.timeout(settings.batch_timeout_s):
            form = await parser.parse()
    except TimeoutError as error:
        told = f"The body did not arrive within {settings.batch_timeout_s:g} s; send it in parts."
        raise Problem(408, "upload-too-slow", told, headers={"Connection": "close"}) from error
    except ClientDisconnect as error:
        raise Problem(
            400, "upload-cut-off", "The connection closed before the whole body arrived."
        ) from error
    except MultiPartException as error:
        too_much = "Too many" in error.message or "exceeded" in error.message
        raise Problem(
            413 if too_much else 400,
            "multipart",
            f"{error.message.rstrip('.')}; pack photos into an archive.",
        ) from error
    except OSError as error:
        raise not_written("upload") from error
    texts = tuple((name, value) for name, value in form.multi_items() if isinstance(value, str))
    read = BatchForm(form, texts)
    try:
        _check_parts(read)
    except Problem:
        await form.close()
        raise
    return read


def save_parts(read: BatchForm, folder: Path) -> Uploads:
    """Copy the parts into `folder`; raises the 503 Problem where the disk does not take them."""
    taken: set[str] = set()
    saved: dict[str, list[Upload]] = {part: [] for part in _PARTS}
    parts = [(part, file) for part in _PARTS for file in read.files(part)]
    try:
        for number, (part, file) in enumerate(parts):
            path = folder / str(number)
            with path.open("xb") as copy:
                shutil.copyfileobj(file.file, copy, 2**20)
            saved[part].append(Upload(safe_file_name(file.filename, taken, part), path))
    except OSError as error:
        raise not_written("upload") from error
    manifest = next(iter(saved[MANIFEST]), None)
    return Uploads(tuple(saved[PHOTO]), tuple(saved[ARCHIVE]), manifest)


def _check_headers(request: Request, settings: Settings) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != MULTIPART:
        raise Problem(
            415,
            "content-type",
            f"got Content-Type {media_type[:80]!r}, expected {MULTIPART} with parts {', '.join(_PARTS)}",
            headers={"Accept": MULTIPART},
        )
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > settings.max_batch_bytes:
        raise _too_large(settings.max_batch_bytes)


async def _capped(request: Request, cap: int) -> AsyncGenerator[bytes, None]:
    read_bytes = 0
    async for chunk in request.stream():
        read_bytes += len(chunk)
        if read_bytes > cap:
            raise _too_large(cap)
        yield chunk


def _check_parts(read: BatchForm) -> None:
    errors = [
        {"field": name[:80], "message": f"unexpected file part, expected {', '.join(_PARTS)}"}
        for name, value in read.form.multi_items()
        if isinstance(value, UploadFile) and name not in _PARTS
    ]
    for file in read.files(ARCHIVE):
        if not is_archive(Path(file.filename or "")):
            told = f"got the filename {(file.filename or '')[:80]!r}, expected one that ends in {' '.join(ARCHIVE_SUFFIXES)}"
            errors.append({"field": ARCHIVE, "message": told})
    manifests, (suffixes, why) = read.files(MANIFEST), _manifest_suffixes()
    if len(manifests) > 1 or any(not (file.filename or "").lower().endswith(suffixes) for file in manifests):
        told = f"expected one file whose name ends in {' or '.join(suffixes)}{why}"
        errors.append({"field": MANIFEST, "message": told})
    if not read.files(PHOTO) and not read.files(ARCHIVE):
        errors.append(
            {"field": PHOTO, "message": f"no photo; send parts {PHOTO} or {ARCHIVE} with filenames"}
        )
    if errors:
        raise invalid_fields(errors)


def _manifest_suffixes() -> tuple[tuple[str, ...], str]:
    """The kinds of manifest that can be read here, and why not the other one."""
    if importlib.util.find_spec("pyarrow") is None:
        return (".csv",), "; this server reads no Parquet (extra [parquet])"
    return MANIFEST_SUFFIXES, ""


def _too_large(cap: int) -> Problem:
    told = f"The body passes {cap} bytes; send the photos in several batches."
    return Problem(413, "too-large", told, headers={"Connection": "close"})
