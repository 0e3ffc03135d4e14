"""Taking back what importing ultralytics does to Pillow for the whole process."""

from PIL import Image as PillowImage
from ultralytics.utils import patches


def restore_pillow_open() -> None:
    """Give `PIL.Image.open` back. The trainer replaces it on import by one that answers an unreadable picture with the
    installation of a HEIF plug-in, or with ModuleNotFoundError, instead of UnidentifiedImageError."""
    if PillowImage.open is patches.image_open:
        PillowImage.open = patches._image_open
