/* tests/fuzz/codec_fuzz.c - every decoder of the model on anything that is JSON.
 *
 * What is refused says why in plain text. What is read is within its limits and, written
 * and read again, is the same; a specification keeps its hash on every way it travels.
 */
#include "base/utf8.h"
#include "fuzz_main.h"
#include "model/codec.h"
#include "model/history.h"
#include "model/why.h"

#define OUT_LIMIT   ((size_t)64 * 1024 * 1024)
#define FALLBACK    "6be4cb6b-61d1-40cb-bc7b-9cacefefa60c"
#define MANY_VALUES "too many values" /* dense texts grow past the parser's bound */

static const struct fuzz_seed seeds[] = {
	FUZZ_SEED(
		"{\"ID\":\"6be4cb6b-61d1-40cb-bc7b-9cacefefa60c\",\"State\":2,"
		"\"Timestamp\":\"2026-03-01T12:00:00Z\",\"Task\":{\"State\":1,"
		"\"ID\":\"21b23589-5d2d-4731-b5c9-a97e9832d021\",\"Name\":\"test\",\"Cpu\":0.5,"
		"\"Image\":\"strm/helloworld-http:1\",\"Memory\":67108864,\"Disk\":9,"
		"\"ExposedPorts\":{\"80/tcp\":{},\"53\":{}},"
		"\"PortBindings\":{\"80/tcp\":\"8080\",\"443\":[{\"HostIp\":\"\","
		"\"HostPort\":\"8443\"}]},\"RestartPolicy\":\"on-failure:3\","
		"\"HealthCheck\":\"/health\",\"Cmd\":[\"-g\",\"x\"],"
		"\"Entrypoint\":[\"/bin/sh\"],\"Env\":[\"A=1\",\"B=\"],"
		"\"Labels\":{\"b\":\"2\",\"a\":\"1\"},\"Job\":\"shop\",\"Priority\":70,"
		"\"StopTimeout\":0,\"MaxPerNode\":{\"Label\":\"a\",\"Max\":2},"
		"\"Constraints\":[\"zone==eu\",\"node.memory>=16g\",\"r in "
		"(1,\\\"x\\\")\",\"exists gpu\"],\"Health\":null}}"),
	FUZZ_SEED("{\"State\":3,\"Task\":{\"ID\":\"21b23589-5d2d-4731-b5c9-a97e9832d021\"}}"),
	FUZZ_SEED("{\"Image\":\"nginx\",\"Name\":\"\",\"Cpu\":1e-3}"),
	FUZZ_SEED("{\"Image\":\"x\",\"ExposedPorts\":{\"80/tcp\":{},\"443/tcp\":{}},"
		  "\"Health\":{\"Http\":\"/health\",\"Port\":\"443/tcp\",\"Interval\":5,"
		  "\"Timeout\":1,\"Threshold\":2,\"StartPeriod\":30}}"),
	FUZZ_SEED("{\"Image\":\"x\",\"PortBindings\":{\"80/tcp\":\"\"},"
		  "\"Health\":{\"Tcp\":\"80/tcp\"}}"),
	FUZZ_SEED("{\"Cluster\":\"6be4cb6b-61d1-40cb-bc7b-9cacefefa60c\",\"Generation\":4,"
		  "\"Sequence\":17,\"Full\":true,\"Acked\":\"ab-9\",\"Tasks\":[{\"ID\":"
		  "\"21b23589-5d2d-4731-b5c9-a97e9832d021\",\"Attempt\":3,\"Wanted\":2,"
		  "\"Task\":{\"Image\":\"x\"}},{\"ID\":"
		  "\"21b23589-5d2d-4731-b5c9-a97e9832d022\",\"Attempt\":1,\"Wanted\":3}]}"),
	FUZZ_SEED("[{\"ID\":\"21b23589-5d2d-4731-b5c9-a97e9832d021\",\"State\":4,\"Wanted\":2,"
		  "\"Final\":true,\"RestartCount\":2,\"Attempt\":3,\"Node\":\"n1\","
		  "\"ContainerID\":\"c0\",\"HostPorts\":{\"80/tcp\":[{\"HostIp\":\"0.0.0.0\","
		  "\"HostPort\":\"32768\"}],\"9/udp\":null},"
		  "\"StartTime\":\"2026-03-01T12:00:00.123456789+01:00\","
		  "\"FinishTime\":\"0001-01-01T00:00:00Z\",\"ExitCode\":137,"
		  "\"OOMKilled\":true,\"Reason\":\"why\",\"Sequence\":5}]"),
	FUZZ_SEED("{\"Name\":\"n1\",\"Api\":\"http://10.0.0.7:5556\",\"Memory\":2048,"
		  "\"Disk\":5,\"Stats\":{\"MemStats\":{\"a\":[1.5,null]}},\"Cores\":1.5,"
		  "\"Instance\":\"6be4cb6b-61d1-40cb-bc7b-9cacefefa60c\",\"CpuBusy\":0.25,"
		  "\"Labels\":{\"arch\":\"arm64\"},\"Runtime\":\"docker\","
		  "\"RuntimeReady\":true,\"RuntimeReason\":\"\",\"Enforces\":[\"cpu\"],"
		  "\"Version\":\"0.1.0\",\"Revision\":7}"),
	FUZZ_SEED("{\"Time\":\"2026-03-01T12:00:00.123Z\",\"State\":2,\"Attempt\":1,"
		  "\"Node\":\"n1\",\"Reason\":\"adopted\"}"),
	FUZZ_SEED("{\"Task\":\"21b23589-5d2d-4731-b5c9-a97e9832d021\",\"Name\":\"web\","
		  "\"State\":0,\"Node\":\"n1\",\"Summary\":\"no node fits\",\"Nodes\":5,"
		  "\"Fits\":1,\"Reasons\":[{\"Reason\":\"memory\",\"Count\":4,\"Nodes\":["
		  "\"n1\",\"n3\"],\"Text\":\"wants 1 GiB\"}],\"Changes\":[{\"Change\":"
		  "\"memory\",\"Amount\":7,\"Node\":\"n1\",\"Count\":1,\"Text\":\"less\"}],"
		  "\"Unblock\":\"It would fit if less.\",\"Scheduler\":\"epvm\","
		  "\"Considered\":1,\"Costs\":[{\"Node\":\"n1\",\"Cost\":0.25},{\"Node\":"
		  "\"n2\",\"Cost\":null}]}"),
	FUZZ_SEED("9f3c-12"),
};

static void
check_refusal(int rc, const struct cube_error *err)
{
	const char *at;

	FUZZ_MUST(rc == CUBE_ERR_INVALID && err->code == rc && err->message[0] != '\0');
	FUZZ_MUST(utf8_valid_prefix(err->message, strlen(err->message)) ==
		  strlen(err->message));
	for (at = err->message; *at != '\0'; at++)
		FUZZ_MUST((unsigned char)*at >= 0x20 && *at != 0x7f);
}

/* Parses what we wrote ourselves; false if it is dense beyond what the parser takes. */
static bool
reparse(const struct buf *text, struct json_doc *doc)
{
	struct cube_error err = {0};

	FUZZ_MUST(!text->failed);
	if (json_parse(text->data, text->size, doc, &err) == 0)
		return true;
	FUZZ_MUST(strstr(err.message, MANY_VALUES) != NULL);
	return false;
}

static struct json_writer *
writer_new(struct buf *out)
{
	struct json_writer *writer = json_writer_new(out, false);

	FUZZ_MUST(writer != NULL);
	return writer;
}

/* Whatever they are, they hold or not, and can be told in words. */
static void
check_constraints(const struct task_spec *spec)
{
	const struct task_label labels[] = {{"zone", "eu"}, {"r", "5g"}};
	const struct node_info nothing = {.name = "n0"};
	struct node_info node = {.name = "n1", .arch = "amd64", .version = "1.2", .mcpu = 500};
	uint32_t i;

	node.labels = node_labels_new(labels, 2);
	FUZZ_MUST(node.labels != NULL);
	for (i = 0; i < spec->constraint_count; i++) {
		const struct task_constraint *at = &spec->constraints[i];
		struct buf words cleanup_buf = BUF_INIT(OUT_LIMIT);
		bool any = at->op == CONSTRAINT_EXISTS || at->op == CONSTRAINT_ABSENT;

		FUZZ_MUST(at->key[0] != '\0' && (at->value_count > 0) != any);
		FUZZ_MUST(at->value_count <= CONSTRAINT_VALUES_MAX);
		(void)constraint_holds(at, &node);
		/* The opposites are opposites on every node. */
		if (at->attribute == CONSTRAINT_LABEL && at->op < CONSTRAINT_IN)
			FUZZ_MUST(constraint_holds(at, &nothing) ==
				  (at->op == CONSTRAINT_NOT_EQUAL));
		constraint_explain(&words, at, &node);
		FUZZ_MUST(!words.failed && words.size > 0);
	}
	node_info_release(&node);
}

static void
check_spec(struct task_spec *spec)
{
	struct buf text cleanup_buf = BUF_INIT(OUT_LIMIT);
	struct json_doc doc cleanup_json = {0};
	struct task task = {.spec = spec};
	struct task_status status;
	struct task_spec *again;
	struct json_writer *writer = writer_new(&text);
	struct cube_error err = {0};
	uint32_t i;

	FUZZ_MUST(name_is_valid(spec->name) && spec->image[0] != '\0');
	FUZZ_MUST(spec->mcpu >= 0 && spec->mcpu <= 4096000);
	FUZZ_MUST(spec->memory_bytes >= 0 && spec->disk_bytes >= 0);
	FUZZ_MUST(spec->port_count <= TASK_PORTS_MAX && spec->label_count <= TASK_LIST_MAX);
	FUZZ_MUST(spec->constraint_count <= CONSTRAINTS_MAX);
	check_constraints(spec);
	for (i = 1; i < spec->port_count; i++)
		FUZZ_MUST(spec->ports[i - 1].container_port <= spec->ports[i].container_port);
	for (i = 1; i < spec->label_count; i++)
		FUZZ_MUST(strcmp(spec->labels[i - 1].key, spec->labels[i].key) < 0);
	task.status.wanted = TASK_WANTED_RUN;
	task_encode(writer, &task);
	json_writer_free(writer);
	if (!reparse(&text, &doc))
		return;
	FUZZ_MUST(task_spec_decode(&doc, doc.root, CODEC_LENIENT, NULL, &again, &err) == 0);
	FUZZ_MUST(again->hash == spec->hash && strcmp(again->json, spec->json) == 0);
	task_spec_put(again);
	FUZZ_MUST(task_status_decode(&doc, doc.root, &status, &err) == 0);
	task_status_release(&status);
}

static void
try_task(const struct json_doc *doc, enum codec_mode mode)
{
	struct task_request request;
	struct task_spec *spec;
	struct cube_error err = {0};
	int rc = task_request_decode(doc, doc->root, mode, FALLBACK, &request, &err);

	if (rc == 0) {
		fuzz_accepted();
		FUZZ_MUST((request.spec != NULL) == (request.wanted == TASK_WANTED_RUN));
		FUZZ_MUST(strlen(request.task_id) == ID_SIZE - 1);
		if (request.spec != NULL)
			check_spec(request.spec);
		task_request_release(&request);
	} else {
		check_refusal(rc, &err);
	}
	rc = task_spec_decode(doc, doc->root, mode, FALLBACK, &spec, &err);
	if (rc == 0) {
		fuzz_accepted();
		check_spec(spec);
		task_spec_put(spec);
	} else {
		check_refusal(rc, &err);
	}
}

static void
try_orders(const struct json_doc *doc)
{
	struct buf once cleanup_buf = BUF_INIT(OUT_LIMIT);
	struct buf twice cleanup_buf = BUF_INIT(OUT_LIMIT);
	struct json_doc again cleanup_json = {0};
	struct json_writer *writer;
	struct orders orders;
	struct cube_error err = {0};
	int rc = orders_decode(doc, &orders, &err);

	if (rc != 0) {
		check_refusal(rc, &err);
		return;
	}
	fuzz_accepted();
	writer = writer_new(&once);
	orders_encode(writer, &orders);
	json_writer_free(writer);
	orders_release(&orders);
	if (!reparse(&once, &again))
		return;
	FUZZ_MUST(orders_decode(&again, &orders, &err) == 0);
	writer = writer_new(&twice);
	orders_encode(writer, &orders);
	json_writer_free(writer);
	orders_release(&orders);
	FUZZ_MUST(once.size == twice.size && memcmp(once.data, twice.data, once.size) == 0);
}

static void
try_node(const struct json_doc *doc, enum codec_mode mode)
{
	struct buf once cleanup_buf = BUF_INIT(OUT_LIMIT);
	struct buf twice cleanup_buf = BUF_INIT(OUT_LIMIT);
	struct json_doc again cleanup_json = {0};
	struct json_writer *writer;
	struct node_info info;
	struct cube_error err = {0};
	int rc = node_info_decode(doc, doc->root, mode, &info, &err);

	if (rc != 0) {
		check_refusal(rc, &err);
		return;
	}
	fuzz_accepted();
	writer = writer_new(&once);
	node_info_encode(writer, &info);
	json_writer_free(writer);
	node_info_release(&info);
	if (!reparse(&once, &again))
		return;
	FUZZ_MUST(node_info_decode(&again, again.root, CODEC_STRICT, &info, &err) == 0);
	writer = writer_new(&twice);
	node_info_encode(writer, &info);
	json_writer_free(writer);
	node_info_release(&info);
	FUZZ_MUST(once.size == twice.size && memcmp(once.data, twice.data, once.size) == 0);
}

static void
try_status(const struct json_doc *doc)
{
	struct history_entry entry;
	struct task_status status;
	struct reports reports;
	struct cube_error err = {0};
	size_t i;
	int rc = task_status_decode(doc, doc->root, &status, &err);

	if (rc == 0)
		task_status_release(&status);
	else
		check_refusal(rc, &err);
	rc = reports_decode(doc, &reports, &err);
	if (rc == 0) {
		fuzz_accepted();
		for (i = 0; i < reports.count; i++) {
			FUZZ_MUST(strlen(reports.items[i].task_id) == ID_SIZE - 1);
			FUZZ_MUST((unsigned)reports.items[i].status.state < TASK_STATES);
		}
		reports_release(&reports);
	} else {
		check_refusal(rc, &err);
	}
	rc = history_decode(doc, doc->root, &entry, &err);
	if (rc != 0)
		check_refusal(rc, &err);
}

static void
try_why(const struct json_doc *doc)
{
	struct buf once cleanup_buf = BUF_INIT(OUT_LIMIT);
	struct buf twice cleanup_buf = BUF_INIT(OUT_LIMIT);
	struct json_doc again cleanup_json = {0};
	struct json_writer *writer;
	struct cube_error err = {0};
	struct why why;
	int rc = why_decode(doc, doc->root, &why, &err);

	if (rc != 0) {
		check_refusal(rc, &err);
		return;
	}
	fuzz_accepted();
	FUZZ_MUST(why.cost_count <= WHY_COSTS_MAX);
	writer = writer_new(&once);
	why_encode(writer, &why);
	json_writer_free(writer);
	why_release(&why);
	if (!reparse(&once, &again))
		return;
	FUZZ_MUST(why_decode(&again, again.root, &why, &err) == 0);
	writer = writer_new(&twice);
	why_encode(writer, &why);
	json_writer_free(writer);
	why_release(&why);
	FUZZ_MUST(once.size == twice.size && memcmp(once.data, twice.data, once.size) == 0);
}

static void
try_texts(const uint8_t *data, size_t size)
{
	char text[256], again[REVISION_SIZE];
	struct revision revision;

	if (size >= sizeof(text))
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (name_is_valid(text))
		FUZZ_MUST(strlen(text) < NAME_SIZE);
	if (revision_parse(text, &revision) == 0) {
		revision_format(revision, again);
		FUZZ_MUST(strcmp(text, again) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_doc doc cleanup_json = {0};
	struct cube_error err = {0};

	try_texts(data, size);
	if (json_parse((const char *)data, size, &doc, &err) != 0)
		return 0;
	try_task(&doc, CODEC_STRICT);
	try_task(&doc, CODEC_LENIENT);
	try_orders(&doc);
	try_status(&doc);
	try_why(&doc);
	try_node(&doc, CODEC_STRICT);
	try_node(&doc, CODEC_LENIENT);
	return 0;
}

FUZZ_MAIN(seeds)
