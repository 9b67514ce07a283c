/* tests/fuzz/cli_fuzz.c - command lines, amounts, addresses, and the files of `cube run -f`.
 *
 * An input is one argument a line; its first byte chooses the program. What is refused says
 * why, what is taken is within its range; a submission made of it is
 * JSON that the manager can read.
 */
#include "base/json.h"
#include "common/address.h"
#include "common/clean.h"
#include "common/units.h"
#include "cube-manager/options.h"
#include "cube-worker/options.h"
#include "cube/command.h"
#include "cube/ports.h"
#include "cube/submission.h"
#include "fuzz_lines.h"

#include <sys/mman.h>

#define ARGUMENTS_MAX 40

static const struct fuzz_seed seeds[] = {
	FUZZ_SEED("m\n--scheduler=roundrobin.so\n--port\n5555\n--workers\na:1,b:2\n"
		  "--node-timeout\n30\n--store-opt\npath=/x\n--log-level=debug"),
	FUZZ_SEED("w\n--runtime=docker.so\n--name\nn1\n--cpus=0.5\n--memory\n64MiB\n--labels\n"
		  "a=b,c=d\n--advertise\nhost:5556"),
	FUZZ_SEED(
		"r\n--name\nweb\n-p\n8080:80/udp\n-e\nA=B\n-lx=y\n--cpus\n0.25\n--memory\n1g\n"
		"--restart\non-failure:3\n--wait=running\n--timeout\n5m\n--\nnginx\n-g\nx"),
	FUZZ_SEED("s\n-a\n-o\njson\nweb\n--manager=http://h:1/"),
	FUZZ_SEED("u64m"),
	FUZZ_SEED("u0.125"),
	FUZZ_SEED("u[::1]:5555"),
	FUZZ_SEED("u8080:80/tcp"),
	FUZZ_SEED("f{\"State\":2,\"Task\":{\"Image\":\"x\",\"Cmd\":[\"a\"]}}"),
	FUZZ_SEED("f[{\"Image\":\"x\"},{\"ID\":\"21b23589-5d2d-4731-b5c9-a97e9832d021\","
		  "\"State\":2,\"Task\":{\"ID\":\"6be4cb6b-61d1-40cb-bc7b-9cacefefa60c\","
		  "\"Image\":\"y\",\"Name\":\"\\u001b[31m\"}}]"),
	FUZZ_SEED("t\x1b[31mred\x1b[0m \xc3\xa9 \x1b]0;title\x07 \x80\xff\r\n\ttab"),
};

static void
check_submission(struct submission *submission)
{
	struct json_doc doc cleanup_json = {0};
	struct cube_error err = {0};

	FUZZ_MUST(!submission->body.failed);
	FUZZ_MUST(json_parse(buf_text(&submission->body), submission->body.size, &doc, &err) ==
		  0);
	for (size_t i = 0; i < submission->count; i++)
		FUZZ_MUST(strlen(submission->ids[i]) == ID_SIZE - 1);
}

/* Whatever is asked of the values answers, or says why. */
static void
ask_all(const struct cli_program *program, const struct cli_values *values)
{
	const struct cli_option *option;
	struct cube_error err = {0};
	size_t count;

	for (option = program->options; option->name != NULL; option++) {
		int64_t number = 2;
		uint64_t time_ms = 2;
		int rc;

		(void)cli_given(values, option->name);
		if (option->arg == NULL) {
			(void)cli_flag(values, option->name);
			continue;
		}
		(void)cli_text(values, option->name);
		if (option->repeats)
			(void)cli_list(values, option->name, &count);
		rc = cli_number(values, option->name, 1, 65535, &number, &err);
		if (rc != 0)
			FUZZ_MUST(rc == err.code && err.message[0] != '\0');
		FUZZ_MUST(number >= 1 && number <= 65535);
		rc = cli_duration(values, option->name, 1, 3600000, &time_ms, &err);
		if (rc != 0)
			FUZZ_MUST(rc == err.code && err.message[0] != '\0');
		FUZZ_MUST(time_ms >= 1 && time_ms <= 3600000);
	}
	(void)cli_operands(values, &count);
}

static void
try_options(const struct cli_program *program, const uint8_t *data, const uint8_t *end)
{
	char *argv[ARGUMENTS_MAX + 1] = {strdup("x")};
	struct cli_values *values = NULL;
	struct submission submission = {0};
	struct cube_error err = {0};
	size_t operands;
	int argc = 1;
	int rc;

	while (argc < ARGUMENTS_MAX && (argv[argc] = fuzz_line(&data, end)) != NULL)
		argc++;
	rc = cli_parse(program, argc, argv, &values, &err);
	if (rc != 0) {
		FUZZ_MUST(err.message[0] != '\0');
	} else {
		fuzz_accepted();
		ask_all(program, values);
		(void)cli_operands(values, &operands);
		if (program == command_run.program && operands > 0) {
			rc = submission_from_options(values, &submission, &err);
			if (rc == 0)
				check_submission(&submission);
			else
				FUZZ_MUST(err.message[0] != '\0');
			submission_release(&submission);
		}
	}
	cli_values_free(values);
	while (argc > 0)
		free(argv[--argc]);
}

static void
try_units(const char *text)
{
	char out[256];
	char container[PORT_CONTAINER_SIZE];
	char host[PORT_HOST_SIZE];
	int64_t value = 0;
	struct cube_error err = {0};

	if (units_bytes("--memory", text, &value, &err) == 0) {
		FUZZ_MUST(value >= 0);
		units_format_bytes(value, out, sizeof(out));
		FUZZ_MUST(out[0] != '\0' && strlen(out) < 16);
		fuzz_accepted();
	}
	if (units_mcpu("--cpus", text, &value, &err) == 0)
		FUZZ_MUST(value >= 0);
	if (address_read("--manager", text, 5555, out, sizeof(out), &err) == 0)
		FUZZ_MUST(strchr(out, ':') != NULL && strlen(out) < sizeof(out));
	if (port_parse(text, container, host, &err) == 0)
		FUZZ_MUST(strlen(container) < sizeof(container) && strlen(host) < sizeof(host));
}

static void
try_file(const uint8_t *data, size_t size)
{
	struct submission submission = {0};
	struct cube_error err = {0};
	char path[64];
	int fd = memfd_create("cli_fuzz", MFD_CLOEXEC);

	FUZZ_MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (submission_from_file(path, size % 2 == 0, &submission, &err) == 0) {
		fuzz_accepted();
		check_submission(&submission);
	} else {
		FUZZ_MUST(err.message[0] != '\0');
	}
	submission_release(&submission);
	(void)close(fd);
}

/* Nothing that drives a terminal comes out, however the text is cut. */
static void
try_text(const uint8_t *data, size_t size)
{
	struct cleaner cleaner = {0};
	char *out = NULL;
	size_t out_size = 0;
	FILE *file = open_memstream(&out, &out_size);

	FUZZ_MUST(file != NULL);
	for (size_t at = 0; at < size;) {
		size_t part = 1 + data[at] % 7;

		part = part < size - at ? part : size - at;
		FUZZ_MUST(cleaner_print(&cleaner, (const char *)data + at, part, file));
		at += part;
	}
	(void)fclose(file);
	for (size_t i = 0; i < out_size; i++)
		FUZZ_MUST((unsigned char)out[i] >= 0x20 ||
			  strchr("\n\r\t\x1b", out[i]) != NULL);
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;
	char *text;

	if (size == 0)
		return 0;
	switch (*data++) {
	case 'm':
		try_options(&manager_program, data, end);
		break;
	case 'w':
		try_options(&worker_program, data, end);
		break;
	case 'r':
		try_options(command_run.program, data, end);
		break;
	case 'f':
		try_file(data, size - 1);
		break;
	case 't':
		try_text(data, size - 1);
		break;
	case 'u':
		text = fuzz_line(&data, end);
		if (text != NULL)
			try_units(text);
		free(text);
		break;
	default:
		try_options(command_status.program, data, end);
		break;
	}
	return 0;
}

FUZZ_MAIN(seeds)
