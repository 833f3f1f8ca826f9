# Unit tests: one program per layer, linked with the harness; each ends with "N passed, M failed".
UNIT_HARNESS = test/unit/harness.c test/unit/harness.h

include test/probe/local.mk
include test/bench/local.mk
include test/unit/base/local.mk
include test/unit/shmem/local.mk
include test/unit/config/local.mk
include test/unit/wire/local.mk
include test/unit/postmaster/local.mk
include test/fuzz/local.mk
include test/unit/parse/local.mk
include test/unit/type/local.mk
include test/unit/storage/local.mk

check_PROGRAMS += $(UNIT_TESTS)

# What `make check` runs, in this order; the script adds up their last lines.
check-local: $(check_PROGRAMS) $(bin_PROGRAMS)
	$(srcdir)/test/run --builddir $(abs_builddir) short
check-world: $(check_PROGRAMS) $(bin_PROGRAMS)
	$(srcdir)/test/run --builddir $(abs_builddir) world
# Only builds what the tests need.
checks: $(check_PROGRAMS) $(bin_PROGRAMS)
check-style:
	$(srcdir)/test/style $(srcdir)
.PHONY: check-world check-style checks
