"""Naming what was sent instead of a JPEG, PNG or WebP picture, by its first bytes, so that a refusal says what to do."""

_ASK = "save it as JPEG and send that"
_IPHONE = "save it as JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible) and send that"
_BRANDS = {  # ISO 14496-12: four letters behind `ftyp` name the kind of file
    **dict.fromkeys(
        (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), ("HEIC", _IPHONE)
    ),
    **dict.fromkeys((b"avif", b"avis"), ("AVIF", _ASK)),
}
_MAGIC = {
    b"GIF87a": "GIF", b"GIF89a": "GIF", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"%PDF-": "PDF",
    b"\xff\x0a": "JPEG XL", b"\0\0\0\x0cJXL ": "JPEG XL",
}  # fmt: skip


def foreign_kind(data: bytes) -> tuple[str, str] | None:
    """The kind of a file that is no JPEG, PNG or WebP picture, and the cure; None where its first bytes say nothing."""
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], ("video", "send a photo or a still of it"))
    if data[:2] == b"BM" and int.from_bytes(data[2:6], "little") == len(data):
        return "BMP", _ASK
    return next(((name, _ASK) for magic, name in _MAGIC.items() if data.startswith(magic)), None)
