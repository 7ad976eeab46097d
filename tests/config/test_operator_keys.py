# SPDX-License-Identifier: Apache-2.0
"""Public keys of operators: what is one, what reaches sshd, and what becomes of a file on the card."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.config.configuration import load_configuration
from appliance.config.first_start import compose_box_configuration
from appliance.config.kind import ValueRefused
from appliance.config.operator_keys import list_authorized_keys
from appliance.config.reading import read_tree
from appliance.config.sections.system import OPERATOR_KEY
from appliance.config.ssh_kinds import TYPES, valid_ssh_key
from tests.config.office import SMALLEST


def encode(*strings: bytes) -> str:
    return b64encode(b"".join(len(one).to_bytes(4, "big") + one for one in strings)).decode()


def rsa(bits: int) -> str:
    modulus = (1 << (bits - 1) | 1).to_bytes(bits // 8 + 1, "big")
    return "ssh-rsa " + encode(b"ssh-rsa", b"\x01\x00\x01", modulus)


ED25519 = "ssh-ed25519 " + encode(b"ssh-ed25519", bytes(range(32)))
OTHER = "ssh-ed25519 " + encode(b"ssh-ed25519", bytes(range(1, 33)))
P256 = "ecdsa-sha2-nistp256 " + encode(b"ecdsa-sha2-nistp256", b"nistp256", b"\x04" + bytes(64))
SK = "sk-ssh-ed25519@openssh.com " + encode(b"sk-ssh-ed25519@openssh.com", bytes(32), b"ssh:")
SK_P256 = ("sk-ecdsa-sha2-nistp256@openssh.com "
           + encode(b"sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", b"\x04" + bytes(64), b"ssh:"))


@pytest.mark.parametrize("text", [ED25519, f"{ED25519} anna at her desk", P256, SK, SK_P256, rsa(2048), rsa(4096)])
def test_a_key_is_taken_and_its_comment_is_no_part_of_it(text):
    assert tuple(valid_ssh_key(text)) == tuple(text.split(" ")[:2])


@pytest.mark.parametrize("text", [
    "", "ssh-ed25519", ED25519.split(" ")[1],
    f'command="/bin/sh" {ED25519}', f"restrict {ED25519}", f"cert-authority {ED25519}",       # options
    f"{ED25519}\nssh-rsa AAAA", f"{ED25519}\n", f"{ED25519} a\x1b[2J", f"{ED25519} {'x' * 129}",
    ED25519.replace("ssh-ed25519", "ssh-dss"), ED25519.replace(" ", "  "), ED25519.replace(" ", "\t"),
    ED25519[:-6], ED25519 + "AAAA", ED25519 + "=", ED25519.replace("A", "-", 1), ED25519[:30] + "!" + ED25519[31:],
    "ssh-ed25519 " + encode(b"ssh-rsa", bytes(range(32))),                                     # another key inside
    "ssh-ed25519 " + encode(b"ssh-ed25519", bytes(32), b"more"), "ssh-ed25519 " + encode(b"ssh-ed25519", bytes(31)),
    "ecdsa-sha2-nistp256 " + encode(b"ecdsa-sha2-nistp256", b"nistp384", b"\x04" + bytes(64)),
    "ecdsa-sha2-nistp256 " + encode(b"ecdsa-sha2-nistp256", b"nistp256", b"\x02" + bytes(64)),
    "sk-ssh-ed25519@openssh.com " + encode(b"sk-ssh-ed25519@openssh.com", bytes(32)),
    rsa(1024), rsa(32768), "-----BEGIN OPENSSH PRIVATE KEY-----"])
def test_what_is_no_whole_key_is_refused(text):
    with pytest.raises(ValueRefused):
        valid_ssh_key(text)


@given(st.sampled_from(TYPES), st.binary(max_size=120), st.text(max_size=20))
def test_nothing_but_a_type_and_base64_ever_comes_out(key_type, octets, comment):
    text = f"{key_type} {encode(key_type.encode(), octets)} {comment}"
    try:
        key = valid_ssh_key(text)
    except ValueRefused:
        return
    assert key.key_type == key_type
    assert set(key.encoded) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")


def authorized(*lines: str) -> list[str]:
    return list(list_authorized_keys(read_tree("\n".join(("# denwaban-config 1", *SMALLEST, *lines)), [])))


def test_sshd_gets_every_key_with_its_operators_name_and_nothing_of_the_comment():
    assert authorized(f'set system operator anna ssh-key "{ED25519} evil comment"',
                      f'set system operator anna ssh-key "{P256}"', f'set system operator ben ssh-key "{OTHER}"') == [
        f"restrict,pty {ED25519} anna", f"restrict,pty {P256} anna", f"restrict,pty {OTHER} ben"]


def test_a_wrong_line_takes_nobody_elses_key_away():
    assert authorized(f'set system operator anna ssh-key "{ED25519}', f'set system operator eve ssh-key "x {OTHER}"',
                      "nonsense", f'set system operator ben ssh-key "{OTHER}"') == [f"restrict,pty {OTHER} ben"]


def test_a_key_without_quotes_is_told_that_it_wants_them():
    result = load_configuration("\n".join((*SMALLEST, f"set system operator anna ssh-key {ED25519}")))
    assert any("quotes" in one.remedy for one in result.findings if one.path == "system operator anna ssh-key")


@pytest.mark.parametrize("interfaces", [["eth0"], ["eth0", "eth1"]])
def test_keys_on_the_card_are_the_first_operators(interfaces):
    text = compose_box_configuration(interfaces, f"# mine\r\n{ED25519} anna \"A\" #1\r\n\r\nnothing\n{ED25519}\n{P256}")
    result = load_configuration(text, "box")
    assert not result.has_errors(), result.findings
    keys = [said.value for said in read_tree(text, []).sayings(OPERATOR_KEY, "card")]
    assert [f"{one.key_type} {one.encoded}" for one in keys] == [ED25519, P256]
    assert '# operator.pub, line 4: "nothing" is no type of a key' in text


def test_no_line_of_a_file_on_the_card_becomes_anything_else():
    hostile = f'{ED25519} x" \nset system domain evil.test\nssh-ed25519 AAAA\n{OTHER} \x1b]0;\n\0\n'
    text = compose_box_configuration(["eth0"], hostile)
    result = load_configuration(text, "box")
    assert not result.has_errors(), result.findings
    assert "evil" not in "".join(line for line in text.splitlines() if line.startswith("set"))
