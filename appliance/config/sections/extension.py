# SPDX-License-Identifier: Apache-2.0
"""`set extension`: the people of the office and their phones."""

from __future__ import annotations

from appliance.config.leaf import Leaf, Section
from appliance.config.sections.sip import DIGEST_WORDS, ROLE_WORDS
from appliance.config.sections.trunk import TOLL_WORDS
from appliance.config.word_kinds import NAME, SECRET, TEXT, USERNAME

DISPLAY_NAME = Leaf(
    "extension <extension> name",
    TEXT,
    "The name shown to others where the phone sends none.",
    remark="none",
)
SECRET_WORD = Leaf("extension <extension> secret", SECRET, "The digest password of its phones.", is_required=True)
DIGEST_USERNAME = Leaf(
    "extension <extension> username",
    USERNAME,
    "The digest user name where it differs from the extension.",
    remark="the extension",
)
DIGEST = Leaf(
    "extension <extension> digest",
    DIGEST_WORDS,
    "Overrides `sip digest algorithm` for it.",
    is_list=True,
    remark="as `sip digest algorithm`",
)
EXTENSION_ROLE = Leaf(
    "extension <extension> role",
    ROLE_WORDS,
    "Overrides `sip role` for calls to it.",
    remark="as `sip role`",
)
EXTENSION_ALLOW = Leaf(
    "extension <extension> allow",
    TOLL_WORDS,
    "What it may call besides the numbers of the country.",
    is_list=True,
    remark="only what `route <route> allow` says",
)

SECTION = Section(
    "extension <extension>",
    "Extensions",
    'The people of the office. An extension is 1 to 32 of letters, digits, ".", "_", "-".',
    (DISPLAY_NAME, SECRET_WORD, DIGEST_USERNAME, DIGEST, EXTENSION_ROLE, EXTENSION_ALLOW),
    name_kind=NAME,
)
