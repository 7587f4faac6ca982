"""Where engines are installed: each in an environment of its own, since their pins differ."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT


@dataclass(frozen=True)
class BuildEngine:
    """An engine that can build the models.

    Attributes:
        name: Its name, which is also dbt's target.
        title: As it is called.
        is_server: Whether a local one is a process of its own; if not, dbt brings it.
        needs: What its environment cannot install.
        protocols: What a server of it may speak: sc is Spark Connect.
    """

    name: str
    title: str
    is_server: bool
    needs: str = ""
    protocols: tuple[str, ...] = ("sc",)

    @property
    def folder(self) -> Path:
        """Its environment: `make install-NAME` makes it, CHURN_NAME_ENV names another."""
        default = PROJECT / f".venv-{self.name}"
        return Path(os.environ.get(f"CHURN_{self.name.upper()}_ENV", default))

    def target(self, url: str | None) -> str:
        """Return dbt's target for an address; CHURN_ENGINE_TARGET names another one."""
        if named := own_target():
            return named
        if self.is_server or url is None:
            return self.name
        return f"{self.name}_{'thrift' if urlsplit(url).scheme == 'thrift' else 'remote'}"

    def address(self, url: str | None) -> dict[str, str]:
        """Return the variables that profiles.yml reads an address from."""
        if url is None:
            return {}
        parts = urlsplit(url)
        return {
            "CHURN_ENGINE_URL": url,
            "CHURN_ENGINE_HOST": str(parts.hostname),
            "CHURN_ENGINE_PORT": str(parts.port),
        }

    def program(self, name: str) -> Path:
        """Return a program of the engine's environment.

        Raises:
            ChurnError: The engine is not installed.
        """
        path = self.folder / "bin" / name
        if not path.exists():
            raise ChurnError(
                f"{self.title} is not installed.",
                where=str(path),
                hint=f"make install-{self.name}{self.needs}. Nothing was built or published.",
            )
        return path


ENGINES = {
    engine.name: engine
    for engine in (
        BuildEngine("sail", "Sail", is_server=True),
        BuildEngine(
            "spark",
            "Spark",
            is_server=False,
            needs=", and Java 17 (apt-get install openjdk-17-jre-headless)",
            protocols=("sc", "thrift"),
        ),
    )
}


def own_target() -> str | None:
    """Return the target of profiles.yml that is to be used as it is, with its own address."""
    return os.environ.get("CHURN_ENGINE_TARGET") or None


def find_engine(name: str) -> BuildEngine | None:
    """Return an engine by its name; None for DuckDB, which is always there.

    Raises:
        ChurnError: There is none of that name, or it is not installed.
    """
    if name == "duckdb":
        return None
    if name not in ENGINES:
        raise ChurnError(
            f"There is no engine {name!r}.", hint=f"Choose one of: duckdb, {', '.join(ENGINES)}."
        )
    ENGINES[name].program("dbt")
    return ENGINES[name]
