import jaxtyping
import pytest


@pytest.fixture
def as_users_see_it():
    """Shape annotations off, as outside the tests: labkit's own errors have to speak."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
