"""Brings letters to targets: a file, a signed webhook, a channel, a mail server."""

import json
import os
import smtplib
import ssl
import threading
from contextlib import suppress
from datetime import UTC, datetime
from email.headerregistry import Address as MailAddress
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from pipeline.alerts.settings import FileTarget, MailTarget, Target, WebTarget, path_of, secret
from pipeline.alerts.wording import Letter
from pipeline.campaigns.endpoints import check_url
from pipeline.campaigns.send import TIMEOUT, Sender
from pipeline.campaigns.signing import check_secret, signed_headers
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home

# Seconds that a mail may take altogether: a server can answer one byte at a time.
MAIL_SECONDS = 60.0
_PROGRAMS = ("file", "webhook")
# Answers by which a receiver asks for patience, whatever the letter.
_BUSY = (408, 429)


class RefusedLetter(str):
    """Why a target that answers did not take a letter: it may take another one."""

    __slots__ = ()


def is_for_programs(target: Target) -> bool:
    """Whether a target takes letters one by one as data."""
    return target.kind in _PROGRAMS


def send(
    home: Home,
    name: str,
    target: Target,
    letter: Letter,
    recipient: str = "",
    seconds: float = TIMEOUT,
) -> str | None:
    """Bring a letter to a target; return why it did not arrive, None if it did.

    A `RefusedLetter` is of this letter alone; with any other reason the target is down.

    Args:
        home: CHURN_HOME.
        name: Name of the target.
        target: The target.
        letter: The letter.
        recipient: Address of a reader; empty for those of the target.
        seconds: Limit of a request, and of each step with a mail server.
    """
    try:
        if isinstance(target, FileTarget):
            _append(home, target, letter)
            return None
        if isinstance(target, WebTarget):
            return _post(name, target, letter, seconds)
        return _within(MAIL_SECONDS, lambda: _mail(name, target, letter, recipient, seconds))
    except ChurnError as error:
        return error.what
    except OSError as problem:
        return f"{problem.strerror or type(problem).__name__}"


def _append(home: Home, target: FileTarget, letter: Letter) -> None:
    path = path_of(home, target)
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(_document(letter), ensure_ascii=False)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
        file.flush()
        os.fsync(file.fileno())


def _document(letter: Letter) -> dict[str, Any]:
    return {
        "type": letter.kind,
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "title": letter.title,
        "data": letter.data,
    }


def _post(name: str, target: WebTarget, letter: Letter, seconds: float) -> str | None:
    url = target.url or secret(name, "URL")
    check_url(url, target.development)
    headers: dict[str, str] = {}
    if target.kind == "webhook":
        key = check_secret(secret(name, "SECRET"))
        body = json.dumps(_document(letter), ensure_ascii=False, separators=(",", ":"))
        now = datetime.now(UTC).replace(tzinfo=None)
        headers = signed_headers([key], letter.letter_id, body, now)
    else:
        shape = slack_body if target.kind == "slack" else teams_body
        body = json.dumps(shape(letter), ensure_ascii=False, separators=(",", ":"))
    sender = Sender(seconds)
    try:
        reply = sender.send(url, target.development, headers, body)
    finally:
        sender.close()
    if reply.problem:
        return reply.problem
    if reply.status is None or not 200 <= reply.status < 300:
        answered = f"answered {reply.status}"
        is_of_the_letter = 400 <= (reply.status or 0) < 500 and reply.status not in _BUSY
        return RefusedLetter(answered) if is_of_the_letter else answered
    return None


def slack_body(letter: Letter) -> dict[str, Any]:
    """Return a letter as an incoming webhook of Slack takes it."""

    def escaped(text: str) -> str:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": letter.title[:150]}}
    ]
    for one in letter.lines[:_MOST_LINES]:
        text = escaped(one.text)[:_LONGEST]
        link = f"\n<{one.url.replace('|', '%7C')}|{escaped(one.label)}>" if one.url else ""
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": text + link}})
    return {"text": escaped(letter.title), "blocks": blocks}


def teams_body(letter: Letter) -> dict[str, Any]:
    """Return a letter as a workflow of Teams takes it: a message with an adaptive card."""
    body: list[dict[str, Any]] = [
        {"type": "TextBlock", "text": _plain(letter.title), "weight": "bolder", "wrap": True}
    ]
    for one in letter.lines[:_MOST_LINES]:
        link = f" [{_plain(one.label)}]({one.url.replace(')', '%29')})" if one.url else ""
        text = _plain(one.text[:_LONGEST]) + link
        body.append({"type": "TextBlock", "text": text, "wrap": True})
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}


# What a block of Slack takes, and blocks of a message.
_LONGEST = 2_500
_MOST_LINES = 45


def _plain(text: str) -> str:
    """Text without the Markdown of a card."""
    for sign in "\\[]*_`":
        text = text.replace(sign, f"\\{sign}")
    return text


def mail_of(target: MailTarget, letter: Letter, recipient: str = "") -> EmailMessage:
    """Return a letter as a mail."""
    mail = EmailMessage()
    mail["Subject"] = " ".join(letter.title.split())
    mail["From"] = MailAddress("Churn", addr_spec=target.sender)
    mail["To"] = ", ".join([recipient] if recipient else target.to)
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = f"<{letter.letter_id}@{target.sender.rpartition('@')[2]}>"
    # no out-of-office answers
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(letter.text)
    if letter.html is not None:
        mail.add_alternative(letter.html, subtype="html")
    return mail


def _mail(
    name: str, target: MailTarget, letter: Letter, recipient: str, seconds: float
) -> str | None:
    mail = mail_of(target, letter, recipient)
    trust = ssl.create_default_context()
    if target.ca_file:
        trust.load_verify_locations(target.ca_file)
    server: smtplib.SMTP | None = None
    try:
        server = (
            smtplib.SMTP_SSL(target.host, target.port, timeout=seconds, context=trust)
            if target.tls == "tls"
            else smtplib.SMTP(target.host, target.port, timeout=seconds)
        )
        if target.tls == "starttls":
            server.starttls(context=trust)
        if target.user is not None:
            server.login(target.user, secret(name, "PASSWORD"))
        server.send_message(mail)
        with suppress(smtplib.SMTPException, OSError):
            # it has taken the mail, whatever it says to a farewell
            server.quit()
    except TimeoutError:
        return "timed out"
    except ssl.SSLError as problem:
        return f"the certificate or TLS of {target.host} is refused: {problem.reason or problem}"
    except smtplib.SMTPResponseException as answer:
        return f"the mail server answered {answer.smtp_code}"
    except smtplib.SMTPRecipientsRefused:
        return RefusedLetter("the mail server refuses every recipient")
    except smtplib.SMTPException as problem:
        return f"the mail server: {type(problem).__name__}"
    except OSError:
        return "not connected"
    finally:
        if server is not None:
            server.close()
    return None


def _within(seconds: float, work: Any) -> str | None:
    """Do some work in a thread that nobody waits for longer than this."""
    answer: list[str | BaseException | None] = []

    def run() -> None:
        try:
            answer.append(work())
        except BaseException as problem:
            answer.append(problem)

    thread = threading.Thread(target=run, name="mail", daemon=True)
    thread.start()
    thread.join(seconds)
    if not answer:
        return "timed out"
    (found,) = answer
    if isinstance(found, BaseException):
        raise found
    return found
