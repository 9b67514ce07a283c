/* tests/bench/codec_tool.c - what the codec costs: ns for a typical submit of 500 bytes.
 *
 * parse: text to tree. decode: tree to request. encode: the Task of the answer. Prints
 * one line; compare runs of one machine only.
 */
#include "model/codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 200000

static const char event[] =
	"{\"ID\": \"6be4cb6b-61d1-40cb-bc7b-9cacefefa60c\", \"State\": 2,\n"
	" \"Timestamp\": \"2026-03-01T12:00:00.123456789Z\",\n"
	" \"Task\": {\"ID\": \"21b23589-5d2d-4731-b5c9-a97e9832d021\", \"State\": 1,\n"
	"  \"Name\": \"web-frontend-1\", \"Image\": \"registry.example.com/shop/web:1.25.3\",\n"
	"  \"Cpu\": 0.25, \"Memory\": 67108864, \"Disk\": 1073741824,\n"
	"  \"ExposedPorts\": {\"8080/tcp\": {}}, \"PortBindings\": {\"8080/tcp\": \"18080\"},\n"
	"  \"RestartPolicy\": \"on-failure:3\", \"HealthCheck\": \"/health\",\n"
	"  \"Env\": [\"MODE=production\", \"REGION=eu-west-1\"], \"Labels\": {\"tier\": "
	"\"web\"}}}";

static double
now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

int
main(void)
{
	struct buf out = BUF_INIT(1 << 20);
	double parse_ns = 0, decode_ns = 0, encode_ns = 0;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		struct task_request request;
		struct cube_error err;
		struct json_doc doc;
		struct json_writer *writer;
		struct task task;
		double start = now_ns();

		if (json_parse(event, sizeof(event) - 1, &doc, &err) != 0) {
			(void)fprintf(stderr, "codec_tool: %s\n", err.message);
			return EXIT_FAILURE;
		}
		parse_ns += now_ns() - start;
		start = now_ns();
		if (task_request_decode(&doc, doc.root, CODEC_STRICT, NULL, &request, &err) !=
		    0) {
			(void)fprintf(stderr, "codec_tool: %s\n", err.message);
			return EXIT_FAILURE;
		}
		decode_ns += now_ns() - start;
		json_release(&doc);
		start = now_ns();
		memset(&task, 0, sizeof(task));
		task.spec = request.spec;
		task.status.wanted = TASK_WANTED_RUN;
		task.status.sequence = 1;
		buf_reset(&out);
		writer = json_writer_new(&out, false);
		if (writer == NULL)
			return EXIT_FAILURE;
		task_encode(writer, &task);
		json_writer_free(writer);
		encode_ns += now_ns() - start;
		task_request_release(&request);
	}
	(void)printf("codec: parse %.0f ns, decode %.0f ns, encode %.0f ns (%zu bytes in, %zu "
		     "out)\n",
		     parse_ns / ROUNDS, decode_ns / ROUNDS, encode_ns / ROUNDS,
		     sizeof(event) - 1, out.size);
	buf_release(&out);
	return EXIT_SUCCESS;
}
