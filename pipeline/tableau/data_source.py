"""Writes a Tableau data source (.tds) for one table of an extract, and packs it (.tdsx)."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as Xml

from pipeline.project.serving_tables import Column, Table
from pipeline.tableau.extract import SCHEMA, HyperColumn
from pipeline.tableau.fields import TableauField, tableau_field

# The format that every Tableau since 2018.1 reads.
_VERSION = "18.1"
_CONNECTION = "hyper.published"


def fields_of(table: Table, columns: Sequence[HyperColumn]) -> list[TableauField]:
    """Return the fields of a table's published columns; columns not in the YAML get defaults.

    Args:
        table: The table as the YAML describes it.
        columns: Its columns in the published file.
    """
    described = {column.name: column for column in table.columns}
    return [
        tableau_field(
            described.get(column.name, Column(column.name, column.data_type, None, "")),
            column.data_type,
            table.key,
        )
        for column in columns
    ]


def data_source(table: Table, fields: Sequence[TableauField], extract: str) -> bytes:
    """Return the XML of a data source.

    Args:
        table: The table.
        fields: Its fields.
        extract: Path of the .hyper as Tableau sees it.
    """
    root = Xml.Element(
        "datasource",
        {
            "formatted-name": f"federated.{table.name}",
            "inline": "true",
            "source-platform": "win",
            "version": _VERSION,
            "xmlns:user": "http://www.tableausoftware.com/xml/user",
        },
    )
    _add_connection(root, table, fields, extract)
    Xml.SubElement(root, "aliases", {"enabled": "yes"})
    for field in fields:
        _add_column(root, field)
    _add_folders(root, fields)
    Xml.SubElement(
        root,
        "layout",
        {
            "dim-ordering": "alphabetic",
            "measure-ordering": "alphabetic",
            "show-structure": "true",
        },
    )
    Xml.indent(root)
    head = b"<?xml version='1.0' encoding='utf-8' ?>\n"
    body: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=False)
    return head + body + b"\n"


def pack(path: Path, name: str, source: bytes, extract: Path, inside: str) -> None:
    """Write a .tdsx: the data source and its extract in one file.

    Args:
        path: File to write.
        name: Name of the data source.
        source: Its XML.
        extract: The .hyper on disk.
        inside: Its path in the package, which the XML names.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        package.writestr(f"{name}.tds", source)
        package.write(extract, inside)


def _add_connection(
    root: Xml.Element, table: Table, fields: Sequence[TableauField], extract: str
) -> None:
    federated = Xml.SubElement(root, "connection", {"class": "federated"})
    names = Xml.SubElement(federated, "named-connections")
    named = Xml.SubElement(
        names, "named-connection", {"caption": Path(extract).stem, "name": _CONNECTION}
    )
    Xml.SubElement(
        named,
        "connection",
        {
            "authentication": "auth-none",
            "author-locale": "en_US",
            "class": "hyper",
            "dbname": extract,
            "default-settings": "yes",
            "schema": SCHEMA,
            "sslmode": "",
            "tablename": table.name,
            "username": "tableau_internal_user",
        },
    )
    Xml.SubElement(
        federated,
        "relation",
        {
            "connection": _CONNECTION,
            "name": table.name,
            "table": f"[{SCHEMA}].[{table.name}]",
            "type": "table",
        },
    )
    records = Xml.SubElement(federated, "metadata-records")
    for ordinal, field in enumerate(fields):
        record = Xml.SubElement(records, "metadata-record", {"class": "column"})
        for tag, text in (
            ("remote-name", field.name),
            ("remote-type", str(field.remote_type)),
            ("local-name", f"[{field.name}]"),
            ("parent-name", f"[{table.name}]"),
            ("remote-alias", field.name),
            ("ordinal", str(ordinal)),
            ("local-type", field.datatype),
            ("aggregation", field.aggregation),
            ("contains-null", "true"),
        ):
            Xml.SubElement(record, tag).text = text


def _add_column(root: Xml.Element, field: TableauField) -> None:
    said = {
        "aggregation": field.aggregation,
        "caption": field.caption,
        "datatype": field.datatype,
        "default-format": field.number_format,
        "name": f"[{field.name}]",
        "role": field.role,
        "type": field.kind,
    }
    column = Xml.SubElement(root, "column", {key: text for key, text in said.items() if text})
    if field.description:
        words = Xml.SubElement(Xml.SubElement(column, "desc"), "formatted-text")
        Xml.SubElement(words, "run").text = field.description


def _add_folders(root: Xml.Element, fields: Sequence[TableauField]) -> None:
    folders = Xml.SubElement(root, "folders-common")
    for name in dict.fromkeys(field.folder for field in fields):
        folder = Xml.SubElement(folders, "folder", {"name": name})
        for field in fields:
            if field.folder == name:
                Xml.SubElement(folder, "folder-item", {"name": f"[{field.name}]", "type": "field"})
