"""The docs site: guides, reference, notebooks and info sheets as static pages.

In the order of the flow: `dictionary` and `cli_reference` generate pages from YAML and commands,
`notebooks` runs the notebooks, `site` builds the whole site.
"""

from pipeline.docs.site import build_site

__all__ = ["build_site"]
