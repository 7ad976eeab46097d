# SPDX-License-Identifier: Apache-2.0
"""The reference in the documentation is the schema's, and its example is in order."""

import pytest

from appliance.config.configuration import load_configuration
from appliance.config.reference import render_reference
from appliance.config.schema import LEAVES
from tests.config.office import WHOLE
from tests.config.write_reference import MARK, PAGE


def test_the_page_ends_with_the_reference_that_the_schema_gives():
    reference = PAGE.read_text(encoding="utf-8").partition(MARK)[2]
    assert reference.strip() == render_reference().strip(), (
        "python -m tests.config.write_reference writes what belongs there"
    )


def test_the_example_of_the_page_has_no_error():
    example = PAGE.read_text(encoding="utf-8").partition("```\n")[2].partition("```")[0]
    result = load_configuration(example, "example")
    assert not result.has_errors(), result.findings


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.path)
def test_every_path_is_used_in_the_tests_example(leaf):
    before, _, after = leaf.path.partition(f"<{leaf.label()}>")
    assert any(line.startswith(f"set {before}") and f"{after} " in line for line in WHOLE.splitlines())
