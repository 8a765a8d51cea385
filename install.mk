# SPDX-License-Identifier: GPL-2.0
# Installing, included by Makefile, which builds.
#
#   make install [KVER=RELEASE]   everything, for the running kernel
#   make install-tools            what depends on no kernel: plugin for ip,
#                                 man page, bash completion (goes with DKMS)
#   make uninstall                removes what these have installed
#
# INSTALL_MOD_PATH is the root of another system (a mounted disk); DESTDIR is a
# folder to make a package from. PREFIX says where man page and completion go.
# The directory of the plugin is not ours to choose: ip looks in one place.

# Makefile has a KDIR for the running kernel. Here KVER alone is enough, and so
# is a KDIR: it knows the release that a module for it will bear.
ifneq ($(filter file undefined,$(origin KDIR)),)
KVER    ?= $(shell uname -r)
KDIR     = /lib/modules/$(KVER)/build
else
KVER    ?= $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
		$(KDIR)/include/generated/utsrelease.h)
endif
PREFIX  ?= /usr/local
MANDIR  ?= $(PREFIX)/share/man/man8
SBINDIR ?= $(PREFIX)/sbin
COMPDIR ?= /etc/bash_completion.d
DEPMOD  ?= depmod
DESTDIR ?=
INSTALL_MOD_PATH ?= $(DESTDIR)

# Its own binary tells: the string that names the directory, alone or in front
# of the name pattern, depending on the version of iproute2.
ifndef IPLIBDIR
IPLIBDIR := $(shell PATH=$$PATH:/usr/sbin:/sbin; LC_ALL=C grep -aoP \
	'/[!-~]*lib[!-~]*/ip(?=\x00|/link_%s\.so)' "$$(command -v ip)" \
	2>/dev/null | head -n 1)
endif

PLUGIN   := iproute2/link_mygre.so
MOD_ROOT  = $(INSTALL_MOD_PATH)/lib/modules/$(KVER)

NO_SIGN   = $(if $(wildcard $(KDIR)/certs/signing_key.*),,CONFIG_MODULE_SIG_ALL=)

install: install-module install-tools

# Kbuild builds what is missing; its own installer knows how this kernel wants
# modules packed and signed. It would run depmod only with a System.map, which
# Debian does not install, so that is done here. Without the kernel's private
# key, signing is only an error message.
install-module: modules
	$(MAKE) -C $(KDIR) M=$(CURDIR) INSTALL_MOD_DIR=updates \
		INSTALL_MOD_PATH=$(INSTALL_MOD_PATH) DEPMOD=true $(NO_SIGN) \
		modules_install
	$(call run-depmod)

# A folder for a package holds no kernel whose list could be updated.
define run-depmod
	@if [ -e $(MOD_ROOT)/modules.order ]; then \
		echo "$(DEPMOD) $(KVER)"; \
		$(DEPMOD) -b "$(INSTALL_MOD_PATH)/" $(KVER); \
	else \
		echo "no kernel $(KVER) in $(INSTALL_MOD_PATH)/: depmod not run"; \
	fi
endef

install-tools: $(PLUGIN) need-iplibdir
	install -d $(DESTDIR)$(IPLIBDIR) $(DESTDIR)$(MANDIR) \
		$(DESTDIR)$(COMPDIR) $(DESTDIR)$(SBINDIR)
	install -m 644 $(PLUGIN) $(DESTDIR)$(IPLIBDIR)/link_mygre.so
	ln -sf link_mygre.so $(DESTDIR)$(IPLIBDIR)/link_mygretap.so
	install -m 755 iproute2/mygre-unmatched \
		$(DESTDIR)$(SBINDIR)/mygre-unmatched
	install -m 644 iproute2/mygre.8 $(DESTDIR)$(MANDIR)/mygre.8
	install -m 644 iproute2/mygre-unmatched.8 \
		$(DESTDIR)$(MANDIR)/mygre-unmatched.8
	install -m 644 iproute2/mygre.bash $(DESTDIR)$(COMPDIR)/mygre

need-iplibdir:
	@if [ -z "$(IPLIBDIR)" ]; then \
		echo "cannot tell where ip looks for plugins: set IPLIBDIR" >&2; \
		exit 1; \
	fi

print-iplibdir:
	@echo "$(IPLIBDIR)"

# The module may be packed (.ko.xz); a loaded one stays until it is removed.
uninstall: need-iplibdir
	rm -f $(MOD_ROOT)/updates/mygre.ko $(MOD_ROOT)/updates/mygre.ko.*
	$(call run-depmod)
	rm -f $(DESTDIR)$(IPLIBDIR)/link_mygre.so \
		$(DESTDIR)$(IPLIBDIR)/link_mygretap.so \
		$(DESTDIR)$(MANDIR)/mygre.8 $(DESTDIR)$(COMPDIR)/mygre \
		$(DESTDIR)$(MANDIR)/mygre-unmatched.8 \
		$(DESTDIR)$(SBINDIR)/mygre-unmatched

.PHONY: install install-module install-tools uninstall need-iplibdir \
	print-iplibdir
