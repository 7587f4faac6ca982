"""The HTTP API over the published generation."""

from app.api.factory import create_app
from app.api.settings import ApiSettings

__all__ = ["ApiSettings", "create_app"]
