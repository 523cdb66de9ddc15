"""What a machine may lack: the tests that need it are skipped and say why. Under CI=true nothing may be lacking."""

import os
from typing import NoReturn

import pytest

_IS_CI = os.environ.get("CI") == "true"


def needs(is_there: bool, reason: str) -> pytest.MarkDecorator:
    """Mark tests as in need of something. Where it is missing they are skipped; under CI they run, and fail for want of it."""
    return pytest.mark.skipif(not is_there and not _IS_CI, reason=reason)


def skip_for(reason: str) -> NoReturn:
    """Skip the test that is running, for something that is missing; under CI that is a failure."""
    if _IS_CI:
        pytest.fail(reason)
    pytest.skip(reason)
