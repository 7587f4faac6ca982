"""Start the viewer: Streamlit on the loopback, with the addresses of the data and the API."""

import os
import subprocess
import sys
from collections.abc import Mapping

from app.people import Role
from app.viewer import client
from pipeline.project.home import PROJECT, Home

MAIN = PROJECT / "app" / "viewer" / "main.py"
# Holds the application that serves it; `streamlit run` finds it there.
WEB_APP = MAIN.with_name("web_app.py")


def viewer_command(port: int) -> list[str]:
    """Return the command that serves the viewer on a port of the loopback."""
    options = {
        "server.port": port,
        "server.address": "127.0.0.1",
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "viewer",
        "theme.base": "light",
        "theme.primaryColor": "#00609A",
        # captions are this colour at 60%: dark enough to read on white and on the sidebar
        "theme.textColor": "#08090C",
        "theme.secondaryBackgroundColor": "#F4F6F9",
    }
    return [
        *(sys.executable, "-m", "streamlit", "run", str(WEB_APP)),
        *(f"--{name}={value}" for name, value in options.items()),
    ]


def viewer_environment(
    home: Home, api: str | None, key: str | None, keys: Mapping[Role, str] | None = None
) -> dict[str, str]:
    """Return the environment of the viewer's process.

    Args:
        home: CHURN_HOME whose published tables are shown.
        api: Address of the API; None keeps the one in the environment.
        key: Its key; None keeps the one in the environment.
        keys: Role → the key for requests of people with that role.
    """
    settings = {"CHURN_HOME": str(home.root), client.ADDRESS: api, client.KEY: key}
    settings |= {client.key_of(role): one for role, one in (keys or {}).items()}
    return os.environ | {name: value for name, value in settings.items() if value}


def serve_viewer(home: Home, port: int, api: str | None = None, key: str | None = None) -> int:
    """Serve the viewer until it is stopped; return its exit status."""
    environment = viewer_environment(home, api, key)
    try:
        return subprocess.run(  # noqa: S603 - streamlit, by this interpreter
            viewer_command(port), env=environment, check=False
        ).returncode
    except KeyboardInterrupt:
        return 0
