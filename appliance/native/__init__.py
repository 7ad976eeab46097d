# SPDX-License-Identifier: Apache-2.0
"""Where the Cython islands of ext/ land; the .pyi stubs beside this file are their readable face."""
