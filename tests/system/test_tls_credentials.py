# SPDX-License-Identifier: Apache-2.0
"""Certificates from files: taken up when they change, kept when the new ones are broken, watched for their end."""

import shutil
from datetime import UTC, datetime

import pytest

from appliance.errors import MachineError
from appliance.system.tls_credentials import CertificateFiles, TlsCredentials, explain_certificate
from tests.system.certificates import Authority

NOW = datetime(2026, 6, 1, tzinfo=UTC).timestamp()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


class Watched:
    """Credentials of one listener, its files in a folder, and the alarms that stand."""

    def __init__(self, folder, authority):
        self.folder, self.authority = folder, authority
        self.alarms = {}
        self.now = NOW
        self.files = CertificateFiles("office", str(folder / "c.pem"), str(folder / "k.pem"))
        self.credentials = TlsCredentials(self.note, lambda: self.now)

    def note(self, name, sentence, remedy, is_raised):
        if is_raised:
            self.alarms[name] = sentence
        else:
            del self.alarms[name]

    def put(self, name, **more):
        made = self.authority.issue(name, f"DNS:{name}", **more)
        shutil.copy(made.certificate, self.files.certificate)
        shutil.copy(made.key, self.files.key)

    def names(self):
        return [status.certificate.dns_names for status in self.credentials.statuses()]


@pytest.fixture
def watched(tmp_path, authority):
    made = Watched(tmp_path, authority)
    made.put("first.test")
    made.credentials.configure([made.files], "")
    return made


def test_a_renewed_certificate_is_taken_up_and_the_context_is_another(watched):
    before = watched.credentials.server_context("office")
    watched.credentials.check()
    assert watched.credentials.server_context("office") is before
    watched.put("second.test")
    watched.credentials.check()
    assert watched.names() == [("second.test",)]
    assert watched.credentials.server_context("office") is not before
    assert watched.alarms == {}


def test_a_broken_certificate_keeps_the_old_one_and_raises_an_alarm_until_it_is_mended(watched):
    before = watched.credentials.server_context("office")
    (watched.folder / "c.pem").write_text("oh no")
    watched.credentials.check()
    watched.credentials.check()
    assert watched.credentials.server_context("office") is before
    assert "c.pem is not usable" in watched.alarms["tls_certificate_office"]
    assert "c.pem is not usable" in watched.credentials.statuses()[0].fault
    watched.put("third.test")
    watched.credentials.check()
    assert watched.names() == [("third.test",)]
    assert watched.alarms == {}
    assert watched.credentials.statuses()[0].fault == ""


def test_files_that_vanish_change_nothing(watched):
    (watched.folder / "k.pem").unlink()
    watched.credentials.check()
    assert watched.names() == [("first.test",)]
    assert "k.pem cannot be read: No such file" in watched.alarms["tls_certificate_office"]


def test_a_key_of_another_certificate_is_named(watched, authority):
    other = authority.issue("other.test")
    assert explain_certificate(watched.files.certificate, str(other.key)) == \
        f"{other.key} does not belong to the certificate"
    assert explain_certificate(watched.files.certificate, watched.files.key) == ""


def test_a_first_certificate_that_is_broken_is_refused(tmp_path, authority):
    made = Watched(tmp_path, authority)
    with pytest.raises(MachineError, match=r"c\.pem cannot be read"):
        made.credentials.configure([made.files], "")


def test_other_files_in_the_configuration_are_taken_up(watched, tmp_path, authority):
    made = authority.issue("moved.test", "DNS:moved.test")
    watched.credentials.configure([CertificateFiles("office", str(made.certificate), str(made.key))], "")
    assert watched.names() == [("moved.test",)]


def test_expiry_is_announced_thirty_days_before(tmp_path, authority):
    made = Watched(tmp_path, authority)
    made.put("short.test", ends="20260715000000Z")
    made.credentials.configure([made.files], "")
    assert made.alarms == {}
    made.now = datetime(2026, 6, 16, tzinfo=UTC).timestamp()
    made.credentials.check()
    assert "expires on 2026-07-15" in made.alarms["tls_expiry_office"]
    made.put("short.test", ends="20280715000000Z", file="renewed")
    made.credentials.check()
    assert made.alarms == {}


def test_an_authority_that_cannot_be_read_is_told_when_it_is_needed(watched):
    watched.credentials.configure([watched.files], str(watched.folder / "none.pem"))
    with pytest.raises(MachineError, match=r"none\.pem cannot be read"):
        watched.credentials.client_context("office")
