"""XML of unknown origin, read without document types and entities: none can be declared, so none can expand or reach out."""

from pathlib import Path
from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from firewarden.errors import DatasetError


def read_xml(path: Path) -> Element:
    """The root element of an XML file; a DOCTYPE is refused at its first character, before anything in it counts."""

    def refuse(*_: object) -> NoReturn:
        raise DatasetError(
            f"{path}: holds a DOCTYPE or ENTITY, expected plain elements. Remove the declaration."
        )

    builder, parser = TreeBuilder(), expat.ParserCreate()
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(path.read_bytes(), True)
        return builder.close()
    except (OSError, ValueError, LookupError, expat.ExpatError) as error:
        raise DatasetError(f"{path}: not a readable XML file ({error}). Export it anew.") from error


def text_of(element: Element, name: str, where: str) -> str:
    """Text of a child element."""
    text = (element.findtext(name) or "").strip()
    if not text:
        raise DatasetError(f"{where}: <{name}> is missing or empty. Is the file of the format you named?")
    return text


def attribute(element: Element, name: str, where: str) -> str:
    """An attribute of an element."""
    value = element.get(name)
    if value is None:
        raise DatasetError(f"{where}: <{element.tag}> has no {name}. Is the file of the format you named?")
    return value
