"""One JupyterLab and one Chromium for all browser tests; each test starts the panel afresh."""

import pytest
from browser import jupyter

#: The page that all these tests use.
PAGE = "1_grokking/01_memorise_then_generalise.ipynb"


@pytest.fixture(scope="session")
def address(root, tmp_path_factory):
    with jupyter.server(root / "labs", tmp_path_factory.mktemp("lab"), LABKIT_FAST="1") as address:
        yield address


@pytest.fixture(scope="session")
def page(browser_path):
    with jupyter.browser(browser_path) as page:
        yield page


@pytest.fixture(scope="session")
def opened(page, address):
    return jupyter.open_page(page, address, PAGE)


@pytest.fixture
def panel(opened, page):
    opened.fresh()
    yield opened
    assert page.complaints == []
