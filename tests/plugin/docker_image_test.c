/* docker_image_test.c - docker.so's prepare: when it pulls, what it makes of a pull's stream,
 * and which credentials it sends. */
#include "docker_fixture.h"

#include <fcntl.h>
#include <limits.h>

#define LOOK    "GET /images/"
#define PULL    "POST /images/create"
#define ABSENT  "{\"message\":\"No such image: x\"}"
#define STREAM  "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static int told;
static int told_limit; /* progress gives up after so many calls; 0: never */
static uint64_t done;
static uint64_t total;

static int
on_progress(void *ctx, uint64_t done_bytes, uint64_t total_bytes, const char *what)
{
	(void)ctx;
	ck_assert_ptr_nonnull(what);
	done = done_bytes;
	total = total_bytes;
	return ++told == told_limit;
}

static int
prepare_with(struct client *with, const char *image, uint64_t ms)
{
	told = 0;
	task.spec.image = image;
	return with->ops->prepare(with->self, &task.spec, client_in(ms), on_progress, NULL,
				  &err);
}

static int
prepare(const char *image)
{
	return prepare_with(&client, image, 5000);
}

/* Absent at the first look, there at the second; the pull's answer is text. */
static void
pull_says(const char *text, enum daemon_then then)
{
	static const char nothing[] = "HTTP/1.1 404 N\r\nContent-Length: 2\r\n\r\n{}";

	daemon_says(daemon_, LOOK, 200, "{}");
	daemon_does(daemon_, LOOK, 1, nothing, strlen(nothing), DAEMON_KEEP);
	daemon_does(daemon_, PULL, 0, text, strlen(text), then);
}

/* ---- when ---- */

START_TEST(an_image_that_is_there_costs_one_look)
{
	daemon_says(daemon_, LOOK, 200, "{\"Id\":\"sha256:1\"}");
	ck_assert_int_eq(prepare("registry:5000/a/b:1@sha256:00"), 0);
	ck_assert_int_eq(
		daemon_count(daemon_, "GET /images/registry:5000/a/b:1@sha256:00/json"), 1);
	ck_assert_int_eq(daemon_count(daemon_, PULL), 0);
}
END_TEST

START_TEST(an_image_that_is_missing_is_pulled_by_name_and_tag)
{
	static const struct {
		const char *image;
		const char *query;
	} images[] = {
		{"nginx", "?fromImage=nginx&tag=latest "},
		{"nginx:1.25", "?fromImage=nginx&tag=1.25 "},
		{"localhost:5000/a/b", "?fromImage=localhost%3A5000%2Fa%2Fb&tag=latest "},
		{"r.io:5000/b:2", "?fromImage=r.io%3A5000%2Fb&tag=2 "},
		{"a/b@sha256:00ff", "?fromImage=a%2Fb&tag=sha256%3A00ff "},
		{"a/b:3@sha256:00ff", "?fromImage=a%2Fb&tag=sha256%3A00ff "},
	};

	for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
		char *request;

		pull_says(STREAM "{\"status\":\"Pull complete\",\"id\":\"a\"}\n", DAEMON_CLOSE);
		ck_assert_msg(prepare(images[i].image) == 0, "%s", err.message);
		request = daemon_request(daemon_, PULL);
		ck_assert_msg(strstr(request, images[i].query) != NULL, "%s: %s",
			      images[i].image, request);
		ck_assert_ptr_null(strcasestr(request, "X-Registry-Auth"));
		free(request);
	}
}
END_TEST

START_TEST(policies_always_and_never_are_kept)
{
	struct client other;

	ck_assert_int_eq(client_open(&other, &err, "socket", daemon_socket(daemon_), "pull",
				     "never", NULL),
			 0);
	daemon_says(daemon_, LOOK, 404, ABSENT);
	ck_assert_int_eq(prepare_with(&other, "nginx", 5000), CUBE_ERR_NOT_FOUND);
	ck_assert_msg(says("nginx") && says("pull=never"), "%s", err.message);
	ck_assert_int_eq(daemon_count(daemon_, PULL), 0);
	client_close(&other);
	ck_assert_int_eq(client_open(&other, &err, "socket", daemon_socket(daemon_), "pull",
				     "always", NULL),
			 0);
	daemon_says(daemon_, LOOK, 200, "{}");
	daemon_does(daemon_, PULL, 0, STREAM "{\"status\":\"up to date\"}\n",
		    strlen(STREAM "{\"status\":\"up to date\"}\n"), DAEMON_CLOSE);
	ck_assert_int_eq(prepare_with(&other, "nginx", 5000), 0);
	ck_assert_int_eq(daemon_count(daemon_, PULL), 1);
	client_close(&other);
}
END_TEST

/* ---- how it goes wrong ---- */

START_TEST(what_a_pull_that_fails_means)
{
	static const struct {
		const char *text;
		enum daemon_then then;
		int code;
		const char *words;
	} pulls[] = {
		{STREAM
		 "{\"status\":\"Pulling from x\"}\r\n{\"errorDetail\":{\"message\":\"manifest "
		 "unknown\"},\"error\":\"manifest unknown\"}\r\n",
		 DAEMON_CLOSE, CUBE_ERR_NOT_FOUND, "manifest unknown"},
		{STREAM "{\"errorDetail\":{\"message\":\"toomanyrequests: slow down\"}}",
		 DAEMON_CLOSE, CUBE_ERR_NOT_FOUND, "toomanyrequests"},
		{STREAM "{\"error\":\"write /x: no space left on device\"}\n", DAEMON_CLOSE,
		 CUBE_ERR_UNAVAILABLE, "no space left"},
		{STREAM "{\"status\":\"a\"}\nnot json\n", DAEMON_HANG, CUBE_ERR_UNAVAILABLE,
		 "no JSON"},
		{CHUNKED "f\r\n{\"status\":\"a\"}\n\r\n", DAEMON_CLOSE, CUBE_ERR_UNAVAILABLE,
		 ""},
		{"HTTP/1.1 404 N\r\nContent-Length: 32\r\n\r\n{\"message\":\"pull access "
		 "denied \"}",
		 DAEMON_KEEP, CUBE_ERR_NOT_FOUND, "pull access denied"},
		{"HTTP/1.1 500 N\r\nContent-Length: 32\r\n\r\n{\"message\":\"connection "
		 "refused \"}",
		 DAEMON_KEEP, CUBE_ERR_NOT_FOUND, "connection refused"},
		{"HTTP/1.1 400 N\r\nContent-Length: 31\r\n\r\n{\"message\":\"invalid "
		 "reference\"} ",
		 DAEMON_KEEP, CUBE_ERR_INVALID, "invalid reference"},
		{"HTTP/1.1 500 N\r\nContent-Length: 5\r\n\r\noops\n", DAEMON_KEEP,
		 CUBE_ERR_UNAVAILABLE, "oops"},
		{"", DAEMON_CLOSE, CUBE_ERR_UNAVAILABLE, ""},
	};

	pull_says(pulls[_i].text, pulls[_i].then);
	ck_assert_msg(prepare("nginx") == pulls[_i].code, "%d: %s", err.code, err.message);
	ck_assert_msg(says(pulls[_i].words), "%s", err.message);
}
END_TEST
#define PULLS 10

START_TEST(a_pull_that_ends_well_without_the_image_is_no_success)
{
	pull_says(STREAM "{\"status\":\"Pulling\"}\n", DAEMON_CLOSE);
	daemon_says(daemon_, LOOK, 404, ABSENT);
	ck_assert_int_eq(prepare("nginx"), CUBE_ERR_UNAVAILABLE);
	ck_assert_msg(says("without the image"), "%s", err.message);
}
END_TEST

START_TEST(a_line_without_an_end_is_cut)
{
	size_t size = 70 * 1024;
	char *text = malloc(size + 1);

	ck_assert_ptr_nonnull(text);
	memset(text, ' ', size);
	text[size] = '\0';
	memcpy(text, STREAM, strlen(STREAM));
	pull_says(text, DAEMON_HANG);
	ck_assert_int_eq(prepare("nginx"), CUBE_ERR_UNAVAILABLE);
	ck_assert_msg(says("too long"), "%s", err.message);
	free(text);
}
END_TEST

START_TEST(progress_adds_up_the_layers_and_can_give_up)
{
	uint64_t begun = client_now();

	pull_says(STREAM
		  "{\"status\":\"Downloading\",\"id\":\"a\",\"progressDetail\":{\"current\":1,"
		  "\"total\":10}}\n"
		  "{\"status\":\"Downloading\",\"id\":\"b\",\"progressDetail\":{\"current\":2,"
		  "\"total\":20}}\n"
		  "{\"status\":\"Downloading\",\"id\":\"a\",\"progressDetail\":{\"current\":5,"
		  "\"total\":10}}\n"
		  "{\"status\":\"Download complete\",\"id\":\"b\",\"progressDetail\":{}}\n"
		  "{\"status\":\"Downloading\",\"id\":\"c\",\"progressDetail\":{\"current\":-1,"
		  "\"total\":1e99}}\n",
		  DAEMON_HANG);
	told_limit = 2;
	ck_assert_int_eq(prepare("nginx"), CUBE_ERR_UNAVAILABLE);
	told_limit = 0;
	ck_assert_msg(says("given up"), "%s", err.message);
	ck_assert_uint_eq(done, 25);
	ck_assert_uint_eq(total, 30);
	ck_assert_uint_lt(client_now() - begun, 2000);
}
END_TEST

START_TEST(a_pull_that_says_nothing_ends_at_the_deadline)
{
	pull_says(STREAM, DAEMON_HANG);
	ck_assert_int_eq(prepare_with(&client, "nginx", 900), CUBE_ERR_TIMEOUT);
	ck_assert_int_ge(told, 1);
}
END_TEST

/* ---- credentials ---- */

static char folder[] = "/tmp/cube-docker-auth.XXXXXX";
static char config[PATH_MAX];

static void
write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(close(fd), 0);
}

static void
make_folder(void)
{
	set_up();
	memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	(void)snprintf(config, sizeof(config), "%s/config.json", folder);
}

static void
remove_folder(void)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/docker-credential-test", folder);
	(void)unlink(path);
	(void)unlink(config);
	ck_assert_int_eq(rmdir(folder), 0);
	tear_down();
}

static int
value_of(char c)
{
	const char *digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *at = strchr(digits, c);

	return at == NULL || c == '\0' ? -1 : (int)(at - digits);
}

/* The JSON in the header of the newest pull; "": there is none. */
static void
sent_credentials(char *text, size_t room)
{
	char *request = daemon_request(daemon_, PULL);
	const char *field = strstr(request, "X-Registry-Auth: ");
	unsigned bits = 0;
	int count = 0;
	size_t size = 0;

	if (field != NULL)
		for (field += 17; value_of(*field) >= 0 && size + 1 < room; field++) {
			bits = bits << 6 | (unsigned)value_of(*field);
			count += 6;
			if (count >= 8) {
				count -= 8;
				text[size++] = (char)(bits >> count & 0xff);
			}
		}
	text[size] = '\0';
	free(request);
}

/* Pulls image with config.json as text; the result of prepare. */
static int
pull_with_config(const char *text, const char *image)
{
	struct client other;
	int rc;

	write_file(config, text, 0600);
	ck_assert_int_eq(client_open(&other, &err, "socket", daemon_socket(daemon_), "config",
				     config, NULL),
			 0);
	pull_says(STREAM "{\"status\":\"done\"}\n", DAEMON_CLOSE);
	rc = prepare_with(&other, image, 5000);
	client_close(&other);
	return rc;
}

START_TEST(credentials_come_from_dockers_file)
{
	static const struct {
		const char *config;
		const char *image;
		const char *sent;
	} cases[] = {
		/* me:pass:word? */
		{"{\"auths\":{\"r.io:5000\":{\"auth\":\"bWU6cGFzczp3b3JkPw==\"}}}",
		 "r.io:5000/a",
		 "{\"username\":\"me\",\"password\":\"pass:word?\",\"serveraddress\":\"r.io:"
		 "5000\"}"},
		{"{\"auths\":{\"https://r.io/v2/\":{\"username\":\"u\",\"password\":\"p\"}}}",
		 "r.io/a",
		 "{\"username\":\"u\",\"password\":\"p\",\"serveraddress\":\"r.io\"}"},
		{"{\"auths\":{\"https://index.docker.io/v1/\":{\"identitytoken\":\"tok\"}}}",
		 "team/app",
		 "{\"identitytoken\":\"tok\",\"serveraddress\":\"https://index.docker.io/v1/"
		 "\"}"},
		{"{\"auths\":{\"other.io\":{\"auth\":\"bWU6cGFzczp3b3JkPw==\"}}}", "r.io/a",
		 ""},
		{"{\"auths\":{\"r.io\":{}}}", "r.io/a", ""},
		{"{}", "nginx", ""},
	};
	char sent[1024];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_msg(pull_with_config(cases[i].config, cases[i].image) == 0, "%s",
			      err.message);
		sent_credentials(sent, sizeof(sent));
		ck_assert_str_eq(sent, cases[i].sent);
	}
}
END_TEST

START_TEST(a_broken_file_is_named_and_nothing_of_it_told)
{
	static const char *const broken[] = {
		"{\"auths\":", "{\"auths\":{\"r.io\":{\"auth\":\"secret!\"}}}",
		"{\"auths\":{\"r.io\":{\"auth\":\"c2VjcmV0\"}}}"};

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		ck_assert_int_eq(pull_with_config(broken[i], "r.io/a"), CUBE_ERR_INVALID);
		ck_assert_msg(says("r.io") && says("config.json"), "%s", err.message);
		ck_assert_msg(!says("secret"), "%s", err.message);
	}
	ck_assert_int_eq(daemon_count(daemon_, PULL), 0);
}
END_TEST

#define ASKS "{\"credHelpers\":{\"r.io\":\"test\"}}"

static void
make_helper(const char *text)
{
	char path[PATH_MAX];
	char search[PATH_MAX + 64];

	(void)snprintf(path, sizeof(path), "%s/docker-credential-test", folder);
	write_file(path, text, 0700);
	(void)snprintf(search, sizeof(search), "%s:/usr/bin:/bin", folder);
	ck_assert_int_eq(setenv("PATH", search, 1), 0);
}

START_TEST(a_helper_is_asked_for_its_registry)
{
	char sent[1024];

	make_helper(
		"#!/bin/sh\nread -r server\n[ \"$1\" = get ] || exit 1\n"
		"echo \"{\\\"ServerURL\\\":\\\"$server\\\",\\\"Username\\\":\\\"u-$server\\\","
		"\\\"Secret\\\":\\\"s\\\"}\"\n");
	ck_assert_msg(pull_with_config(ASKS, "r.io/a") == 0, "%s", err.message);
	sent_credentials(sent, sizeof(sent));
	ck_assert_str_eq(
		sent,
		"{\"username\":\"u-r.io\",\"password\":\"s\",\"serveraddress\":\"r.io\"}");
	ck_assert_int_eq(pull_with_config(ASKS, "other.io/a"), 0);
	sent_credentials(sent, sizeof(sent));
	ck_assert_str_eq(sent, "");
	make_helper("#!/bin/sh\necho '{\"Username\":\"<token>\",\"Secret\":\"t\"}'\n");
	ck_assert_int_eq(pull_with_config("{\"credsStore\":\"test\"}", "nginx"), 0);
	sent_credentials(sent, sizeof(sent));
	ck_assert_str_eq(
		sent,
		"{\"identitytoken\":\"t\",\"serveraddress\":\"https://index.docker.io/v1/\"}");
	/* One that has none is no error. */
	make_helper("#!/bin/sh\necho 'credentials not found in native keychain'\nexit 1\n");
	ck_assert_int_eq(pull_with_config(ASKS, "r.io/a"), 0);
	sent_credentials(sent, sizeof(sent));
	ck_assert_str_eq(sent, "");
}
END_TEST

START_TEST(a_helper_that_fails_or_hangs_is_named)
{
	uint64_t begun = client_now();
	struct client other;

	ck_assert_int_eq(pull_with_config("{\"credsStore\":\"absent\"}", "r.io/a"),
			 CUBE_ERR_INVALID);
	ck_assert_msg(says("docker-credential-absent"), "%s", err.message);
	ck_assert_int_eq(pull_with_config("{\"credsStore\":\"../x\"}", "r.io/a"),
			 CUBE_ERR_INVALID);
	make_helper("#!/bin/sh\necho locked\nexit 1\n");
	ck_assert_int_eq(pull_with_config(ASKS, "r.io/a"), CUBE_ERR_INVALID);
	ck_assert_msg(says("docker-credential-test") && says("locked"), "%s", err.message);
	make_helper("#!/bin/sh\nexec sleep 60\n");
	write_file(config, ASKS, 0600);
	ck_assert_int_eq(client_open(&other, &err, "socket", daemon_socket(daemon_), "config",
				     config, NULL),
			 0);
	pull_says(STREAM, DAEMON_CLOSE);
	ck_assert_int_eq(prepare_with(&other, "r.io/a", 300), CUBE_ERR_TIMEOUT);
	client_close(&other);
	ck_assert_uint_lt(client_now() - begun, 5000);
	ck_assert_int_eq(daemon_count(daemon_, PULL), 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *whole = suite_create("docker_image");
	TCase *pulls = tcase_create("pulls");
	TCase *credentials = tcase_create("credentials");

	tcase_add_checked_fixture(pulls, set_up, tear_down);
	tcase_set_timeout(pulls, 30);
	tcase_add_test(pulls, an_image_that_is_there_costs_one_look);
	tcase_add_test(pulls, an_image_that_is_missing_is_pulled_by_name_and_tag);
	tcase_add_test(pulls, policies_always_and_never_are_kept);
	tcase_add_loop_test(pulls, what_a_pull_that_fails_means, 0, PULLS);
	tcase_add_test(pulls, a_pull_that_ends_well_without_the_image_is_no_success);
	tcase_add_test(pulls, a_line_without_an_end_is_cut);
	tcase_add_test(pulls, progress_adds_up_the_layers_and_can_give_up);
	tcase_add_test(pulls, a_pull_that_says_nothing_ends_at_the_deadline);
	suite_add_tcase(whole, pulls);
	tcase_add_checked_fixture(credentials, make_folder, remove_folder);
	tcase_set_timeout(credentials, 30);
	tcase_add_test(credentials, credentials_come_from_dockers_file);
	tcase_add_test(credentials, a_broken_file_is_named_and_nothing_of_it_told);
	tcase_add_test(credentials, a_helper_is_asked_for_its_registry);
	tcase_add_test(credentials, a_helper_that_fails_or_hangs_is_named);
	suite_add_tcase(whole, credentials);
	return whole;
}

CHECK_MAIN(suite)
