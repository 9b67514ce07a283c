/* auth.c - credentials for a registry, as the docker command keeps them.
 *
 * docker login writes them to config.json: per registry under "auths" (user and password
 * in base64, or a token), or it leaves them with a helper program, named in
 * "credHelpers" per registry or "credsStore" for all. They go to the engine as base64url
 * JSON in a header, and nowhere else: never into a message or a log. Read anew for each
 * pull, so that a login needs no restart. Pure but for the file and the helper. [any]
 */
#include "auth.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>

#define CONFIG_BYTES ((size_t)1024 * 1024)
#define SECRET_BYTES ((size_t)64 * 1024)
#define HUB          "docker.io"
#define HUB_KEY      "https://index.docker.io/v1/" /* its name in config.json */

struct credentials {
	const char *username;
	const char *password;
	const char *identity_token;
	const char *registry_token;
};

/* ---- base64, RFC 4648: decoding takes the usual alphabet, encoding the one for URLs ---- */

static int
digit_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static int
base64_decode(const char *text, struct buf *out)
{
	size_t size = strlen(text);
	unsigned bits = 0;
	int bit_count = 0;

	while (size > 0 && text[size - 1] == '=')
		size--;
	for (size_t i = 0; i < size; i++) {
		int digit = digit_of(text[i]);
		char byte;

		if (digit < 0)
			return -1;
		bits = (bits << 6 | (unsigned)digit) & 0xffffff;
		bit_count += 6;
		if (bit_count < 8)
			continue;
		bit_count -= 8;
		byte = (char)(bits >> bit_count & 0xff);
		buf_append(out, &byte, 1);
	}
	return out->failed ? -1 : 0;
}

static void
base64url_encode(struct buf *out, const char *bytes, size_t size)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789-_";

	for (size_t i = 0; i < size; i += 3) {
		size_t n = size - i < 3 ? size - i : 3;
		unsigned bits = (unsigned)(unsigned char)bytes[i] << 16;
		char four[4];

		if (n > 1)
			bits |= (unsigned)(unsigned char)bytes[i + 1] << 8;
		if (n > 2)
			bits |= (unsigned char)bytes[i + 2];
		for (size_t k = 0; k < 4; k++)
			four[k] = k <= n ? digits[bits >> (18 - 6 * k) & 63] : '=';
		buf_append(out, four, sizeof(four));
	}
}

/* ---- names ---- */

int
auth_registry(const char *image, char *out, size_t size, struct cube_error *err)
{
	const char *slash = strchr(image, '/');
	size_t length = slash == NULL ? 0 : (size_t)(slash - image);
	bool named = length > 0 && (memchr(image, '.', length) != NULL ||
				    memchr(image, ':', length) != NULL ||
				    (length == 9 && memcmp(image, "localhost", 9) == 0));

	if (!named) {
		image = HUB;
		length = strlen(HUB);
	}
	if (length >= size)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "the registry's name in image %.60s... is too long", image);
	memcpy(out, image, length);
	out[length] = '\0';
	if (strcmp(out, "index.docker.io") == 0 || strcmp(out, "registry-1.docker.io") == 0)
		(void)snprintf(out, size, "%s", HUB);
	return 0;
}

/* A key of "auths" may be a URL. */
static bool
key_names(const char *key, const char *registry)
{
	static const char *const schemes[] = {"https://", "http://"};
	size_t length;

	for (size_t i = 0; i < 2; i++)
		if (strncasecmp(key, schemes[i], strlen(schemes[i])) == 0)
			key += strlen(schemes[i]);
	length = strcspn(key, "/");
	return length == strlen(registry) && strncasecmp(key, registry, length) == 0;
}

static const struct json_value *
find_auth(const struct json_value *auths, const char *key, const char *registry)
{
	const struct json_value *found = json_get(auths, key);

	if (found != NULL || auths == NULL || auths->type != JSON_OBJECT)
		return found;
	for (found = auths->as.first; found != NULL; found = found->next)
		if (key_names(found->key, registry))
			return found;
	return NULL;
}

/* ---- the header ---- */

static void
wipe(struct buf *buf)
{
	if (buf->data != NULL)
		explicit_bzero(buf->data, buf->capacity);
	buf_release(buf);
}

static int
write_header(const struct credentials *found, const char *server, struct buf *header,
	     struct cube_error *err)
{
	struct buf json = BUF_INIT(SECRET_BYTES);
	struct json_writer *writer = json_writer_new(&json, false);
	int rc = 0;

	if (writer == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory for credentials");
	json_begin_object(writer);
	if (found->username != NULL)
		json_put_text(writer, "username", found->username);
	if (found->password != NULL)
		json_put_text(writer, "password", found->password);
	if (found->identity_token != NULL)
		json_put_text(writer, "identitytoken", found->identity_token);
	if (found->registry_token != NULL)
		json_put_text(writer, "registrytoken", found->registry_token);
	json_put_text(writer, "serveraddress", server);
	json_end_object(writer);
	json_writer_free(writer);
	buf_append_text(header, "X-Registry-Auth: ");
	base64url_encode(header, buf_text(&json), json.size);
	if (json.failed || header->failed)
		rc = cube_fail(err, CUBE_ERR_INVALID, 0, "the credentials for %s are too large",
			       server);
	wipe(&json);
	return rc;
}

static const char *
not_empty(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

static int
from_file(const struct json_value *entry, const char *server, struct buf *header,
	  struct cube_error *err)
{
	struct credentials found = {
		.username = not_empty(engine_text(entry, "username")),
		.password = not_empty(engine_text(entry, "password")),
		.identity_token = not_empty(engine_text(entry, "identitytoken")),
		.registry_token = not_empty(engine_text(entry, "registrytoken")),
	};
	const char *both = not_empty(engine_text(entry, "auth"));
	struct buf plain = BUF_INIT(SECRET_BYTES);
	char *colon;
	int rc = 0;

	if (both != NULL) {
		if (base64_decode(both, &plain) != 0 || plain.size == 0 ||
		    (colon = strchr(plain.data, ':')) == NULL) {
			wipe(&plain);
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "auths of %s: auth is not base64 of user:password",
					 server);
		}
		*colon = '\0';
		found.username = plain.data;
		found.password = not_empty(colon + 1);
	}
	/* docker login leaves an empty entry when a helper has the secret. */
	if (found.username != NULL || found.identity_token != NULL ||
	    found.registry_token != NULL)
		rc = write_header(&found, server, header, err);
	wipe(&plain);
	return rc;
}

static int
from_helper(const char *helper, const char *server, const struct helper_wait *wait,
	    struct buf *header, struct cube_error *err)
{
	struct buf printed = BUF_INIT(SECRET_BYTES);
	struct credentials found = {0};
	struct json_doc doc = {0};
	const char *secret;
	int rc;

	rc = helper_get(helper, server, wait, &printed, err);
	if (rc == CUBE_ERR_NOT_FOUND) {
		wipe(&printed);
		return 0;
	}
	if (rc == 0)
		rc = json_parse(buf_text(&printed), printed.size, &doc, err);
	if (rc == 0) {
		found.username = not_empty(engine_text(doc.root, "Username"));
		secret = not_empty(engine_text(doc.root, "Secret"));
		if (found.username != NULL && strcmp(found.username, "<token>") == 0) {
			found.username = NULL;
			found.identity_token = secret;
		} else {
			found.password = secret;
		}
		rc = secret == NULL
			     ? cube_fail(err, CUBE_ERR_INVALID, 0,
					 "docker-credential-%s printed no Secret", helper)
			     : write_header(&found, server, header, err);
	}
	json_release(&doc);
	wipe(&printed);
	return rc;
}

/* ---- the file ---- */

static int
read_config(const char *path, struct buf *out, bool *there, struct cube_error *err)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char bytes[4096];
	ssize_t got;

	*there = fd >= 0;
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return cube_fail(err, CUBE_ERR_INVALID, errno, "cannot read %s: %s", path,
				 strerror(errno));
	while ((got = read(fd, bytes, sizeof(bytes))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return cube_fail(err, CUBE_ERR_INVALID, errno, "cannot read %s: %s",
					 path, strerror(errno));
		buf_append(out, bytes, (size_t)got);
		if (out->failed)
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "%s is larger than any file of credentials", path);
	}
	return 0;
}

static int
look_up(const struct json_value *config, const char *registry, const struct helper_wait *wait,
	struct buf *header, struct cube_error *err)
{
	const char *server = strcmp(registry, HUB) == 0 ? HUB_KEY : registry;
	const struct json_value *entry;
	const char *helper;

	helper = not_empty(engine_text(json_get(config, "credHelpers"), server));
	if (helper == NULL)
		helper = not_empty(engine_text(config, "credsStore"));
	if (helper != NULL)
		return from_helper(helper, server, wait, header, err);
	entry = find_auth(json_get(config, "auths"), server, registry);
	return entry == NULL ? 0 : from_file(entry, server, header, err);
}

int
auth_header(const char *config, const char *registry, const struct helper_wait *wait,
	    struct buf *header, struct cube_error *err)
{
	struct buf text = BUF_INIT(CONFIG_BYTES);
	struct json_doc doc = {0};
	bool there = false;
	int rc;

	if (config == NULL)
		return 0;
	rc = read_config(config, &text, &there, err);
	if (rc == 0 && there) {
		rc = json_parse(buf_text(&text), text.size, &doc, err);
		if (rc == 0)
			rc = look_up(doc.root, registry, wait, header, err);
		json_release(&doc);
		if (rc != 0)
			(void)error_wrap(err, "credentials for %s (%s)", registry, config);
	} else if (rc != 0) {
		(void)error_wrap(err, "credentials for %s", registry);
	}
	wipe(&text);
	return rc;
}
