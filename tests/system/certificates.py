# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, made by the `openssl` command: an authority, and whatever it is asked to sign."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

CONFIGURATION = """
[ca]
default_ca = here
[here]
dir = {folder}
database = $dir/index
new_certs_dir = $dir
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = optional
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
"""


@dataclass
class Files:
    """certificate and key, PEM."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates below a folder."""

    def __init__(self, folder: Path, name: str = "Office CA") -> None:
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        (folder / "index").write_text("")
        (folder / "openssl.cnf").write_text(CONFIGURATION.format(folder=folder))
        self.certificate, self.key = folder / "ca.pem", folder / "ca.key"
        self._make_key(self.key)
        self._openssl("req", "-x509", "-new", "-key", self.key, "-subj", f"/CN={name}", "-days", "3650",
                      "-extensions", "authority", "-out", self.certificate)

    def _openssl(self, command: str, *words: object) -> None:
        configuration = () if command in ("ecparam", "genrsa") else ("-config", str(self.folder / "openssl.cnf"))
        done = subprocess.run(["openssl", command, *configuration, *map(str, words)], capture_output=True, text=True,
                              check=False, timeout=20)
        assert done.returncode == 0, done.stderr

    def _make_key(self, path: Path, is_rsa: bool = False) -> None:
        if is_rsa:
            self._openssl("genrsa", "-out", path, "2048")
        else:
            self._openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)

    def issue(self, name: str, names: str = "", *, starts: str = "20200101000000Z", ends: str = "20491231235959Z",
              file: str = "", is_self_signed: bool = False, is_rsa: bool = False) -> Files:
        """A certificate for the common name and alternative names such as `DNS:a.test,IP:127.0.0.1`."""
        stem = self.folder / (file or name)
        made = Files(stem.with_suffix(".pem"), stem.with_suffix(".key"))
        request, extensions = stem.with_suffix(".csr"), stem.with_suffix(".ext")
        self._make_key(made.key, is_rsa)
        subject = f"/CN={name}" if name else "/"
        self._openssl("req", "-new", "-utf8", "-key", made.key, "-subj", subject, "-out", request)
        extensions.write_text(f"[leaf]\nbasicConstraints = CA:FALSE\n"
                              f"{f'subjectAltName = {names}' if names else ''}\n")
        signer = ("-selfsign", "-keyfile", made.key)
        if not is_self_signed:
            signer = ("-cert", self.certificate, "-keyfile", self.key)
        self._openssl("ca", "-batch", "-notext", "-in", request, "-out", made.certificate, "-startdate",
                      starts, "-enddate", ends, "-extfile", extensions, "-extensions", "leaf", *signer)
        return made
