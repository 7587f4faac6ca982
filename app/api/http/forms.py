"""Reads forms with files and streams the files to a folder."""

import hashlib
from collections.abc import Collection
from pathlib import Path

from fastapi import Request, UploadFile
from starlette.concurrency import run_in_threadpool

from app.api.http.problems import Fault, ProblemError, body_fault, content_type, invalid
from app.batch.uploads import MOST_FILES, check_name, recognised
from pipeline.project.errors import ChurnError
from pipeline.project.sources import source_tables

_BLOCK = 1 << 20
_KINDS = ("multipart/form-data", "application/x-www-form-urlencoded")


async def check_form(request: Request, fields: Collection[str]) -> None:
    """Refuse a body that is not a form, and unknown fields, which would be silently dropped.

    Raises:
        ProblemError: 415, the body is not a form; 422, a field is unknown.
    """
    kind = content_type(request)
    if kind and kind not in _KINDS:
        raise ProblemError(
            415, "unsupported-media-type", f"{kind[:100]} is not supported; send {_KINDS[0]}."
        )
    unknown = [name for name in await request.form() if name not in fields]
    if unknown:
        known = f"is not a field of this form; fields are {', '.join(fields)}"
        raise invalid(*(body_fault([name[:100]], known) for name in unknown))


async def receive_files(domain: str, files: list[UploadFile], folder: Path) -> list[str]:
    """Write uploads to a folder; return names and hashes of their contents.

    Raises:
        ProblemError: 422, a file's name belongs to no table, or two files have one logical name.
    """
    if len(files) > MOST_FILES:
        raise invalid(_file_fault(None, f"more than {MOST_FILES} files"))
    logical: dict[str, str] = {}
    for number, file in enumerate(files):
        name = file.filename or ""
        try:
            known_as = check_name(domain, name)
        except ChurnError as error:
            raise invalid(_file_fault(number, f"{error.what} {error.hint}")) from error
        if known_as in logical:
            raise invalid(
                _file_fault(
                    number, f"{name} and {logical[known_as]} are the same file; send one of them"
                )
            )
        logical[known_as] = name
    required = [table for table in source_tables(domain) if table.required]
    for table in required:
        if not any(table.holds(name) for name in logical):
            raise invalid(
                _file_fault(None, f"a file of {table.name} is missing. {recognised(domain)}")
            )
    await run_in_threadpool(folder.mkdir, parents=True)
    received = []
    for file in files:
        name, digest = str(file.filename), hashlib.sha256()
        with (folder / name).open("wb") as target:
            while block := await file.read(_BLOCK):
                digest.update(block)
                await run_in_threadpool(target.write, block)
        received.append(f"{name} {digest.hexdigest()}")
    return received


def _file_fault(number: int | None, detail: str) -> Fault:
    at = "" if number is None else f"/{number}"
    return Fault(
        pointer=f"#/files{at}",
        row=None if number is None else number + 1,
        field="files",
        detail=detail,
    )
