"""Reading a request body: counted while it streams, refused as soon as it is too much. Nothing is decoded here."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from firewarden.api.pool import overloaded
from firewarden.api.problems import Problem, invalid_fields, not_written
from firewarden.api.settings import Settings

IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp")
MULTIPART = "multipart/form-data"
PHOTO_PART = "photo"
_MAX_FORM_FIELDS = 64
_MAX_FIELD_BYTES = 16 * 1024
_CUT_OFF = "The form is cut off; send all of it, up to its closing boundary."
_UPGRADE = "got `Upgrade`, with which no body is read; send without it (curl: --http1.1; Java: HTTP_1_1)"


@dataclass(frozen=True, slots=True)
class Upload:
    """Photos as sent and the fields beside them. `single` uploads are answered with one inspection, not a list."""

    photos: tuple[bytes, ...]
    fields: tuple[tuple[str, str], ...]
    single: bool


class WholeFormParser(MultiPartParser):
    """Refuses a form that ends before its closing boundary: of such a form the last part would be left out."""

    _ended = False

    def on_end(self) -> None:
        self._ended = True

    async def parse(self) -> FormData:
        """The form; raises a 400 Problem where it is cut off, and MultiPartException where it is none."""
        form = await super().parse()
        if not self._ended:
            for file in self._files_to_close_on_error:
                file.close()
            raise Problem(400, "multipart", _UPGRADE if "upgrade" in self.headers else _CUT_OFF)
        return form


class BodyBudget:
    """Bytes that all requests together may hold in memory."""

    def __init__(self, limit_bytes: int, on_refused: Callable[[str], object] = lambda reason: None) -> None:
        self._limit = limit_bytes
        self._held = 0
        self._on_refused = on_refused

    @contextmanager
    def lease(self) -> Iterator["BodyLease"]:
        """A lease for one request; what it took is given back at the end, however it ends."""
        lease = BodyLease(self)
        try:
            yield lease
        finally:
            self._held -= lease.taken

    def _take(self, n_bytes: int) -> None:
        if self._held + n_bytes > self._limit:
            self._on_refused("memory")
            raise overloaded(retry_after_s=2)
        self._held += n_bytes


class BodyLease:
    """Bytes one request holds so far."""

    def __init__(self, budget: BodyBudget) -> None:
        self._budget = budget
        self.taken = 0

    def take(self, n_bytes: int) -> None:
        """Count more bytes; raises the 429 Problem where all requests together hold too many."""
        self._budget._take(n_bytes)
        self.taken += n_bytes


async def read_upload(request: Request, settings: Settings, lease: BodyLease) -> Upload:
    """The body by its Content-Type; raises 400, 408, 413, 415, 422, 429 or 503 Problems."""
    media_type = check_headers(request, settings)
    query = tuple(request.query_params.multi_items())
    try:
        async with asyncio.timeout(settings.body_timeout_s):
            if media_type == MULTIPART:
                return await _read_multipart(request, settings, lease, query)
            chunks = [chunk async for chunk in _capped(request, settings.max_body_bytes, lease)]
    except TimeoutError as error:
        raise Problem(
            408,
            "upload-too-slow",
            f"The body did not arrive within {settings.body_timeout_s:g} s; send it again.",
            headers={"Connection": "close"},
        ) from error
    except OSError as error:  # large parts of a form are spooled
        raise not_written("upload") from error
    except ClientDisconnect as error:
        raise Problem(
            400, "upload-cut-off", "The connection closed before the whole body arrived."
        ) from error
    if not lease.taken:
        told = "got an empty body, expected the bytes of one JPEG, PNG or WebP photo"
        raise Problem(400, "empty-body", _UPGRADE if "upgrade" in request.headers else told)
    return Upload((b"".join(chunks),), query, single=True)


def check_headers(request: Request, settings: Settings) -> str:
    """The media type, once the headers alone give no reason to refuse the body."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise Problem(
            415,
            "content-encoding",
            f"got Content-Encoding {encoding[:40]!r}, expected none: photos are packed already",
        )
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in (*IMAGE_TYPES, MULTIPART):
        raise Problem(
            415,
            "content-type",
            f"got Content-Type {media_type[:80]!r}, expected one of {', '.join((*IMAGE_TYPES, MULTIPART))}",
            headers={"Accept": ", ".join((*IMAGE_TYPES, MULTIPART))},
        )
    cap = settings.max_multipart_bytes if media_type == MULTIPART else settings.max_body_bytes
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > cap:
        raise _too_large(cap)
    return media_type


async def _capped(request: Request, cap: int, lease: BodyLease) -> AsyncGenerator[bytes, None]:
    """Chunks of the body; stops reading with 413 in the chunk that passes the cap, whatever Content-Length said."""
    async for chunk in request.stream():
        lease.take(len(chunk))
        if lease.taken > cap:
            raise _too_large(cap)
        yield chunk


async def _read_multipart(
    request: Request, settings: Settings, lease: BodyLease, query: tuple[tuple[str, str], ...]
) -> Upload:
    parser = WholeFormParser(
        request.headers,
        _capped(request, settings.max_multipart_bytes, lease),
        max_files=settings.max_photos,
        max_fields=_MAX_FORM_FIELDS,
        max_part_size=_MAX_FIELD_BYTES,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        too_much = "Too many" in error.message or "exceeded" in error.message
        told = error.message.rstrip(".")
        if too_much:
            raise Problem(413, "multipart", f"{told}; send fewer or split.") from error
        raise Problem(
            400, "multipart", f"{told}; send photos as multipart/form-data with its boundary."
        ) from error
    try:
        photos = [await part.read() for part in _photo_parts(form, settings)]
    finally:
        await form.close()
    texts = tuple((name, value) for name, value in form.multi_items() if isinstance(value, str))
    return Upload(tuple(photos), query + texts, single=len(photos) == 1)


def _photo_parts(form: FormData, settings: Settings) -> Sequence[UploadFile]:
    files = [(name, value) for name, value in form.multi_items() if isinstance(value, UploadFile)]
    strangers = sorted({name for name, _ in files if name != PHOTO_PART})
    if strangers:
        raise invalid_fields(
            [
                {"field": name[:80], "message": f"unexpected file part, expected {PHOTO_PART!r}"}
                for name in strangers
            ]
        )
    if not files:
        raise invalid_fields(
            [
                {
                    "field": PHOTO_PART,
                    "message": "missing; send each photo as a part with this name and a filename",
                }
            ]
        )
    parts = [part for _, part in files]
    if any((part.size or 0) > settings.max_body_bytes for part in parts):
        raise _too_large(settings.max_body_bytes)
    return parts


def _too_large(cap: int) -> Problem:
    """413; the connection is closed, as the rest of the body will not be read."""
    return Problem(
        413,
        "too-large",
        f"The body passes {cap} bytes; send a smaller photo.",
        headers={"Connection": "close"},
    )
