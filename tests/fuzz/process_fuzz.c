/* tests/fuzz/process_fuzz.c - the state files of process.so, its log files and its handles.
 *
 * An input is one byte for what it is: 'r' and the three files of a container with lines
 * "%" between them, in upper case with a supervisor alive; 'l' a log file; 'h' a handle.
 * Whatever the files say, the container is readable: state and code in range, texts whole,
 * cgroups ours; and a second look says the same.
 */
#include "../../plugins/runtime/process/record.h"
#include "../../plugins/runtime/process/records.h"
#include "fuzz_lines.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define TASK_ID "21b23589-5d2d-4731-b5c9-a97e9832d021"
#define HANDLE  TASK_ID ".1"
#define BOOT    "6be4cb6b-61d1-40cb-bc7b-9cacefefa60c"
#define SPEC                                                                                 \
	"{\"Format\":1,\"Task\":\"" TASK_ID                                                  \
	"\",\"Attempt\":1,\"Cluster\":\"c\",\"Boot\":\"" BOOT                                \
	"\",\"Ports\":[{\"Container\":80,\"Host\":20000,\"Protocol\":\"tcp\",\"Ip\":\"\"}]," \
	"\"Cgroups\":[]}"

static const struct fuzz_seed seeds[] = {
	FUZZ_SEED("r" SPEC
		  "\n%\n{\"Pid\":4194999,\"StartTicks\":5,\"StartedMs\":1700000000000}\n%\n"
		  "{\"ExitCode\":3,\"FinishedMs\":1700000000001,\"OOMKilled\":false,\"Reason\":"
		  "\"\"}"),
	FUZZ_SEED("r" SPEC
		  "\n%\n{\"Pid\":4194999,\"StartTicks\":5,\"StartedMs\":1700000000000}\n%\n"),
	FUZZ_SEED("R" SPEC
		  "\n%\n{\"Pid\":4194999,\"StartTicks\":5,\"StartedMs\":1700000000000}\n%\n"),
	FUZZ_SEED("R" SPEC "\n%\n\n%\n"),
	FUZZ_SEED("r" SPEC "\n%\n\n%\n{\"ExitCode\":137,\"FinishedMs\":1,\"OOMKilled\":true,"
		  "\"Reason\":\"killed: \\u00e9\"}"),
	FUZZ_SEED("r{\"Format\":1,\"Task\":\"" TASK_ID
		  "\",\"Attempt\":1,\"Cluster\":\"\",\"Boot\":\""
		  "x\",\"Ports\":[],\"Cgroups\":[{\"Kind\":\"u\",\"Path\":\"/nowhere/cube/"
		  "cube-" HANDLE "\"}]}\n%\n\n%\n"),
	FUZZ_SEED(
		"l1700000000000 1F hello\n1700000000001 2P part\n1700000000002 2F end\nnoise\n"
		"9 1F \n"),
	FUZZ_SEED("h" HANDLE),
};

static struct bench {
	struct process process;
	struct cube_host host;
	uint64_t now_ms;
	char folder[64];
	int folder_fd; /* of the container */
	int lock_fd;
} bench;

/* ---- the bench ---- */

static uint64_t
host_now_ms(void *ctx)
{
	struct bench *at = ctx;

	return at->now_ms += 50;
}

static void
bench_remove(void)
{
	static const char *const files[] = {
		"/containers/" HANDLE "/" SPEC_FILE, "/containers/" HANDLE "/" STARTED_FILE,
		"/containers/" HANDLE "/" OUTCOME_FILE, "/live/" HANDLE};
	static const char *const folders[] = {"/containers/" HANDLE, "/containers", "/live",
					      ""};
	char path[160];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", bench.folder, files[i]);
		(void)unlink(path);
	}
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", bench.folder, folders[i]);
		(void)rmdir(path);
	}
}

static int
folder_open(int at, const char *name)
{
	int fd;

	FUZZ_MUST(mkdirat(at, name, 0700) == 0);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FUZZ_MUST(fd >= 0);
	return fd;
}

/* In memory where there is such a folder: an outcome is forced to the disk. */
static void
bench_make(void)
{
	int root;

	(void)snprintf(bench.folder, sizeof(bench.folder), "%s/cube-fuzz.XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	FUZZ_MUST(mkdtemp(bench.folder) != NULL);
	(void)atexit(bench_remove);
	root = open(bench.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FUZZ_MUST(root >= 0);
	bench.process.containers_fd = folder_open(root, "containers");
	bench.process.live_fd = folder_open(root, "live");
	bench.folder_fd = folder_open(bench.process.containers_fd, HANDLE);
	bench.lock_fd =
		openat(bench.process.live_fd, HANDLE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	FUZZ_MUST(bench.lock_fd >= 0);
	(void)close(root);
	bench.host.ctx = &bench;
	bench.host.now_ms = host_now_ms;
	bench.process.host = &bench.host;
	(void)snprintf(bench.process.boot_id, sizeof(bench.process.boot_id), "%s", BOOT);
	(void)snprintf(bench.process.cgroups.unified, sizeof(bench.process.cgroups.unified),
		       "/nowhere/cube");
}

static void
set_lock(short type)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET};

	FUZZ_MUST(fcntl(bench.lock_fd, F_OFD_SETLK, &lock) == 0);
}

/* ---- a container ---- */

/* An empty part is no file. */
static const uint8_t *
put_file(const char *name, const uint8_t *at, const uint8_t *end)
{
	const uint8_t *stop = at;
	int fd;

	while (stop < end &&
	       !(stop[0] == '\n' && end - stop >= 3 && stop[1] == '%' && stop[2] == '\n'))
		stop++;
	(void)unlinkat(bench.folder_fd, name, 0);
	if (stop > at) {
		fd = openat(bench.folder_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		FUZZ_MUST(fd >= 0 && write(fd, at, (size_t)(stop - at)) == stop - at);
		(void)close(fd);
	}
	return end - stop > 3 ? stop + 3 : end;
}

static void
check_text(const char *text, size_t size)
{
	FUZZ_MUST(memchr(text, '\0', size) != NULL);
	FUZZ_MUST(utf8_valid_prefix(text, strlen(text)) == strlen(text));
}

static void
check_container(const struct record *record)
{
	const struct cube_container *container = &record->container;

	check_text(container->reason, sizeof(container->reason));
	check_text(container->cluster, sizeof(container->cluster));
	FUZZ_MUST(strcmp(container->handle, HANDLE) == 0 &&
		  strcmp(container->task_id, TASK_ID) == 0 && container->attempt == 1);
	FUZZ_MUST(container->state >= CUBE_CONTAINER_CREATED &&
		  container->state <= CUBE_CONTAINER_EXITED);
	FUZZ_MUST(container->exit_code >= 0 && container->exit_code <= 255);
	FUZZ_MUST(container->port_count <= CUBE_PORTS_MAX);
	for (uint32_t i = 0; i < container->port_count; i++) {
		check_text(container->ports[i].host_ip, sizeof(container->ports[i].host_ip));
		FUZZ_MUST(container->ports[i].container_port != 0 &&
			  container->ports[i].host_port != 0);
	}
	FUZZ_MUST(record->cgroups.count <= CGROUP_DIRS_MAX);
	for (uint32_t i = 0; i < record->cgroups.count; i++)
		FUZZ_MUST(strncmp(record->cgroups.dirs[i].path, "/nowhere/cube/", 14) == 0);
	FUZZ_MUST(!record->has_started || record->pid > 1);
}

static void
try_record(bool supervised, const uint8_t *data, const uint8_t *end)
{
	struct record record;
	struct record again;
	struct handle handle;
	struct cube_error err = {0};

	data = put_file(SPEC_FILE, data, end);
	data = put_file(STARTED_FILE, data, end);
	(void)put_file(OUTCOME_FILE, data, end);
	FUZZ_MUST(handle_parse(HANDLE, &handle, &err) == 0);
	set_lock(supervised ? F_WRLCK : F_UNLCK);
	FUZZ_MUST(record_load(&bench.process, &handle, UINT64_MAX, &record, &err) == 0);
	check_container(&record);
	FUZZ_MUST(record_load(&bench.process, &handle, UINT64_MAX, &again, &err) == 0);
	FUZZ_MUST(again.container.state == record.container.state &&
		  again.container.exit_code == record.container.exit_code);
	if (record.container.reason[0] == '\0')
		fuzz_accepted();
	set_lock(F_UNLCK);
}

/* ---- output, handles ---- */

static void
try_log(const uint8_t *data, size_t size)
{
	static struct records records;
	struct output_record record;
	size_t total = 0;
	int fd = memfd_create("process_fuzz", MFD_CLOEXEC);

	FUZZ_MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	FUZZ_MUST(lseek(fd, 0, SEEK_SET) == 0);
	records_begin(&records, fd);
	while (records_next(&records, &record)) {
		FUZZ_MUST(record.stream == 1 || record.stream == 2);
		FUZZ_MUST(record.wall_ms >= 0);
		total += record.size;
		FUZZ_MUST(total <= size); /* nothing is made up */
	}
	(void)close(fd);
}

static void
try_handle(const uint8_t *data, const uint8_t *end)
{
	struct handle handle;
	struct handle again;
	struct cube_error err = {0};
	char *text = fuzz_line(&data, end);
	int rc;

	if (text == NULL)
		return;
	rc = handle_parse(text, &handle, &err);
	if (rc == 0) {
		FUZZ_MUST(strcmp(handle.text, text) == 0 && strchr(text, '/') == NULL);
		FUZZ_MUST(handle_make(handle.task_id, handle.attempt, &again, &err) == 0);
		FUZZ_MUST(strcmp(again.text, text) == 0);
	} else {
		fuzz_check_error(rc, &err);
	}
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (bench.folder[0] == '\0')
		bench_make();
	if (size == 0)
		return 0;
	if (*data == 'l')
		try_log(data + 1, size - 1);
	else if (*data == 'h')
		try_handle(data + 1, data + size);
	else
		try_record(*data == 'R', data + 1, data + size);
	return 0;
}

FUZZ_MAIN(seeds)
