# SPDX-License-Identifier: Apache-2.0
"""Reads a configuration file: the one place where the configuration meets the disk and the tz database."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from typing import TextIO

from appliance.config.configuration import Configuration, LoadResult, load_configuration
from appliance.config.finding import render_findings, report_error
from appliance.system.tls_credentials import CertificateFiles, explain_certificate

FILE_OCTETS_MAXIMUM = 64 * 1024 * 1024


def is_timezone(name: str) -> bool:
    """Whether the machine knows the time zone. A machine without tz database cannot say no."""
    for candidate in (name, "Etc/UTC"):
        try:
            zoneinfo.ZoneInfo(candidate)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            continue
        return candidate == name
    return True


def read_configuration(path: str, explain_files: Callable[[str, str], str] | None = explain_certificate) -> LoadResult:
    """Reads and checks the file. A file that cannot be read is a finding like any other. explain_files: looks at the
    files of certificates and keys; None for a running server, which goes on with those it has."""
    try:
        with open(path, "rb") as file:
            octets = file.read(FILE_OCTETS_MAXIMUM + 1)
    except OSError as error:
        wrong = f"it cannot be read: {error.strerror or error}"
        return LoadResult(None, (report_error("file", "file", wrong, "a file that this user may read"),), path)
    if len(octets) > FILE_OCTETS_MAXIMUM:
        wrong, allowed = "it is too large", f"at most {FILE_OCTETS_MAXIMUM} octets"
        return LoadResult(None, (report_error("file", "file", wrong, allowed),), path)
    return load_configuration(octets, path, is_timezone, explain_files)


def read_certificates(configuration: Configuration) -> tuple[list[CertificateFiles], str]:
    """The files of every listener that speaks tls, and the file of further authorities ("" for none)."""
    files = [CertificateFiles(one.name, one.certificate, one.key) for one in configuration.listeners.values()
             if "tls" in one.transports]
    return files, configuration.tls_authority


def print_findings(result: LoadResult, output: TextIO) -> None:
    """One line for each finding: `FILE:LINE: path: what is wrong; what is allowed`."""
    for line in render_findings(result.findings, result.file_name):
        print(line, file=output)
