"""Makes sure that a file named .csv is text, and turns other encodings into UTF-8."""

import codecs
import unicodedata
import zipfile
from pathlib import Path

from pipeline.project.errors import ChurnError

UTF_8 = "utf-8"
_CHUNK = 1 << 22
_SAVE = "Save it as CSV (UTF-8), or remove it from the directory."
# The first bytes of files that are often named .csv, what they are, and what to do.
_OTHERS = (
    (b"PK\x03\x04", "a zip archive", "Rename it to end in .zip, or unpack it."),
    (b"\x1f\x8b", "a gzip file", "Rename it to end in .csv.gz, or unpack it."),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Rename it to end in .7z, or unpack it."),
    (b"PAR1", "a Parquet file", "Rename it to end in .parquet."),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook", _SAVE),
    (b"SQLite format 3\0", "an SQLite database", _SAVE),
    (b"%PDF-", "a PDF document", _SAVE),
)
_WIDE = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
# Letters that look like Latin ones have these words in their names.
_ALPHABETS = ("CYRILLIC", "GREEK", "ARMENIAN", "FULLWIDTH")


def known_encoding(name: str) -> str:
    """Return an encoding's usual name.

    Raises:
        ChurnError: Python knows no such encoding of text.
    """
    try:
        codec = codecs.lookup(name)
        "".encode(name)  # a codec of bytes, such as base64, is not an encoding of text
    except (LookupError, ValueError) as error:
        raise ChurnError(
            f"There is no encoding {name!r}.",
            hint="Give one such as utf-8, cp1252, iso-8859-2, cp1251, utf-16, shift_jis, gb18030.",
        ) from error
    return codec.name


def check_is_text(path: Path, name: str, encoding: str) -> None:
    """Refuse a file that is something other than text in its encoding, whatever it is called."""
    with path.open("rb") as file:
        head = file.read(1 << 12)
    for begins, kind, hint in _OTHERS:
        if head.startswith(begins):
            if begins == b"PK\x03\x04" and _is_workbook(path):
                kind, hint = "an Excel workbook", _SAVE
            raise ChurnError(f"The file is {kind}, not a CSV.", where=name, hint=hint)
    if encoding != UTF_8:
        return
    wide = _WIDE.get(head[:2])
    if wide or b"\0" in head.partition(b"\n")[0]:
        raise ChurnError(
            f"The file is not UTF-8 text{f'; it begins like {wide.upper()}' if wide else ''}.",
            where=name,
            hint="Save it again as UTF-8, or name its encoding: --encoding utf-16.",
        )


def as_utf_8(path: Path, target: Path, name: str, encoding: str) -> Path:
    """Return the file, or a copy of it in UTF-8 if it is in another encoding.

    Bytes that the encoding does not have are kept as they are: their rows go to quarantine.

    Raises:
        ChurnError: The file is not in that encoding.
    """
    if encoding == UTF_8:
        return path
    decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
    try:
        with path.open("rb") as data, target.open("wb") as text:
            while chunk := data.read(_CHUNK):
                text.write(decoder.decode(chunk).encode(errors="surrogateescape"))
            text.write(decoder.decode(b"", final=True).encode(errors="surrogateescape"))
    except UnicodeError as error:
        raise ChurnError(
            f"The file is not {encoding} text ({error}).",
            where=name,
            hint="Name the encoding that it was saved in: --encoding NAME.",
        ) from error
    return target


def shown(text: str, most: int = 1_000) -> str:
    """Return text for a terminal: one line, without what cannot be printed, not too long."""
    line = "".join(c if c.isprintable() else f"<U+{ord(c):04X}>" for c in text[:most])
    return f"{line} …" if len(text) > most else line


def odd_characters(text: str) -> list[str]:
    """Return what in a name looks like nothing or like another letter, with code point and place.

    Places are counted from 1.
    """
    return [
        f"U+{ord(character):04X} ({unicodedata.name(character, 'without a name')})"
        f" as character {place}"
        for place, character in enumerate(text, 1)
        if (unicodedata.category(character)[0] in "CZ" and character != " ")
        or unicodedata.name(character, "").startswith(_ALPHABETS)
    ]


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as zipped:
            return "[Content_Types].xml" in zipped.namelist()
    except zipfile.BadZipFile:
        return False
