/* An MQ that answers each request of either protocol with the same success, so that all relays wait the same for it.
 *
 *     upstream PORT DIGEST [MILLIS]
 *
 * It answers at once, or after MILLIS. DIGEST is the MD5 of the 1 KB body that it hands out. Nothing is checked here (checking_mq.py does that), and its queues are endless.
 * GET /counts tells how many connections there were besides those that asked for it, and how many messages were published and
 * acknowledged. */
#include "http1.h"

enum { BODY_BYTES = 1024, MOST_MESSAGES = 32, HEAD = 512, DATE_BYTES = 29 };
#define MESSAGE_ID "0A0A0A0A00002A9F00000000000000"

struct response {
    char *bytes;
    size_t length;
};
static struct response ons_published, ons_consumed[MOST_MESSAGES + 1], mq_published, mq_consumed[MOST_MESSAGES + 1], acknowledged;
static struct {
    char *bytes;
    size_t length;
} connections[CONNECTIONS];
static unsigned long accepted, published, deleted;

/* Responses that are due later, the first one first: all wait equally long. */
static struct {
    int fd;
    struct response response;
    long long due;
} waiting[CONNECTIONS];
static size_t first_waiting, last_waiting;
static long long delay;

static long long now_millis(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

static struct response response(const char *status, const char *headers, const char *body)
{
    struct response made = {.bytes = malloc(strlen(body) + HEAD)};
    made.length = sprintf(made.bytes, "HTTP/1.1 %s\r\nDate: %*s\r\nServer: mq\r\n%s", status, DATE_BYTES, "", headers);
    made.length += *body ? sprintf(made.bytes + made.length, "Content-Length: %zu\r\n\r\n%s", strlen(body), body)
                         : sprintf(made.bytes + made.length, "\r\n");
    return made;
}

static void prepare(const char *digest)
{
    static const char json[] = "Content-Type: text/html;charset=UTF-8\r\n";
    static const char xml[] = "Content-Type: text/xml;charset=utf-8\r\nx-mq-request-id: 5EB4C0A5373236303200104D\r\n"
                              "x-mq-version: 2015-06-06\r\n";
    static const char begin[] = "<?xml version=\"1.0\" encoding=\"utf-8\"?><%s xmlns=\"http://mq.aliyuncs.com/doc/v1/\">";
    char body[BODY_BYTES + 1], *text = malloc((MOST_MESSAGES + 1) * (BODY_BYTES + 1024)), *end;
    unsigned long long now = time(NULL) * 1000ull, tomorrow = now + 86400000;
    memset(body, 'x', BODY_BYTES);
    body[BODY_BYTES] = 0;

    ons_published = response("201 Created", json, "{\"msgId\":\"" MESSAGE_ID "01\",\"sendStatus\":\"SEND_OK\"}");
    acknowledged = response("204 No Content", "x-mq-version: 2015-06-06\r\n", "");
    end = text + sprintf(text, begin, "Message");
    sprintf(end, "<MessageId>" MESSAGE_ID "01</MessageId><MessageBodyMD5>%s</MessageBodyMD5></Message>", digest);
    mq_published = response("201 Created", xml, text);

    for (int count = 1; count <= MOST_MESSAGES; count++) {
        end = text;
        for (int index = 0; index < count; index++)
            end += sprintf(end, "%c{\"body\":\"%s\",\"bornTime\":\"%llu\",\"key\":\"http\",\"msgHandle\":\"X1BFTkRJTkdNU0dfJVJFVFJZJSQx"
                                "%032d\",\"msgId\":\"" MESSAGE_ID "%02X\",\"reconsumeTimes\":0,\"tag\":\"http\"}",
                           index ? ',' : '[', body, now, index, index);
        strcpy(end, "]");
        ons_consumed[count] = response("200 OK", json, text);

        end = text + sprintf(text, begin, "Messages");
        for (int index = 0; index < count; index++)
            end += sprintf(end, "<Message><MessageId>" MESSAGE_ID "%02X</MessageId><MessageBodyMD5>%s</MessageBodyMD5>"
                                "<ReceiptHandle>" MESSAGE_ID "%02X-MTUwMzkwNzUxOTAwMCAyIDMw%08d</ReceiptHandle>"
                                "<PublishTime>%llu</PublishTime><FirstConsumeTime>%llu</FirstConsumeTime>"
                                "<NextConsumeTime>%llu</NextConsumeTime><ConsumedTimes>1</ConsumedTimes><MessageTag>http</MessageTag>"
                                "<Properties>KEYS:http|</Properties><MessageBody>%s</MessageBody></Message>",
                           index, digest, index, index, now, now, tomorrow, body);
        strcpy(end, "</Messages>");
        mq_consumed[count] = response("200 OK", xml, text);
    }
    free(text);
}

static void send_all(int fd, const char *bytes, size_t length)
{
    while (length) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent < 0)
            return;
        bytes += sent;
        length -= sent;
    }
}

static void send_dated(int fd, struct response response)
{
    static time_t told;
    static char date[DATE_BYTES + 1];
    time_t now = time(NULL);
    if (now != told)
        strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&now));
    told = now;
    memcpy(strstr(response.bytes, "Date: ") + 6, date, DATE_BYTES);
    send_all(fd, response.bytes, response.length);
}

static void send_later(int fd, struct response response)
{
    if (!delay) {
        send_dated(fd, response);
        return;
    }
    size_t place = last_waiting++ % CONNECTIONS;
    waiting[place].fd = fd;
    waiting[place].response = response;
    waiting[place].due = now_millis() + delay;
}

/* Sends what is due. How long until there is more: -1 for ever. */
static int send_due(void)
{
    for (long long now = now_millis(); first_waiting < last_waiting; first_waiting++) {
        size_t place = first_waiting % CONNECTIONS;
        if (waiting[place].due > now)
            return waiting[place].due - now;
        send_dated(waiting[place].fd, waiting[place].response);
    }
    return -1;
}

static void tell_counts(int fd)
{
    char body[128], text[256];
    accepted--;
    sprintf(body, "{\"connections\":%lu,\"published\":%lu,\"acknowledged\":%lu}", accepted, published, deleted);
    int length = sprintf(text, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
    send_all(fd, text, length);
}

/* How many messages a consume wants: `num` of ONS HTTP, `numOfMessages` of MQ HTTP. */
static int wanted(const char *head, const char *name)
{
    const char *found = memmem(head, strchr(head, '\r') - head, name, strlen(name));
    int number = found ? atoi(found + strlen(name)) : 1;
    return number < 1 ? 1 : number > MOST_MESSAGES ? MOST_MESSAGES : number;
}

static void respond(int fd, const char *request, size_t body, size_t length)
{
    int ons = !!memmem(request, body, " /message/", 10);
    if (*request == 'P') {
        published++;
        send_later(fd, ons ? ons_published : mq_published);
    } else if (*request == 'D') {
        const char *handle = request + body, *end = request + length;
        int handles = 0;
        while ((handle = memmem(handle, end - handle, "<ReceiptHandle>", 15))) {
            handles++;
            handle += 15;
        }
        deleted += ons ? 1 : handles;
        send_later(fd, acknowledged);
    } else if (!strncmp(request, "GET /counts ", 12))
        tell_counts(fd);
    else
        send_later(fd, ons ? ons_consumed[wanted(request, "num=")] : mq_consumed[wanted(request, "numOfMessages=")]);
}

static void receive(int fd)
{
    char *bytes = connections[fd].bytes;
    size_t *length = &connections[fd].length, body, whole;
    ssize_t received = recv(fd, bytes + *length, MESSAGE_BYTES - 1 - *length, 0);
    if (received <= 0) {
        close(fd);
        *length = 0;
        return;
    }
    *length += received;
    bytes[*length] = 0;
    while ((whole = whole_message(bytes, *length, &body))) {
        respond(fd, bytes, body, whole);
        memmove(bytes, bytes + whole, *length -= whole);
    }
}

int main(int count, char **arguments)
{
    if (count != 3 && count != 4)
        return 2;
    prepare(arguments[2]);
    delay = count == 4 ? atoi(arguments[3]) : 0;
    int listener = listen_on(arguments[1]), epoll = epoll_create1(0);
    struct epoll_event events[EVENTS];
    watch(epoll, listener, EPOLLIN);
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, send_due());
        for (int index = 0; index < ready; index++) {
            int fd = events[index].data.fd;
            if (fd != listener) {
                receive(fd);
                continue;
            }
            while ((fd = accept(listener, NULL, NULL)) >= 0) {
                watch(epoll, fd, EPOLLIN);
                if (!connections[fd].bytes)
                    connections[fd].bytes = malloc(MESSAGE_BYTES);
                accepted++;
            }
        }
    }
}
