# SPDX-License-Identifier: Apache-2.0
"""Accounts as the configuration makes them."""

import pytest

from appliance.config.configuration import ExtensionConfiguration, load_configuration
from appliance.errors import MisuseError
from appliance.pbx.account import AccountDirectory, find_algorithms
from appliance.sip.digest.algorithm import MD5, SHA_256
from tests.models.digest_oracle import hash_hex
from tests.work import assert_in_proportion, count_work

OFFICE = """# denwaban-config 1
set system domain office.test
set sip listener office address 127.0.1.1
set extension 1001 name "Reception"
set extension 1001 secret alpha-1001
set extension 1003 secret charlie-1003
set extension 1003 username phone3
set extension 1003 digest sha-256
set extension 1003 digest md5
"""


@pytest.fixture
def directory() -> AccountDirectory:
    return AccountDirectory.build(b"office.test", load_configuration(OFFICE).configuration.extensions)


def test_accounts_are_found_by_extension_and_by_user_name(directory):
    assert len(directory) == 2
    reception = directory.by_extension[b"1001"]
    assert directory.by_username[b"1001"] is reception
    assert (reception.extension, reception.username, reception.name) == (b"1001", b"1001", "Reception")
    assert directory.by_username[b"phone3"] is directory.by_extension[b"1003"]
    assert b"1003" not in directory.by_username


def test_an_account_offers_what_is_configured_in_order(directory):
    assert directory.by_extension[b"1001"].algorithms == (MD5,)
    assert directory.by_extension[b"1003"].algorithms == (SHA_256, MD5)


def test_h_a1_is_known_for_what_is_offered_only(directory):
    phone = directory.by_extension[b"1003"]
    assert phone.find_ha1(SHA_256) == hash_hex("sha256", b"phone3", b"office.test", b"charlie-1003")
    assert phone.find_ha1(MD5) == hash_hex("md5", b"phone3", b"office.test", b"charlie-1003")
    assert directory.by_extension[b"1001"].find_ha1(SHA_256) is None


def test_the_secret_is_kept_nowhere(directory):
    phone = directory.by_extension[b"1003"]
    kept = [getattr(phone, name) for name in phone.__slots__]
    assert "charlie-1003" not in repr(kept)
    assert repr(phone) == "<Account 1003>"


def test_an_algorithm_that_the_configuration_let_pass_wrongly_is_our_bug():
    with pytest.raises(MisuseError):
        find_algorithms(["md4"])


def test_building_accounts_takes_work_in_proportion_to_them():
    def prepare(count):
        extensions = {str(number): ExtensionConfiguration(str(number), "", f"s{number}", str(number), ("md5",), "proxy")
                      for number in range(10000, 10000 + count)}
        return lambda: AccountDirectory.build(b"office.test", extensions)
    assert_in_proportion(prepare, 500)
    assert count_work(prepare(1000)) < 1000 * 200      # 130 with Python 3.11
