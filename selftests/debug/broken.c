// SPDX-License-Identifier: GPL-2.0
/*
 * Each parameter value is a bug that one detector of the debug kernel must
 * find: insmod broken.ko bug=use_after_free. This module is never installed;
 * debug/controls loads it in guests of its own. It does not hide that it does
 * wrong, save from the compiler.
 */

#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>

static char *bug = "none";
module_param(bug, charp, 0);
MODULE_PARM_DESC(bug, "which one");

static char *device = "victim";
module_param(device, charp, 0);
MODULE_PARM_DESC(device, "the device whose reference is lost");

static DEFINE_SPINLOCK(broken_spin);
static DEFINE_MUTEX(broken_one);
static DEFINE_MUTEX(broken_two);
static int __rcu *broken_shared;

static void broken_use_after_free(void)
{
	char *p = kmalloc(64, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
	kfree(p);
	OPTIMIZER_HIDE_VAR(p);
	WRITE_ONCE(p[8], 1);
}

static void broken_out_of_bounds(void)
{
	char *p = kmalloc(64, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
	if (p)
		WRITE_ONCE(p[64], 1);
	kfree(p);
}

static void broken_vmalloc(void)
{
	char *p = vmalloc(100);

	OPTIMIZER_HIDE_VAR(p);
	if (p)
		pr_info("broken: read %d\n", READ_ONCE(p[101]));
	vfree(p);
}

/* a header pointer that is kept while the packet's head @moves, or may move */
static __always_inline void broken_header(bool moves)
{
	struct sk_buff *skb = alloc_skb(128, GFP_KERNEL);
	u8 *header;
	bool ok;

	if (!skb)
		return;
	header = skb_put_zero(skb, 20);
	OPTIMIZER_HIDE_VAR(header);
	ok = moves ? !pskb_expand_head(skb, 4096, 0, GFP_KERNEL) :
		     pskb_may_pull(skb, 20);
	if (ok)
		WRITE_ONCE(header[0], 0x45);
	kfree_skb(skb);
}

static void broken_stale_header(void)
{
	broken_header(true);
}

/* seldom without fail_skb_realloc */
static void broken_may_pull(void)
{
	broken_header(false);
}

static void broken_shift(void)
{
	int by = 40;

	OPTIMIZER_HIDE_VAR(by);
	pr_info("broken: shifted to %d\n", 1 << by);
}

static void broken_index(void)
{
	static int table[4];
	int i = 4;

	OPTIMIZER_HIDE_VAR(i);
	pr_info("broken: read %d\n", table[i]);
}

static void broken_sleep(void)
{
	spin_lock_bh(&broken_spin);
	msleep(20);
	spin_unlock_bh(&broken_spin);
}

static void broken_sleep_in_rcu(void)
{
	rcu_read_lock();
	kfree(kmalloc(64, GFP_KERNEL));
	rcu_read_unlock();
}

static void broken_lock_order(void)
{
	mutex_lock(&broken_one);
	mutex_lock(&broken_two);
	mutex_unlock(&broken_two);
	mutex_unlock(&broken_one);

	mutex_lock(&broken_two);
	mutex_lock(&broken_one);
	mutex_unlock(&broken_one);
	mutex_unlock(&broken_two);
}

/* taken in process context with softirqs on, and by a timer as well */
static void broken_by_timer(struct timer_list *timer)
{
	spin_lock(&broken_spin);
	spin_unlock(&broken_spin);
}

static DEFINE_TIMER(broken_timer, broken_by_timer);

static void broken_lock_context(void)
{
	spin_lock(&broken_spin);
	spin_unlock(&broken_spin);
	mod_timer(&broken_timer, jiffies);
	msleep(100);
	timer_delete_sync(&broken_timer);
}

static void broken_by_work(struct work_struct *work)
{
	mutex_lock(&broken_one);
}

static DECLARE_WORK(broken_work, broken_by_work);

static void broken_unlock(void)
{
	schedule_work(&broken_work);
	flush_work(&broken_work);
}

static void broken_rcu(void)
{
	pr_info("broken: read %d\n", !rcu_dereference(broken_shared));
}

static void broken_rtnl(void)
{
	ASSERT_RTNL();
}

static void broken_timer_freed(void)
{
	struct timer_list *timer = kzalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return;
	timer_setup(timer, broken_by_timer, 0);
	mod_timer(timer, jiffies + 3600 * HZ);
	kfree(timer);
}

static void broken_by_rcu(struct rcu_head *head)
{
	kfree(head);
}

static void broken_rcu_twice(void)
{
	struct rcu_head *head = kzalloc(sizeof(*head), GFP_KERNEL);

	if (!head)
		return;
	call_rcu(head, broken_by_rcu);
	call_rcu(head, broken_by_rcu);
}

static void broken_refcount(void)
{
	refcount_t count = REFCOUNT_INIT(1);

	if (refcount_dec_and_test(&count))
		refcount_inc(&count);
}

static void broken_debug_net(void)
{
	DEBUG_NET_WARN_ON_ONCE(in_task());
}

static void broken_memory_leak(void)
{
	int i;

	/* more than what a stale register or stack word could still name */
	for (i = 0; i < 10; i++)
		WARN_ON(!kmalloc(200, GFP_KERNEL));
}

static void broken_packet_leak(void)
{
	int i;

	for (i = 0; i < 10; i++)
		WARN_ON(!alloc_skb(200, GFP_KERNEL));
}

static void broken_percpu_leak(void)
{
	int i;

	for (i = 0; i < 10; i++)
		WARN_ON(!alloc_percpu(u64));
}

static long broken_raced;

static noinline void broken_race(void)
{
	broken_raced++;
	cond_resched();
}

static int broken_racer(void *unused)
{
	while (!kthread_should_stop())
		broken_race();
	return 0;
}

/* two processors change a variable without a word to each other */
static void broken_data_race(void)
{
	unsigned long end = jiffies + 10 * HZ;
	struct task_struct *other;

	other = kthread_run_on_cpu(broken_racer, NULL, 1, "racer/%u");
	if (WARN_ON(IS_ERR(other)))
		return;
	while (time_before(jiffies, end))
		broken_race();
	kthread_stop(other);
}

static void broken_device_reference(void)
{
	netdevice_tracker tracker;
	struct net_device *dev;

	dev = netdev_get_by_name(&init_net, device, &tracker, GFP_KERNEL);
	WARN_ON(!dev);
}

static void broken_space_reference(void)
{
	netns_tracker tracker;

	get_net_track(current->nsproxy->net_ns, &tracker, GFP_KERNEL);
}

#define NAMED(name) { #name, broken_ ## name }

static const struct {
	const char *name;
	void (*make)(void);
} broken_bugs[] = {
	NAMED(use_after_free),
	NAMED(out_of_bounds),
	NAMED(vmalloc),
	NAMED(stale_header),
	NAMED(may_pull),
	NAMED(shift),
	NAMED(index),
	NAMED(sleep),
	NAMED(sleep_in_rcu),
	NAMED(lock_order),
	NAMED(lock_context),
	NAMED(unlock),
	NAMED(rcu),
	NAMED(rtnl),
	NAMED(timer_freed),
	NAMED(rcu_twice),
	NAMED(refcount),
	NAMED(debug_net),
	NAMED(memory_leak),
	NAMED(packet_leak),
	NAMED(percpu_leak),
	NAMED(data_race),
	NAMED(device_reference),
	NAMED(space_reference),
};

static int __init broken_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(broken_bugs); i++) {
		if (strcmp(bug, broken_bugs[i].name))
			continue;
		broken_bugs[i].make();
		return 0;
	}
	return -EINVAL;
}

static void __exit broken_exit(void)
{
}

module_init(broken_init);
module_exit(broken_exit);
MODULE_DESCRIPTION("what the debug kernel's detectors must find");
MODULE_LICENSE("GPL");
