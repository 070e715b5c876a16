/* The little of HTTP/1.1 that the MQ (upstream.c) and the floor (relays/floor.c) need: whole messages, and a listener. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 8192, MESSAGE_BYTES = 1 << 17, EVENTS = 256 };

/* How long the message at the front of `length` bytes is, or 0 while it is not whole; `*body` is where its body begins. */
static size_t whole_message(const char *bytes, size_t length, size_t *body)
{
    const char *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t content = 0;
    for (const char *line = memchr(bytes, '\n', end - bytes); line; line = memchr(line + 1, '\n', end - line - 1))
        if (!strncasecmp(line + 1, "content-length:", 15)) {
            content = strtoul(line + 16, NULL, 10);
            break;
        }
    *body = end + 4 - bytes;
    return *body + content <= length ? *body + content : 0;
}

static struct sockaddr_in loopback(const char *port)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int listen_on(const char *port)
{
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = loopback(port);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 4096)) {
        perror("listen");
        exit(1);
    }
    return listener;
}

static void watch(int epoll, int fd, unsigned events)
{
    int one = 1;
    struct epoll_event event = {.events = events, .data.fd = fd};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (fd >= CONNECTIONS || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) {
        fprintf(stderr, "too many connections\n");
        exit(1);
    }
}
