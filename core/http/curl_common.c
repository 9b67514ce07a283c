/* http/curl_common.c - curl as both clients use it: plain http to the very host that was
 * named, and errors in cube's terms. Owns nothing. [any]
 */
#include "http/curl_common.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

CURLcode
curl_common_set(CURL *easy)
{
	CURLcode bad = curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);

	if (bad == CURLE_OK)
		bad = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
	if (bad == CURLE_OK)
		bad = curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	if (bad == CURLE_OK)
		bad = curl_easy_setopt(easy, CURLOPT_PROXY, "");
	if (bad == CURLE_OK)
		bad = curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	if (bad == CURLE_OK)
		bad = curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	if (bad == CURLE_OK)
		bad = curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 16384L);
	return bad;
}

bool
curl_common_slist(struct curl_slist **list, const char *text)
{
	struct curl_slist *longer = curl_slist_append(*list, text);

	if (longer == NULL)
		return false;
	*list = longer;
	return true;
}

void
curl_common_head(struct buf *head, const char *line, size_t size)
{
	if (size > 5 && strncmp(line, "HTTP/", 5) == 0)
		buf_reset(head);
	else
		buf_append(head, line, size);
}

bool
curl_common_field(const struct buf *head, const char *name, char *out, size_t out_size)
{
	const char *at = buf_text(head);
	size_t name_size = strlen(name);

	while (*at != '\0') {
		size_t line = strcspn(at, "\r\n");

		if (line > name_size && at[name_size] == ':' &&
		    strncasecmp(at, name, name_size) == 0) {
			const char *value = at + name_size + 1;
			size_t size = line - name_size - 1;

			while (size > 0 && (*value == ' ' || *value == '\t')) {
				value++;
				size--;
			}
			while (size > 0 && (value[size - 1] == ' ' || value[size - 1] == '\t'))
				size--;
			if (size >= out_size)
				return false;
			memcpy(out, value, size);
			out[size] = '\0';
			return true;
		}
		at += line;
		at += strspn(at, "\r\n");
	}
	return false;
}

/* Where nobody listens on a port of the ephemeral range, the kernel may choose that very port
 * for our own end, and connects it with itself. */
static bool
is_own_end(CURL *easy)
{
	const char *local = NULL;
	const char *remote = NULL;
	long local_port = 0;
	long remote_port = 0;

	(void)curl_easy_getinfo(easy, CURLINFO_LOCAL_PORT, &local_port);
	(void)curl_easy_getinfo(easy, CURLINFO_PRIMARY_PORT, &remote_port);
	(void)curl_easy_getinfo(easy, CURLINFO_LOCAL_IP, &local);
	(void)curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &remote);
	return local_port == remote_port && local != NULL && remote != NULL &&
	       strcmp(local, remote) == 0;
}

int
curl_common_connected(CURL *easy, const char *url, struct cube_error *err)
{
	curl_socket_t fd = CURL_SOCKET_BAD;
	ssize_t size;
	char byte;

	(void)curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd);
	if (fd == CURL_SOCKET_BAD || is_own_end(easy))
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, ECONNREFUSED,
				 "%s: nobody answers there", url);
	size = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	if (size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR)))
		return 0;
	return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0, "%s: the connection was closed at once",
			 url);
}

int
curl_common_error(CURLcode result, bool too_long, size_t limit_bytes, const char *url,
		  struct cube_error *err)
{
	if (too_long)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "%s: the answer is over the limit of %zu bytes", url,
				 limit_bytes);
	switch (result) {
	case CURLE_OPERATION_TIMEDOUT:
		return cube_fail(err, CUBE_ERR_TIMEOUT, 0, "%s: no answer in time", url);
	case CURLE_OUT_OF_MEMORY:
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "%s: out of memory", url);
	case CURLE_COULDNT_CONNECT:
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0, "%s: nobody answers there", url);
	case CURLE_COULDNT_RESOLVE_HOST:
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0, "%s: the host is not known",
				 url);
	case CURLE_UNSUPPORTED_PROTOCOL: /* also what curl takes for HTTP/0.9 */
		if (strncasecmp(url, "http://", 7) == 0)
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "%s: what answers is not HTTP", url);
		return cube_fail(err, CUBE_ERR_INVALID, 0, "%s: is no http:// address", url);
	case CURLE_URL_MALFORMAT:
		return cube_fail(err, CUBE_ERR_INVALID, 0, "%s: is no http:// address", url);
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
		return cube_fail(err, CUBE_ERR_INVALID, 0, "%s: what answers is not HTTP", url);
	default:
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0, "%s: %s", url,
				 curl_easy_strerror(result));
	}
}
