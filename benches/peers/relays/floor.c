/* As little as a signing relay can do on this kernel: the socket calls and the hashes. Raw bodies; no limits, no timeouts, no handling of
 * errors. It says how far down there is, and is nothing to run.
 *
 *     floor PORT UPSTREAM_PORT TOPIC PRODUCER_GROUP ACCESS_KEY SECRET_KEY */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "../http1.h"

#include <openssl/evp.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <signal.h>

enum { NOBODY = -1, KEY_BYTES = 64, HEAD_BYTES = 1024 };

struct connection {
    char *bytes;
    size_t length;
    int to_upstream; /* whether it is one of ours */
    int waiting;     /* of ours: the caller whose answer comes next */
};
static struct connection connections[CONNECTIONS];
static int idle[CONNECTIONS], idle_count, epoll;
static char **arguments;
static SHA_CTX inner, outer; /* of the HMAC, after the key */

enum { PORT = 1, UPSTREAM_PORT, TOPIC, PRODUCER_GROUP, ACCESS_KEY, SECRET_KEY, ARGUMENTS };

static void prepare(SHA_CTX *context, unsigned char pad)
{
    unsigned char key[KEY_BYTES] = {0};
    memcpy(key, arguments[SECRET_KEY], strnlen(arguments[SECRET_KEY], KEY_BYTES));
    for (int index = 0; index < KEY_BYTES; index++)
        key[index] ^= pad;
    SHA1_Init(context);
    SHA1_Update(context, key, KEY_BYTES);
}

static void sign(const char *body, size_t length, const char *now, unsigned char *signature)
{
    unsigned char digest[SHA_DIGEST_LENGTH];
    char text[512];
    MD5((const unsigned char *)body, length, digest);
    int end = sprintf(text, "%s\n%s\n", arguments[TOPIC], arguments[PRODUCER_GROUP]);
    for (int index = 0; index < MD5_DIGEST_LENGTH; index++) {
        text[end++] = "0123456789abcdef"[digest[index] >> 4];
        text[end++] = "0123456789abcdef"[digest[index] & 15];
    }
    end += sprintf(text + end, "\n%s", now);
    SHA_CTX context = inner;
    SHA1_Update(&context, text, end);
    SHA1_Final(digest, &context);
    context = outer;
    SHA1_Update(&context, digest, SHA_DIGEST_LENGTH);
    SHA1_Final(digest, &context);
    EVP_EncodeBlock(signature, digest, SHA_DIGEST_LENGTH);
}

static void add(int fd, int to_upstream)
{
    watch(epoll, fd, EPOLLIN | EPOLLET);
    char *bytes = connections[fd].bytes;
    connections[fd] = (struct connection){bytes ? bytes : malloc(MESSAGE_BYTES), 0, to_upstream, NOBODY};
}

static void end(int fd)
{
    for (int index = 0; connections[fd].to_upstream && index < idle_count; index++)
        if (idle[index] == fd)
            idle[index] = idle[--idle_count];
    close(fd);
}

static int idle_connection(void)
{
    if (idle_count)
        return idle[--idle_count];
    struct sockaddr_in address = loopback(arguments[UPSTREAM_PORT]);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (void *)&address, sizeof address))
        exit(1);
    add(fd, 1);
    return fd;
}

/* A parameter of the query, as the caller wrote it. */
static const char *parameter(const char *head, const char *name, int *length)
{
    const char *found = strstr(head, name);
    *length = 0;
    if (!found || found > strchr(head, '\r'))
        return "";
    *length = strcspn(found += strlen(name), "& ");
    return found;
}

static void relay_request(int caller, const char *request, size_t body, size_t length)
{
    char head[HEAD_BYTES], now[24];
    unsigned char signature[32];
    int tag_length, key_length;
    const char *tag = parameter(request, "tag=", &tag_length), *key = parameter(request, "key=", &key_length);
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    sprintf(now, "%lld", time.tv_sec * 1000LL + time.tv_nsec / 1000000);
    sign(request + body, length - body, now, signature);
    int head_length = snprintf(head, sizeof head,
                               "POST /message/?topic=%s&time=%s&tag=%.*s&key=%.*s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nSignature: %s\r\n"
                               "AccessKey: %s\r\nProducerID: %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
                               arguments[TOPIC], now, tag_length, tag, key_length, key, arguments[UPSTREAM_PORT], signature,
                               arguments[ACCESS_KEY], arguments[PRODUCER_GROUP], length - body);
    struct iovec parts[] = {{head, head_length}, {(char *)request + body, length - body}};
    int fd = idle_connection();
    connections[fd].waiting = caller;
    writev(fd, parts, 2);
}

static void receive(int fd)
{
    struct connection *from = &connections[fd];
    size_t body, whole;
    for (;;) {
        size_t room = MESSAGE_BYTES - 1 - from->length;
        ssize_t received = recv(fd, from->bytes + from->length, room, MSG_DONTWAIT);
        if (received == 0)
            end(fd);
        if (received <= 0)
            return;
        from->length += received;
        from->bytes[from->length] = 0;
        if ((whole = whole_message(from->bytes, from->length, &body)))
            break; /* nothing more comes before it is answered */
        if ((size_t)received < room)
            return; /* the kernel has no more; the next event says when it has */
    }
    from->length = 0;
    if (from->to_upstream) {
        send(from->waiting, from->bytes, whole, MSG_NOSIGNAL);
        idle[idle_count++] = fd;
    } else
        relay_request(fd, from->bytes, body, whole);
}

int main(int count, char **given)
{
    if (count != ARGUMENTS)
        return 2;
    arguments = given;
    signal(SIGPIPE, SIG_IGN);
    prepare(&inner, 0x36);
    prepare(&outer, 0x5c);
    int listener = listen_on(arguments[PORT]);
    struct epoll_event events[EVENTS];
    epoll = epoll_create1(0);
    watch(epoll, listener, EPOLLIN);
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int index = 0; index < ready; index++) {
            int fd = events[index].data.fd;
            if (fd != listener)
                receive(fd);
            else
                while ((fd = accept(listener, NULL, NULL)) >= 0)
                    add(fd, 0);
        }
    }
}
