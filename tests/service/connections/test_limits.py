"""How many connections the open files of a process allow."""

from __future__ import annotations

import pytest

from service.connections.limits import connections_within


@pytest.mark.parametrize(("num_files", "number"), [(8_192, 1_000), (1_024, 832), (100, 1)])
def test_connections_leave_files_for_the_rest(num_files, number):
    assert connections_within(num_files, 1_000) == number
