# SPDX-License-Identifier: Apache-2.0
"""The sections of the configuration, one file each. What is built is said here and nowhere else."""
