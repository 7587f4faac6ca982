"""The interactive API documentation: Swagger UI from the installed package, without a CDN."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from swagger_ui_bundle import swagger_ui_path

from app.headers import policy

router = APIRouter(include_in_schema=False)

_SCRIPT, _STYLE, _ICON = "swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"
# Public, like the OpenAPI document.
PATHS = frozenset({"/", "/docs", *(f"/docs/{name}" for name in (_SCRIPT, _STYLE, _ICON))})


@router.get("/")
async def root() -> RedirectResponse:
    """Redirect browsers from the root to the documentation."""
    return RedirectResponse("/docs")


_PAGE = get_swagger_ui_html(
    openapi_url="openapi.json",
    title="Churn API",
    swagger_js_url=f"docs/{_SCRIPT}",
    swagger_css_url=f"docs/{_STYLE}",
    swagger_favicon_url=f"docs/{_ICON}",
    # the validator would call an external server
    swagger_ui_parameters={"validatorUrl": None, "docExpansion": "list"},
).body
POLICY = policy(bytes(_PAGE).decode(), img_src="data:")


@router.get("/docs")
async def page() -> HTMLResponse:
    """Return the documentation page."""
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": POLICY})


def _give(name: str) -> None:
    @router.get(f"/docs/{name}", name=name)
    async def give() -> FileResponse:
        return FileResponse(Path(swagger_ui_path) / name)


for _name in (_SCRIPT, _STYLE, _ICON):
    _give(_name)
