# SPDX-License-Identifier: Apache-2.0
# Everything a checkout can do. Each target does its own set-up, and a second call does no work twice.
#   make run    the phone system in the foreground, from nothing     make lint   ruff, mypy, cython-lint, architecture
#   make test   every test that this machine can run                 make fuzz   the long fuzz run (SEED, COUNT)
#   make bench  ratios against peers, JSON lines and a table         make soak   MINUTES at half the highest call rate
#   make demo   a plain NAT fails, the gateway works: ladders and measured voices (root)
#   make box    an empty machine becomes router and phone system, typed on its console (root)
#   make image  the flashable card for Raspberry Pi (root); make image-test   its boot and life in the emulator (root)
# Debian builds its Python with profile-guided optimisation, which calls feel: it comes first where it is new enough.
PYTHON  ?= $(shell /usr/bin/python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo /usr/bin/python3 || echo python3)
SEED    ?= 1
COUNT   ?= 1000000
MINUTES ?= 10
TESTS   ?= tests
BENCH   ?=
IMAGE   ?=
IMAGE_TEST ?=
# Processes that share the files of tests among them, since most of the time they wait for telephones; 0: one by one.
WORKERS ?= 3

VENV := .venv
BIN  := $(VENV)/bin
JOBS := $(shell nproc 2>/dev/null || echo 1)
EXTRA = $(BIN)/python -c 'import sys, tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	print(*p["dependencies"], *p["optional-dependencies"][sys.argv[1]], sep="\n")'

.PHONY: run test lint fuzz bench soak demo box image image-test setup setup-develop handset-sound clean \
	packages-build packages-test packages-bench packages-demo packages-box packages-image packages-image-test
.DELETE_ON_ERROR:

run: setup
	@mkdir -p var/state
	@exec $(BIN)/denwaban run --first-start --config var/denwaban.conf --state var/state

test: setup-develop packages-test
	$(BIN)/python -m pytest -rfEsR --durations=10 --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder \
		--max-suite-reruns 12 --rerun-show-tracebacks $(TESTS)

lint: setup-develop
	$(BIN)/ruff check .
	$(BIN)/mypy
	PATH=$(CURDIR)/$(BIN):$$PATH cython-lint ext
	$(BIN)/python -m pytest tests/architecture

fuzz: setup-develop
	$(BIN)/python -m tests.fuzz.long_fuzz --seed $(SEED) --count $(COUNT)

bench: setup-develop packages-bench
	$(BIN)/python -m tests.bench $(BENCH)

soak: setup-develop packages-bench
	$(BIN)/python -m tests.bench.soak --minutes $(MINUTES)

demo: setup-develop packages-demo
	@exec $(BIN)/denwaban demo

box: setup-develop packages-box
	@exec $(BIN)/python -m tests.box

image: setup-develop packages-image
	$(BIN)/python -m board $(IMAGE)

image-test: image packages-image-test
	@exec $(BIN)/python -m tests.image $(IMAGE_TEST)

clean:
	rm -rf build $(VENV) appliance/native/*.so ext/*.c *.egg-info

# --- the virtual environment and the islands -------------------------------------------------------------------------
setup: packages-build $(VENV)/stamp-program handset-sound
setup-develop: setup $(VENV)/stamp-develop

$(VENV)/stamp-venv:
	test -x $(BIN)/python || $(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/stamp-build: $(VENV)/stamp-venv pyproject.toml
	@$(EXTRA) build >$(VENV)/build.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(VENV)/build.txt
	@touch $@

$(VENV)/stamp-islands: $(VENV)/stamp-build setup.py $(wildcard ext/*.pyx ext/*.pxd)
	$(BIN)/python setup.py --quiet build_ext --inplace --parallel $(JOBS)
	@touch $@

# The compatible editable form is a plain path entry: no import hook that every start of the program would pay for.
$(VENV)/stamp-program: $(VENV)/stamp-islands pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--config-settings editable_mode=compat --editable .
	@touch $@

$(VENV)/stamp-develop: $(VENV)/stamp-build pyproject.toml
	@$(EXTRA) develop >$(VENV)/develop.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(VENV)/develop.txt
	@touch $@

# The handset's way to alsa-lib, where its headers are (libasound2-dev); nothing else needs it.
handset-sound: $(VENV)/stamp-program
	@test $(VENV)/stamp-handset -nt pyproject.toml \
		|| ! echo '#include <alsa/asoundlib.h>' | gcc -E - >/dev/null 2>&1 \
		|| { $(EXTRA) handset >$(VENV)/handset.txt \
			&& $(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(VENV)/handset.txt \
			&& touch $(VENV)/stamp-handset; } \
		|| echo "No handset: pyalsaaudio could not be built." >&2

# --- Debian packages: asked for by what they give, so that a Python from elsewhere counts too -------------------------
BUILD_PACKAGES = \
	command -v $(PYTHON) >/dev/null || echo python3; \
	{ command -v gcc && echo '\#include <stdio.h>' | gcc -E - ; } >/dev/null 2>&1 || echo gcc libc6-dev; \
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv; \
	$(PYTHON) -c 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null \
		|| echo python3-dev
DEMO_PACKAGES = \
	command -v baresip >/dev/null || echo baresip-core; \
	{ command -v kamailio || test -x /usr/sbin/kamailio; } >/dev/null || echo kamailio; \
	{ command -v nft || test -x /usr/sbin/nft; } >/dev/null || echo nftables; \
	{ command -v ip || test -x /sbin/ip; } >/dev/null || echo iproute2
# chrony would drive out what keeps the machine's own clock: it stays, and tests against chrony are skipped.
HAS_TIME_DAEMON = dpkg-query --show --showformat '$${db:Status-Abbrev}$${Provides}\n' | grep '^ii.*time-daemon'
BOX_PACKAGES = $(DEMO_PACKAGES); \
	{ command -v dnsmasq || test -x /usr/sbin/dnsmasq; } >/dev/null || echo dnsmasq-base; \
	{ command -v chronyd || test -x /usr/sbin/chronyd || $(HAS_TIME_DAEMON); } >/dev/null 2>&1 || echo chrony; \
	{ command -v udhcpc || test -x /usr/sbin/udhcpc; } >/dev/null || echo udhcpc; \
	command -v tshark >/dev/null || echo tshark
TEST_PACKAGES = $(BOX_PACKAGES); \
	command -v systemd-analyze >/dev/null || echo systemd; \
	command -v sipp >/dev/null || echo sip-tester; \
	command -v sipsak >/dev/null || echo sipsak; \
	command -v jackd >/dev/null || echo jackd2; \
	ls /usr/lib/*/alsa-lib/libasound_module_pcm_jack.so >/dev/null 2>&1 || echo libasound2-plugins; \
	echo '\#include <alsa/asoundlib.h>' | gcc -E - >/dev/null 2>&1 || echo libasound2-dev; \
	ls /usr/lib/*/libspeexdsp.so.1 >/dev/null 2>&1 || echo libspeexdsp1; \
	command -v mksquashfs >/dev/null || echo squashfs-tools; \
	command -v fdtoverlay >/dev/null || echo device-tree-compiler
IMAGE_PACKAGES = \
	command -v mmdebstrap >/dev/null || echo mmdebstrap; \
	command -v mksquashfs >/dev/null || echo squashfs-tools; \
	command -v mcopy >/dev/null || echo mtools; \
	{ command -v mkfs.vfat || test -x /usr/sbin/mkfs.vfat; } >/dev/null || echo dosfstools; \
	{ command -v sfdisk || test -x /usr/sbin/sfdisk; } >/dev/null || echo fdisk; \
	{ command -v depmod || test -x /usr/sbin/depmod; } >/dev/null || echo kmod; \
	command -v zstd >/dev/null || echo zstd; \
	command -v aarch64-linux-gnu-gcc >/dev/null || echo gcc-aarch64-linux-gnu libc6-dev-arm64-cross; \
	test -e /usr/share/keyrings/debian-archive-keyring.gpg || echo debian-archive-keyring
IMAGE_TEST_PACKAGES = $(BOX_PACKAGES); \
	command -v qemu-system-aarch64 >/dev/null || echo qemu-system-arm ipxe-qemu; \
	command -v ssh >/dev/null || echo openssh-client
BENCH_PACKAGES = \
	command -v sipp >/dev/null || echo sip-tester; \
	command -v taskset >/dev/null || echo util-linux; \
	{ command -v kamailio || test -x /usr/sbin/kamailio; } >/dev/null || echo kamailio; \
	command -v pkg-config >/dev/null || echo pkg-config; \
	pkg-config --exists sofia-sip-ua 2>/dev/null || echo libsofia-sip-ua-dev; \
	command -v baresip >/dev/null || echo baresip-core; \
	ls /usr/lib/*/libspeexdsp.so.1 >/dev/null 2>&1 || echo libspeexdsp1
INSTALL = DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends
# $(call provide,WHAT IS MISSING,WHAT TO DO WITHOUT ROOT)
provide = missing=$$(echo $$($(1))); \
	if [ -z "$$missing" ]; then :; \
	elif [ "$$(id -u)" = 0 ]; then apt-get update --quiet && $(INSTALL) $$missing; \
	else echo "Missing Debian packages: $$missing. This one command installs them:" >&2; \
	echo "  sudo sh -c 'apt-get update && apt-get install --yes --no-install-recommends $$missing'" >&2; $(2); fi

packages-build:
	@$(call provide,$(BUILD_PACKAGES),exit 1)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'

# Debian starts kamailio and chrony as services when they are installed; everything here wants its own ones only.
# $(call provide_quietly,WHAT IS MISSING,WHAT TO DO WITHOUT ROOT)
provide_quietly = new=; test -x /usr/sbin/kamailio || new=kamailio; test -x /usr/sbin/chronyd || new="$$new chrony"; \
	$(call provide,$(1),$(2)); \
	test "$$(id -u)" != 0 || for service in $$new; do systemctl disable --now $$service 2>/dev/null || true; done

# What is missing here only makes tests skip, with their reasons printed: without root we say so and go on.
packages-test:
	@$(call provide_quietly,$(TEST_PACKAGES),echo "Tests against them are skipped." >&2)
	@$(MAKE) --no-print-directory handset-sound

packages-bench:
	@$(call provide_quietly,$(BENCH_PACKAGES),exit 1)

packages-demo:
	@$(call provide_quietly,$(DEMO_PACKAGES),exit 1)

packages-box:
	@$(call provide_quietly,$(BOX_PACKAGES),exit 1)

packages-image:
	@$(call provide,$(IMAGE_PACKAGES),exit 1)

packages-image-test:
	@$(call provide_quietly,$(IMAGE_TEST_PACKAGES),exit 1)
