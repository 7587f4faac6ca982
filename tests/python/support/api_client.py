"""The API in this process, with a client that sends a key and looks at every answer."""

import io
import json
import re
import secrets
from urllib.parse import quote

from fastapi.testclient import TestClient

from app.api.access.keys import create_key
from app.api.factory import create_app
from app.api.http.telemetry import Telemetry
from app.api.settings import ApiSettings

FREE = {
    "rate_limit": "1000000/minute",
    "write_limit": "1000000/minute",
    "failure_limit": "1000000/minute",
}


class Api:
    """A running app: `get`, `post`, `put`, `delete` send the key of the scopes it was made with."""

    def __init__(self, home, *scopes, domains=(), **options):
        self.home = home
        self.log = io.StringIO()
        self.app = create_app(home, ApiSettings(**(FREE | options)), Telemetry(self.log))
        self.services = self.app.state.services
        self.key = self.new_key(*scopes, domains=domains) if scopes else None
        headers = {"X-API-Key": self.key} if self.key else {}
        self.client = TestClient(self.app, headers=headers, raise_server_exceptions=False)

    def __enter__(self):
        self.client.__enter__()
        return self

    def __exit__(self, *raised):
        self.client.__exit__(*raised)

    def new_key(self, *scopes, domains=(), expires_at=None):
        name = f"test {secrets.token_hex(6)}"
        return create_key(self.services.store, name, scopes, domains, expires_at)

    def get(self, path, **more):
        return checked(self.client.get(path, **more))

    def post(self, path, **more):
        return checked(self.client.post(path, **more))

    def put(self, path, **more):
        return checked(self.client.put(path, **more))

    def delete(self, path, **more):
        return checked(self.client.delete(path, **more))

    def items(self, path):
        """All items of a list, page after page."""
        found, cursor = [], ""
        while cursor is not None:
            page = self.get(path + ("&" if "?" in path else "?") + cursor).json()
            found += page["items"]
            cursor = page["next_cursor"] and f"cursor={page['next_cursor']}"
        return found

    def customer(self, domain, customer_id):
        return self.get(f"/v1/{domain}/customers/{quote(customer_id, safe='')}")

    def rows(self, sql, *values):
        """Rows of the published generation, read without the API."""
        return self.services.reader.refresh().rows(sql, values)

    def lines(self):
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


def checked(answer):
    """Every answer has its manners: never a 500, a problem is one, a correlation id."""
    assert answer.status_code != 500, answer.text
    assert answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    if answer.status_code >= 400 and answer.request.url.path != "/readyz":
        problem_of(answer)
    elif answer.status_code < 300 and answer.request.url.path.startswith("/v1/"):
        assert {"as_of_date", "model_version", "generation"} <= set(answer.json())
    return answer


def problem_of(answer, status=None, kind=None):
    """The answer as problem details."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert {"type", "title", "status", "detail", "request_id"} <= set(problem)
    assert problem["status"] == answer.status_code
    assert re.fullmatch(r"urn:churn:problem:[a-z-]+", problem["type"])
    assert "Traceback" not in answer.text
    if status is not None:
        assert answer.status_code == status, answer.text
    if kind is not None:
        assert problem["type"].endswith(f":{kind}"), answer.text
    return problem
