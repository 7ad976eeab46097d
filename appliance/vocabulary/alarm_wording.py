# SPDX-License-Identifier: Apache-2.0
"""What a person is told of an alarm. Sentences that whoever shows them may translate: {subject} is whose alarm it is,
{detail} what was said or noticed.
"""

from typing import NamedTuple


class Wording(NamedTuple):
    """What is wrong; what to do."""

    sentence: str
    remedy: str
