"""Sphinx: how the docs site looks. `churn docs` lays out its pages and builds it."""

project = "Churn platform"
html_title = project
extensions = ["myst_nb"]
html_theme = "furo"
html_static_path: list[str] = []
exclude_patterns = ["_build", "extra"]
templates_path: list[str] = []

# The notebooks were run beforehand, on the data at hand; a page only shows what came out.
nb_execution_mode = "off"
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
myst_heading_anchors = 3
suppress_warnings = ["misc.highlighting_failure", "myst.header"]

# A site that opens from a file fetches nothing.
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
html_theme_options = {
    "footer_icons": [],
    "navigation_with_keys": True,
}
