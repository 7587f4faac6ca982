"""Who wants to know: `CHURN_HOME/targets.json`, and secrets from the environment.

A secret of a target is never in the file. For a target `ops` it is the variable CHURN_TARGET_OPS_…
of the environment: SECRET signs a webhook, URL is the address of a channel, PASSWORD is that of a
mail server.
"""

import os
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from ml.settings import wrong
from pipeline.alerts.trouble import KINDS
from pipeline.project.checked import read_checked
from pipeline.project.errors import ChurnError
from pipeline.project.files import write_json
from pipeline.project.home import Home

FILE = "targets.json"
EVERY_KIND = "all"
_VIEWER = "http://127.0.0.1:8501"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
# an address in a header: nothing that begins another one
_MAIL = r"^[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+$"

Address = Annotated[str, StringConstraints(pattern=_MAIL, max_length=254)]
Link = Annotated[str, StringConstraints(pattern=r"^https?://[^\s\"'<>]+$", max_length=500)]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Target(_Document):
    alerts: bool = Field(default=True, description="Whether it gets every alert")


class FileTarget(_Target):
    """A file of JSON lines."""

    kind: Literal["file"]
    path: str = Field(
        min_length=1, description="Where lines are added; below CHURN_HOME if not absolute"
    )


class WebTarget(_Target):
    """An address that gets JSON: signed, or as a channel of Slack or Teams takes it."""

    kind: Literal["webhook", "slack", "teams"]
    url: Link | None = Field(
        default=None, description="https://HOST/PATH; without it, CHURN_TARGET_<NAME>_URL"
    )
    development: bool = Field(
        default=False, description="Whether http and addresses of this machine are allowed"
    )


class MailTarget(_Target):
    """A mail server and who gets mail from it."""

    kind: Literal["smtp"]
    host: str = Field(min_length=1, description="Name of the mail server")
    port: int = Field(default=587, ge=1, le=65535, description="Its port")
    tls: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="starttls, tls from the first byte, or none"
    )
    ca_file: str | None = Field(
        default=None, description="Certificates to trust beside those of the system"
    )
    user: str | None = Field(
        default=None, description="Who signs in; the password is CHURN_TARGET_<NAME>_PASSWORD"
    )
    sender: Address = Field(description="Address that mail comes from")
    to: tuple[Address, ...] = Field(min_length=1, description="Addresses that get everything")

    @model_validator(mode="after")
    def _keeps_the_password(self) -> Self:
        if self.user is not None and self.tls == "none":
            raise wrong(
                "tls",
                says="A password would be sent in the clear.",
                hint="Use starttls or tls, or a server without a user.",
            )
        return self


Target = Annotated[FileTarget | WebTarget | MailTarget, Field(discriminator="kind")]


class Subscription(_Document):
    """What a reader of a target wants to know of a domain: one of audience, page and alert."""

    target: str = Field(description="Name of the target")
    to: Address | None = Field(
        default=None, description="Address of the reader; without it, those of the target"
    )
    domain: str = Field(description="Domain")
    audience: str | None = Field(default=None, description="Name of a saved audience")
    page: str | None = Field(default=None, description="Address of a page of the viewer")
    alert: str | None = Field(default=None, description="A kind of alert, or all")

    @model_validator(mode="after")
    def _is_to_one_thing(self) -> Self:
        if sum(one is not None for one in (self.audience, self.page, self.alert)) != 1:
            raise wrong(
                says="A subscription is to one thing.", hint="Give one of audience, page and alert."
            )
        if self.alert is not None and self.alert not in (EVERY_KIND, *KINDS):
            raise wrong(
                "alert",
                says=f"{self.alert!r} is not a kind of alert.",
                hint=f"Kinds are: {EVERY_KIND}, {', '.join(KINDS)}.",
            )
        return self


class Targets(_Document):
    """The file.

    Attributes:
        viewer: Address of the viewer, which links begin with.
        targets: Name → target.
        subscriptions: What readers want to know beside.
    """

    viewer: Link = Field(default=_VIEWER, description="Address of the viewer")
    targets: dict[str, Target] = Field(default={}, description="Name → target")
    subscriptions: tuple[Subscription, ...] = Field(default=(), description="What readers want")

    @model_validator(mode="after")
    def _names_are_names(self) -> Self:
        for name in self.targets:
            if not _NAME.fullmatch(name):
                raise wrong(
                    "targets",
                    name,
                    says=f"{name!r} is not a name of a target.",
                    hint="Write small letters, digits and _: it is part of a variable's name.",
                )
        for place, one in enumerate(self.subscriptions):
            target = self.targets.get(one.target)
            if target is None:
                raise wrong(
                    "subscriptions",
                    place,
                    "target",
                    says=f"There is no target {one.target!r}.",
                    hint=f"Targets are: {', '.join(self.targets) or 'none'}.",
                )
            if one.to is not None and target.kind != "smtp":
                raise wrong(
                    "subscriptions",
                    place,
                    "to",
                    says=f"{one.target} does not send mail.",
                    hint="Leave out `to`, or choose a target of the kind smtp.",
                )
        return self

    def link(self, page: str, query: str = "") -> str:
        """Return the address of a page of the viewer."""
        return f"{self.viewer.rstrip('/')}/{page}{f'?{query}' if query else ''}"


def read_targets(home: Home) -> Targets:
    """Return what is set up; without a file, nothing is.

    Raises:
        ChurnError: The file is damaged or has a mistake, which is named.
    """
    path = home.root / FILE
    if not path.exists():
        return Targets()
    return read_checked(Targets, path, "docs/operate.md shows a whole file.")


def write_targets(home: Home, targets: Targets) -> None:
    """Write the file."""
    write_json(home.root / FILE, targets.model_dump(mode="json", exclude_unset=True))


def secret(name: str, what: Literal["SECRET", "URL", "PASSWORD"]) -> str:
    """Return a secret of a target.

    Raises:
        ChurnError: The environment does not have it.
    """
    variable = f"CHURN_TARGET_{name.upper()}_{what}"
    found = os.environ.get(variable)
    if not found:
        raise ChurnError(
            f"The target {name} needs {variable}.",
            where="the environment of the command",
            hint=f"Set {variable} where the night is started; it is never in {FILE}.",
        )
    return found


def path_of(home: Home, target: FileTarget) -> Path:
    """Return where a file target writes."""
    return home.root / Path(target.path).expanduser()
