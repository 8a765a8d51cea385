// SPDX-License-Identifier: GPL-2.0
/*
 * Who gets the packets of protocol 47.
 *
 * There is one entry for IPv4 and one for IPv6, and both are ours while we are
 * loaded. That for IPv4 belonged to gre.ko, which ip_gre and PPTP stand on, and
 * that for IPv6 to ip6_gre, if it was loaded. What is no tunnel's of ours goes
 * on to them untouched; so they must stay as long as we may call them.
 *
 * gre.ko is asked for before us. To ask for ip6_gre would put a device of its
 * own into each netns, so that one may also come later: it finds its entry free
 * as long as it starts.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kmod.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <net/gre.h>
#include <net/protocol.h>

#include "mygre.h"

/* --- IPv4 ------------------------------------------------------------------*/

/* Whose entry we took, or NULL; does not change while ours is in place */
static const struct net_protocol *mygre_proto_previous;
static bool mygre_proto_pinned;

/**
 * mygre_proto_pass_on() - let the previous owner have a packet
 * @skb: as received by us; consumed unless there is none
 *
 * Context: BH, RCU.
 * Return: what its handler returns, or -ENOENT.
 */
int mygre_proto_pass_on(struct sk_buff *skb)
{
	return mygre_proto_previous ? mygre_proto_previous->handler(skb) :
				      -ENOENT;
}

/* ICMP about a GRE packet that this machine sent, or is said to have sent */
static int mygre_proto_err(struct sk_buff *skb, u32 info)
{
	if (mygre_err(skb, info) == -ENOENT && mygre_proto_previous &&
	    mygre_proto_previous->err_handler)
		return mygre_proto_previous->err_handler(skb, info);
	return 0;
}

static const struct net_protocol mygre_proto_ours = {
	.handler = mygre_rcv,
	.err_handler = mygre_proto_err,
};

/*
 * gre.ko must be there before us: it cannot register once we hold the entry,
 * and ip_gre could not be loaded any more. And it must stay as long as we may
 * call it.
 */
static void mygre_proto_pin_previous(void)
{
	if (!symbol_get(gre_add_protocol)) {
		request_module("gre");
		if (!symbol_get(gre_add_protocol))
			return;
	}
	mygre_proto_pinned = true;
}

static void mygre_proto_unpin_previous(void)
{
	if (mygre_proto_pinned)
		symbol_put(gre_add_protocol);
	mygre_proto_pinned = false;
}

static int mygre_proto_take(void)
{
	const struct net_protocol **entry = (const struct net_protocol **)
					    &inet_protos[IPPROTO_GRE];
	const struct net_protocol *previous;

	mygre_proto_pin_previous();
	do {
		previous = READ_ONCE(*entry);
		if (previous && !mygre_proto_pinned) {
			pr_err("protocol 47 is held by a module other than gre\n");
			return -EBUSY;
		}
		/* Readers see this as soon as they can see our entry. */
		mygre_proto_previous = previous;
	} while (cmpxchg(entry, previous, &mygre_proto_ours) != previous);
	if (!mygre_proto_pinned)
		pr_info("gre is not loaded; ip_gre cannot be until mygre is unloaded\n");
	return 0;
}

static void mygre_proto_give(void)
{
	const struct net_protocol **entry = (const struct net_protocol **)
					    &inet_protos[IPPROTO_GRE];

	if (cmpxchg(entry, &mygre_proto_ours, mygre_proto_previous) !=
	    &mygre_proto_ours)
		pr_err("protocol 47 was taken from us\n");
	synchronize_net();
	mygre_proto_unpin_previous();
}

#if IS_ENABLED(CONFIG_IPV6)

/* --- IPv6 ------------------------------------------------------------------*/

#define MYGRE_PROTO_OWNER6 "ip6_gre"

/* Whose entry we took, or NULL, and its module */
static const struct inet6_protocol *mygre_proto_previous6;
static struct module *mygre_proto_owner6;

/* Taking it and giving it back */
static DEFINE_MUTEX(mygre_proto_lock6);

/**
 * mygre_proto_pass_on6() - let the previous owner have an IPv6 packet
 * @skb: as received by us; consumed unless there is none
 *
 * Context: BH, RCU.
 * Return: what its handler returns, or -ENOENT.
 */
int mygre_proto_pass_on6(struct sk_buff *skb)
{
	const struct inet6_protocol *previous;

	previous = READ_ONCE(mygre_proto_previous6);
	return previous ? previous->handler(skb) : -ENOENT;
}

static int mygre_proto_err6(struct sk_buff *skb, struct inet6_skb_parm *opt,
			    u8 type, u8 code, int offset, __be32 info)
{
	const struct inet6_protocol *previous;
	int err;

	err = mygre_err6(skb, offset, info);
	previous = READ_ONCE(mygre_proto_previous6);
	if (err == -ENOENT && previous && previous->err_handler)
		return previous->err_handler(skb, opt, type, code, offset,
					     info);
	return err;
}

static const struct inet6_protocol mygre_proto_ours6 = {
	.handler = mygre_rcv6,
	.err_handler = mygre_proto_err6,
	.flags = INET6_PROTO_FINAL,
};

/*
 * The module that may hold the entry, if it is loaded, with a reference. It
 * exports nothing that could be asked for, but has a folder beside ours.
 */
static struct module *mygre_proto_find_owner6(void)
{
	struct module *owner = NULL;
	struct kobject *folder;

	folder = kset_find_obj(THIS_MODULE->mkobj.kobj.kset,
			       MYGRE_PROTO_OWNER6);
	if (!folder)
		return NULL;
	owner = container_of(folder, struct module_kobject, kobj)->mod;
	if (owner && !try_module_get(owner))
		owner = NULL;
	kobject_put(folder);
	return owner;
}

static bool mygre_proto_is_known6(const struct inet6_protocol *protocol,
				  const struct module *owner)
{
	if (!protocol || IS_BUILTIN(CONFIG_IPV6_GRE))
		return true;
	return owner && within_module((unsigned long)protocol, owner);
}

static void mygre_proto_take6(void)
{
	const struct inet6_protocol **entry = (const struct inet6_protocol **)
					      &inet6_protos[IPPROTO_GRE];
	struct module *owner = mygre_proto_find_owner6();
	const struct inet6_protocol *previous;

	do {
		previous = READ_ONCE(*entry);
		if (!mygre_proto_is_known6(previous, owner) ||
		    previous == &mygre_proto_ours6)
			break;
		/* Readers see this as soon as they can see our entry. */
		WRITE_ONCE(mygre_proto_previous6, previous);
	} while (cmpxchg(entry, previous, &mygre_proto_ours6) != previous);
	if (READ_ONCE(*entry) != &mygre_proto_ours6)
		pr_warn("protocol 47 of IPv6 is held by a module other than ip6_gre: IPv6 tunnels receive nothing\n");
	if (previous && owner) {
		mygre_proto_owner6 = owner;
		return;
	}
	if (owner)
		module_put(owner);
}

static void mygre_proto_give6(void)
{
	const struct inet6_protocol **entry = (const struct inet6_protocol **)
					      &inet6_protos[IPPROTO_GRE];

	cmpxchg(entry, &mygre_proto_ours6, mygre_proto_previous6);
	synchronize_net();
	WRITE_ONCE(mygre_proto_previous6, NULL);
	if (mygre_proto_owner6)
		module_put(mygre_proto_owner6);
	mygre_proto_owner6 = NULL;
}

/* ip6_gre comes, and may have changed its mind */
static int mygre_proto_module(struct notifier_block *block, unsigned long event,
			      void *info)
{
	const struct module *module = info;

	if (strcmp(module->name, MYGRE_PROTO_OWNER6))
		return NOTIFY_DONE;
	mutex_lock(&mygre_proto_lock6);
	if (event == MODULE_STATE_COMING)
		mygre_proto_give6();
	else if (event == MODULE_STATE_LIVE || event == MODULE_STATE_GOING)
		mygre_proto_take6();
	mutex_unlock(&mygre_proto_lock6);
	return NOTIFY_DONE;
}

static struct notifier_block mygre_proto_block6 = {
	.notifier_call = mygre_proto_module,
};

static void mygre_proto_start6(void)
{
	/* It fails only if it is there already. */
	register_module_notifier(&mygre_proto_block6);
	mutex_lock(&mygre_proto_lock6);
	mygre_proto_take6();
	mutex_unlock(&mygre_proto_lock6);
}

static void mygre_proto_stop6(void)
{
	unregister_module_notifier(&mygre_proto_block6);
	mygre_proto_give6();
}

#else

static void mygre_proto_start6(void)
{
}

static void mygre_proto_stop6(void)
{
}

#endif

/**
 * mygre_proto_start() - take over the entries for protocol 47
 *
 * Context: process, may sleep.
 * Return: 0, or -EBUSY if a module other than gre.ko holds that of IPv4, which
 * we could not keep from going away.
 */
int mygre_proto_start(void)
{
	int err;

	err = mygre_proto_take();
	if (!err)
		mygre_proto_start6();
	return err;
}

/**
 * mygre_proto_stop() - give the entries for protocol 47 back
 *
 * On return no packet is on its way through mygre_rcv() any more.
 *
 * Context: process, may sleep.
 */
void mygre_proto_stop(void)
{
	mygre_proto_stop6();
	mygre_proto_give();
}
