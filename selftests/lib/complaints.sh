# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the kernel must not say, whatever a test does: a regular expression.

# shellcheck disable=SC2034 # for those who source this
KERNEL_COMPLAINTS='BUG|WARNING|Oops|Call Trace|unregister_netdevice: waiting'
KERNEL_COMPLAINTS+='|refcount_t|general protection fault|KASAN|KFENCE|UBSAN'
KERNEL_COMPLAINTS+='|rcu.*stall|soft lockup|blocked for more than'
KERNEL_COMPLAINTS+='|scheduling while atomic|suspicious RCU|possible.*deadlock'
# on a debug kernel ("ref_tracker: memory allocation failure" is about itself)
KERNEL_COMPLAINTS+='|ODEBUG|ref_tracker: [^m]|kmemleak: .*disabled'
KERNEL_COMPLAINTS+='|turning off the locking'
