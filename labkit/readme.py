"""The parts of README.md that depend on the repository's address, which stands once, in pyproject.toml."""

import re
import tomllib
from pathlib import Path
from urllib.parse import quote, urlsplit

#: Part of the address until the owner has filled it in.
PLACEHOLDER = "to-be-filled-in"
#: The page that Binder opens.
START = "lab/tree/labs/00_start.ipynb"
#: Where a checkout's files are; only a checkout has them.
ROOT = Path(__file__).resolve().parent.parent


def address(root: Path = ROOT) -> str | None:
    """``[project.urls] Repository`` of the checkout, ``None`` while it is the placeholder."""
    path = root / "pyproject.toml"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: not there; this command works in a checkout of the repository")
    url = tomllib.loads(path.read_text(encoding="utf-8"))["project"]["urls"]["Repository"]
    return None if PLACEHOLDER in url else url.removesuffix("/").removesuffix(".git")


def binder(url: str) -> str:
    """The address that opens the repository at ``url`` on Binder."""
    parts = urlsplit(url)
    path = parts.path.strip("/")
    if parts.netloc == "github.com":
        source = f"gh/{path}"
    elif parts.netloc == "gitlab.com":
        source = f"gl/{quote(path, safe='')}"
    else:
        source = f"git/{quote(url, safe='')}"
    return f"https://mybinder.org/v2/{source}/HEAD?urlpath={quote(START, safe='')}"


def blocks(url: str | None) -> dict[str, str]:
    """Name of each generated block -> its text, for one address (``None``: not known yet)."""
    if url is None:
        return {
            "clone": "```sh\ngit clone <the address of this repository> labkit && cd labkit\n```",
            "binder": "*A Binder badge appears here once the owner has filled in the repository's address\n"
            "(`[project.urls]` in `pyproject.toml`, then `python -m labkit readme`).*",
        }
    return {
        "clone": f"```sh\ngit clone {url} labkit && cd labkit\n```",
        "binder": f"[![Binder](https://mybinder.org/badge_logo.svg)]({binder(url)})\n"
        f"Source and issues: <{url}>",
    }


def fill(text: str, url: str | None) -> str:
    """``text`` with every block between ``<!-- name -->`` and ``<!-- /name -->`` written anew.

    Raises:
        ValueError: a block is not there exactly once.
    """
    for name, block in blocks(url).items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text, count = pattern.subn(lambda match, block=block: f"{match[1]}{block}\n{match[2]}", text)
        if count != 1:
            raise ValueError(f"README: block {name!r} is there {count} times; allowed: once")
    return text


def update(root: Path = ROOT) -> bool:
    """Write README.md's generated blocks; whether anything changed."""
    path = root / "README.md"
    before = path.read_text(encoding="utf-8")
    after = fill(before, address(root))
    path.write_text(after, encoding="utf-8")
    return after != before
