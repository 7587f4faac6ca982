"""The docs site: guide, reference, notebooks, info sheets as static pages without a server."""

from pipeline.site.build import build_site

__all__ = ["build_site"]
