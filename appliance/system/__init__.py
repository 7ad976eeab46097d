# SPDX-License-Identifier: Apache-2.0
"""The only room with hands: sockets, clock, disk, journal. It decides nothing that another room could."""
