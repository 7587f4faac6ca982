"""The pages of the viewer: address, file, title and icon, in the order of the sidebar."""

from typing import NamedTuple


class ViewerPage(NamedTuple):
    """A page of the viewer.

    Attributes:
        address: Its path in the browser. Bookmarks hold it, so it stays when a title changes.
        file: Its file under `screens/`.
        title: Its name in the sidebar, the heading and the browser's tab.
        icon: Streamlit's name of the icon.
    """

    address: str
    file: str
    title: str
    icon: str

    @property
    def path(self) -> str:
        """Its script, as links and the navigation name it."""
        return f"screens/{self.file}.py"


PAGES = (
    ViewerPage("today", "today", "Today", ":material/wb_sunny:"),
    ViewerPage("changes", "changes", "Changes", ":material/swap_vert:"),
    ViewerPage("customers", "customers", "Customers", ":material/group:"),
    ViewerPage("customer", "customer", "Customer", ":material/person:"),
    ViewerPage("segments", "segments", "Segments", ":material/compare:"),
    ViewerPage("do_not_contact", "do_not_contact", "Do not contact", ":material/person_off:"),
    ViewerPage("plan", "plan", "Plan", ":material/payments:"),
    ViewerPage("campaigns", "campaigns", "Campaigns", ":material/campaign:"),
    ViewerPage("precedes", "drivers", "Churn drivers", ":material/insights:"),
    ViewerPage("was_right", "quality", "Track record", ":material/fact_check:"),
    ViewerPage("nights", "nights", "Nights", ":material/bedtime:"),
    ViewerPage("audit", "audit", "Who did what", ":material/history:"),
    ViewerPage("glossary", "glossary", "Glossary and data", ":material/menu_book:"),
)
