"""The CJK typeface, from the `manimgx-fonts-cjk` package (Noto Sans CJK, SIL OFL 1.1): never from luck."""

from functools import cache
from importlib.resources import as_file, files

from PIL import ImageFont

_COLLECTION = "NotoSansCJK-VF.otf.ttc"
_SIMPLIFIED_CHINESE = 2  # index in the collection: JP, KR, SC, TC, HK


@cache
def cjk_font(size_px: int, weight: str = "Medium") -> ImageFont.FreeTypeFont:
    """Noto Sans CJK SC at `size_px`; `weight` is a named instance (Regular, Medium, Bold, Black ...)."""
    with as_file(files("manimgx_fonts_cjk") / _COLLECTION) as path:
        font = ImageFont.truetype(str(path), size_px, index=_SIMPLIFIED_CHINESE)
    font.set_variation_by_name(weight)
    return font
