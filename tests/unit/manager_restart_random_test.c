/* tests/unit/manager_restart_random_test.c - restarts in any order of ends, stops and crashes:
 * room is given back, and what was to stop never runs again. */
#include "manager_restart_rig.h"

#define TASKS 12

static uint64_t dice;

static unsigned
roll(unsigned sides)
{
	dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(dice >> 33) % sides;
}

static int64_t
held_on(const char *name)
{
	return view_of(world, name).allocated_mcpu;
}

/* Something happens to task n, as its worker tells it. */
static void
happen(unsigned n)
{
	struct task_status status = get(world, n);
	struct actor *on = strcmp(status.node, "n1") == 0 ? &actor : &other;
	struct report report = end_of(n, status.attempt, "it broke");
	bool live_now = status.state == TASK_SCHEDULED || status.state == TASK_RUNNING;

	(void)actor_obey(world, on);
	if (!live_now || roll(8) == 0)
		return;
	switch (roll(6)) {
	case 0:
		report.status.port_taken = true;
		break;
	case 1:
		report.status.disconnected = true;
		break;
	case 2:
		report.status.state = TASK_COMPLETED;
		break;
	case 3:
		report.status.finish_ms = report.status.start_ms + TEN_MINUTES_MS;
		break;
	case 4:
		report.status.state = TASK_RUNNING;
		report.status.reason[0] = '\0';
		break;
	default:
		break;
	}
	on->revision.sequence++;
	if (!actor_tell(world, on, false, &report, 1))
		on->revision.sequence--;
}

static void
crash(void)
{
	int64_t before[2] = {held_on("n1"), held_on("n2")};
	uint32_t tasks = view_of(world, "n1").task_count + view_of(world, "n2").task_count;

	world_crash(world);
	/* What is due at once looks for a place then: none has contact yet. */
	ck_assert_int_le(held_on("n1"), before[0]);
	ck_assert_int_le(held_on("n2"), before[1]);
	ck_assert_uint_le(view_of(world, "n1").task_count + view_of(world, "n2").task_count,
			  tasks);
	actor.revision.epoch += 2;
	other.revision.epoch += 2;
	ck_assert(actor_hello(world, &actor));
	ck_assert(actor_hello(world, &other));
	(void)actor_obey(world, &actor);
	(void)actor_obey(world, &other);
}

START_TEST(in_any_order_of_events_room_is_given_back_and_stops_hold)
{
	static const char *const kinds[] = {
		"\"Cpu\":0.5,\"RestartPolicy\":\"always\"", "\"Cpu\":1",
		"\"Cpu\":0.25,\"RestartPolicy\":\"unless-stopped\",\"Job\":\"j\"",
		"\"Cpu\":1,\"PortBindings\":{\"80/tcp\":\"8080\"}"};
	bool stopped[TASKS + 1] = {false};
	unsigned i;
	unsigned n;

	dice = (uint64_t)_i + 1;
	actor_up(world, &other);
	for (n = 1; n <= TASKS; n++)
		ck_assert_int_eq(submit(world, n, kinds[n % 4]), 201);
	for (i = 0; i < 300; i++) {
		n = roll(TASKS) + 1;
		if (roll(60) == 0) {
			stopped[n] = stopped[n] || !get(world, n).final;
			ck_assert_int_eq(stop(world, n), 204);
		} else if (roll(40) == 0) {
			crash();
		} else {
			happen(n);
		}
		live(roll(1500));
		ck_assert_int_le(held_on("n1"), 4000);
		ck_assert_int_le(held_on("n2"), 4000);
	}
	for (n = 1; n <= TASKS; n++) {
		struct task_status status;

		ck_assert_int_eq(stop(world, n), 204);
		status = get(world, n);
		if (status.final) {
			if (stopped[n])
				ck_assert_int_eq(status.state, TASK_COMPLETED);
			continue;
		}
		(void)actor_obey(world, strcmp(status.node, "n1") == 0 ? &actor : &other);
		live(5000);
		actor_ends(world, strcmp(status.node, "n1") == 0 ? &actor : &other, n,
			   status.attempt, 143);
		ck_assert_int_eq(get(world, n).state, TASK_COMPLETED);
	}
	live(120000);
	for (n = 1; n <= TASKS; n++) {
		ck_assert(get(world, n).final);
		ck_assert_int_eq(get(world, n).restart_at_ms, 0);
	}
	ck_assert_uint_eq(view_of(world, "n1").task_count, 0);
	ck_assert_uint_eq(view_of(world, "n2").task_count, 0);
	ck_assert_int_eq(held_on("n1"), 0);
	ck_assert_int_eq(held_on("n2"), 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("manager restart, any order");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, in_any_order_of_events_room_is_given_back_and_stops_hold, 0, 40);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
