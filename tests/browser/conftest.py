"""One JupyterLab and one Chromium for all browser tests."""

import pytest
from browser import jupyter


@pytest.fixture(scope="session")
def lab(root, tmp_path_factory):
    with jupyter.server(root / "labs", tmp_path_factory.mktemp("lab"), LABKIT_FAST="1") as lab:
        yield lab


@pytest.fixture(scope="session")
def page(browser_path):
    with jupyter.browser(browser_path) as page:
        yield page


@pytest.fixture(scope="module")
def panels(request, page, lab):
    """The panels of a notebook that the module's ``SOURCE`` makes: one a cell, each with its first frame."""
    name = f"{request.module.__name__.rpartition('.')[2]}.ipynb"
    lab.write(name, request.module.SOURCE)
    jupyter.open_page(page, lab, name)
    cells = page.locator(".jp-CodeCell")
    yield [jupyter.Panel(page, cells.nth(k).locator(".lk-panel").first) for k in range(cells.count())]
    jupyter.end_kernels(page)
    assert page.complaints == []
