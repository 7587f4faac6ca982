"""`python -m benchmarks.bare_route`: a bare FastAPI route, for comparison."""

import uvicorn
from fastapi import FastAPI

from app.api.serve import listen


def create_app() -> FastAPI:
    """Return an app with one route that does nothing."""
    app = FastAPI()

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/bare/{customer_id:path}")
    async def bare(customer_id: str) -> dict[str, str]:
        return {"customer_id": customer_id}

    return app


def main() -> None:
    """Serve it on a free loopback port, printed on the first line."""
    config = uvicorn.Config(create_app(), log_level="warning", access_log=False)
    with listen("127.0.0.1", 0) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)  # noqa: T201
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
