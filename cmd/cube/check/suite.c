/* check/suite.c - runs the checks one after the other and prints what each found.
 *
 * The plugin is loaded in a process of its own first: one that ends or hangs whoever loads it
 * is a failed check and nothing worse. Then it is loaded here too, and every check has a copy
 * of this process in which none of its functions was ever called. Owns the temporary folder
 * and the page in which one check leaves something for another. Main thread.
 */
#include "suite.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "common/clean.h"
#include "isolate.h"
#include "kind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CHOICES_MAX      1024
#define JSON_LIMIT_BYTES (1u << 20)
#define HUNG_MAX         3 /* checks that hang; the rest would take as long, and say the same */
#define LOADING_CHECK    "is a plugin that this cube loads"

struct report {
	const struct suite *suite;
	struct buf text; /* of the JSON */
	struct json_writer *json;
	unsigned passed;
	unsigned failed;
	unsigned skipped;
	unsigned hung; /* of those that failed */
	bool named;    /* there was a check of the name that was asked for */
};

static const char *
article(uint32_t kind)
{
	return kind == CUBE_PLUGIN_STORE     ? "a store"
	       : kind == CUBE_PLUGIN_RUNTIME ? "a runtime"
					     : "a scheduler";
}

/* ---- what is printed ---- */

static int
report_begin(struct report *report, const struct suite *suite, struct cube_error *err)
{
	memset(report, 0, sizeof(*report));
	report->suite = suite;
	buf_init(&report->text, JSON_LIMIT_BYTES);
	if (!suite->json)
		return 0;
	report->json = json_writer_new(&report->text, true);
	if (report->json == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	json_begin_object(report->json);
	json_put_text(report->json, "Plugin", suite->name);
	return 0;
}

static void
report_head(struct report *report, const struct plugin *plugin)
{
	const struct cube_plugin *info = &plugin->info;

	if (report->json != NULL) {
		json_put_text(report->json, "File", plugin->path);
		json_put_text(report->json, "Kind", plugin_kind_name(info->kind));
		json_put_text(report->json, "Name", info->name);
		json_put_text(report->json, "Version", info->version);
		return;
	}
	text_print(stdout, info->name);
	(void)fputc(' ', stdout);
	text_print(stdout, info->version);
	(void)printf(", %s: ", article(info->kind));
	text_print(stdout, plugin->path);
	(void)fputc('\n', stdout);
}

static void
report_list(struct report *report)
{
	if (report->json == NULL)
		return;
	json_key(report->json, "Checks");
	json_begin_array(report->json);
}

static void
report_check(struct report *report, const char *name, const struct result *result)
{
	static const char *const words[] = {
		[VERDICT_NONE] = "failed",
		[VERDICT_OK] = "ok",
		[VERDICT_FAILED] = "failed",
		[VERDICT_SKIPPED] = "skipped",
	};
	static const char *const marks[] = {
		[VERDICT_NONE] = "FAILED ",
		[VERDICT_OK] = "ok     ",
		[VERDICT_FAILED] = "FAILED ",
		[VERDICT_SKIPPED] = "skipped",
	};

	report->passed += result->verdict == VERDICT_OK;
	report->skipped += result->verdict == VERDICT_SKIPPED;
	report->failed += result->verdict == VERDICT_FAILED;
	report->hung += result->hung;
	if (report->json != NULL) {
		json_begin_object(report->json);
		json_put_text(report->json, "Name", name);
		json_put_text(report->json, "Result", words[result->verdict]);
		if (result->verdict != VERDICT_OK)
			json_put_text(report->json, "What", result->words);
		json_end_object(report->json);
		return;
	}
	(void)printf("%s %s", marks[result->verdict], name);
	if (result->verdict != VERDICT_OK) {
		(void)printf(": ");
		text_print(stdout, result->words);
	}
	(void)fputc('\n', stdout);
	(void)fflush(stdout);
}

static int
report_end(struct report *report, struct cube_error *err)
{
	if (report->json == NULL) {
		(void)printf("%u passed, %u failed", report->passed, report->failed);
		if (report->skipped > 0)
			(void)printf(", %u skipped", report->skipped);
		(void)fputc('\n', stdout);
		return report->failed > 0;
	}
	json_end_array(report->json);
	json_put_uint(report->json, "Passed", report->passed);
	json_put_uint(report->json, "Failed", report->failed);
	json_put_uint(report->json, "Skipped", report->skipped);
	json_end_object(report->json);
	if (report->text.failed)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	json_text_print(stdout, report->text.data, report->text.size);
	(void)fputc('\n', stdout);
	return report->failed > 0;
}

static void
report_release(struct report *report)
{
	json_writer_free(report->json);
	buf_release(&report->text);
}

/* ---- the checks ---- */

const struct kind *
kind_of(uint32_t kind)
{
	static const struct kind *const kinds[] = {&kind_scheduler, &kind_runtime, &kind_store};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if ((uint32_t)kinds[i]->kind == kind)
			return kinds[i];
	}
	return NULL;
}

static bool
is_wanted(const struct report *report, const struct check *check)
{
	const char *only = report->suite->only;

	return only == NULL || strstr(check->name, only) != NULL;
}

static int
run_checks(struct report *report, const struct subject *subject, const struct check *checks,
	   void (*setup)(struct trial *trial), struct cube_error *err)
{
	for (const struct check *check = checks; check->name != NULL; check++) {
		struct result result = {
			.verdict = VERDICT_SKIPPED,
			.words = "three checks before it hung",
		};

		if (!is_wanted(report, check))
			continue;
		report->named = true;
		if ((report->hung < HUNG_MAX || check->always) &&
		    isolate(subject, check, setup, &result, err) != 0)
			return err->code;
		report_check(report, check->name, &result);
	}
	return 0;
}

static void
load(struct trial *trial)
{
	struct plugin *plugin;
	struct cube_error err;

	trial_calls(trial, "what it does when it is loaded");
	if (plugin_load(trial->subject->name, (enum cube_plugin_kind)0, NULL,
			trial->subject->plugin_dir, &plugin, &err) != 0)
		trial_fail(trial, "%s", err.message);
}

/* *loaded is NULL if it cannot be: that has been reported then. */
static int
load_checked(struct report *report, struct subject *subject, struct plugin **loaded,
	     struct cube_error *err)
{
	static const struct check loading = {.name = LOADING_CHECK, .run = load};
	struct result result;

	if (isolate(subject, &loading, NULL, &result, err) != 0)
		return err->code;
	if (result.verdict == VERDICT_OK &&
	    plugin_load(subject->name, (enum cube_plugin_kind)0, NULL, subject->plugin_dir,
			loaded, err) != 0) {
		result.verdict = VERDICT_FAILED;
		(void)snprintf(result.words, sizeof(result.words), "%s", err->message);
	}
	subject->plugin = *loaded;
	if (*loaded != NULL && life_check_options(subject, err) != 0)
		return err->code;
	if (*loaded != NULL)
		report_head(report, *loaded);
	report_list(report);
	report_check(report, LOADING_CHECK, &result);
	return 0;
}

static int
run_all(struct report *report, struct subject *subject, struct cube_error *err)
{
	struct plugin *plugin = NULL;
	const struct kind *kind;
	int rc = load_checked(report, subject, &plugin, err);

	if (rc == 0 && plugin != NULL) {
		kind = kind_of(plugin->info.kind);
		rc = run_checks(report, subject, common_checks, kind->setup, err);
		if (rc == 0)
			rc = run_checks(report, subject, kind->checks, kind->setup, err);
		if (rc == 0 && !report->named)
			rc = cube_fail(err, CUBE_ERR_INVALID, 0,
				       "--only %s: no check of a %s has this in its name",
				       report->suite->only,
				       plugin_kind_name(plugin->info.kind));
	}
	plugin_unload(plugin);
	return rc;
}

static int
run_in_folder(const struct suite *suite, struct subject *subject, struct cube_error *err)
{
	struct report report;
	int rc;

	subject->choices_count = CHOICES_MAX;
	subject->choices = mmap(NULL, CHOICES_MAX * sizeof(uint64_t), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (subject->choices == MAP_FAILED)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, errno, "out of memory");
	rc = report_begin(&report, suite, err);
	if (rc == 0)
		rc = run_all(&report, subject, err);
	if (rc == 0)
		rc = report_end(&report, err);
	report_release(&report);
	(void)munmap(subject->choices, CHOICES_MAX * sizeof(uint64_t));
	return rc;
}

int
suite_run(const struct suite *suite, struct cube_error *err)
{
	/* A check works in a folder of its own. NULL: the loader says what is wrong. */
	cleanup_free char *path =
		strchr(suite->name, '/') != NULL ? realpath(suite->name, NULL) : NULL;
	const char *tmp = getenv("TMPDIR");
	struct subject subject = {
		.name = path != NULL ? path : suite->name,
		.plugin_dir = suite->plugin_dir,
		.pairs = suite->pairs,
		.pair_count = suite->pair_count,
		.image = suite->image,
		.args = suite->args,
		.limit_ms = suite->limit_ms,
	};
	char folder[64];
	uint8_t bytes[ID_BYTES];
	int rc;

	/* Sockets of plugins may lie in it, and their paths are short. */
	if (tmp == NULL || tmp[0] != '/' || strlen(tmp) > 30)
		tmp = "/tmp";
	(void)snprintf(folder, sizeof(folder), "%s/cube-check-XXXXXX", tmp);
	if (mkdtemp(folder) == NULL)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, errno, "mkdir %s: %s", folder,
				 strerror(errno));
	subject.folder = folder;
	clock_random(bytes, sizeof(bytes));
	id_from_random(bytes, subject.identity);
	clock_random(bytes, sizeof(bytes));
	id_from_random(bytes, subject.task);
	isolate_begin();
	rc = run_in_folder(suite, &subject, err);
	remove_folder(folder);
	return rc;
}
