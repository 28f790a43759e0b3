/* The limit of servers that send each message to each client by a call of its own.
 *
 * One room, no rights, no memory of anything: every frame that a client sends goes to all
 * clients with one send() each. Handshakes are answered (RFC 6455 asks for SHA-1 and base64).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_CLIENTS = 20000, BUFFER = 1 << 16 };

typedef struct {
    int fd, open;
    size_t length;
    unsigned char *data;
} Client;

static Client clients[MAX_CLIENTS];
static int order[MAX_CLIENTS], count;

static uint32_t rotate(uint32_t value, int bits) { return value << bits | value >> (32 - bits); }

static void sha1_block(uint32_t *h, const unsigned char *block) {
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | block[4 * i + 1] << 16 | block[4 * i + 2] << 8 |
               block[4 * i + 3];
    for (int i = 16; i < 80; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 80; i++) {
        uint32_t f, k;
        if (i < 20) f = (b & c) | (~b & d), k = 0x5a827999;
        else if (i < 40) f = b ^ c ^ d, k = 0x6ed9eba1;
        else if (i < 60) f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
        else f = b ^ c ^ d, k = 0xca62c1d6;
        uint32_t next = rotate(a, 5) + f + e + k + w[i];
        e = d, d = c, c = rotate(b, 30), b = a, a = next;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

/* base64(SHA-1(key + GUID)); the text has 60 bytes, so two blocks. */
static void accept_key(const char *key, char *out) {
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    unsigned char text[128] = {0}, digest[21] = {0};
    memcpy(text, key, 24);
    memcpy(text + 24, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
    text[60] = 0x80;
    text[126] = 480 >> 8, text[127] = 480 & 255;
    sha1_block(h, text);
    sha1_block(h, text + 64);
    for (int i = 0; i < 20; i++) digest[i] = h[i / 4] >> (24 - 8 * (i % 4));
    static const char *set = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; i < 21; i += 3) {
        uint32_t three = digest[i] << 16 | digest[i + 1] << 8 | digest[i + 2];
        for (int j = 0; j < 4; j++) *out++ = set[three >> (18 - 6 * j) & 63];
    }
    out[-1] = '=', out[0] = 0;
}

static void drop(Client *client) {
    for (int i = 0; i < count; i++)
        if (order[i] == client->fd) order[i] = order[--count];
    close(client->fd);
    free(client->data);
    memset(client, 0, sizeof *client);
}

static int handshake(Client *client) {
    static const char name[] = "sec-websocket-key:";
    char answer[256], key[29], *end, *at;
    client->data[client->length] = 0;
    if (!(end = strstr((char *)client->data, "\r\n\r\n"))) return 0;
    if (!(at = strcasestr((char *)client->data, name))) return -1;
    for (at += sizeof name - 1; *at == ' '; at++) {}
    accept_key(at, key);
    int size = snprintf(answer, sizeof answer,
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", key);
    if (send(client->fd, answer, size, MSG_NOSIGNAL) < 0) return -1;
    client->open = 1;
    client->length = 0; /* Nobody speaks before the answer. */
    order[count++] = client->fd;
    return 0;
}

static void broadcast(const unsigned char *payload, size_t size) {
    static unsigned char frame[BUFFER + 4];
    size_t head = size < 126 ? 2 : 4;
    frame[0] = 0x81;
    frame[1] = size < 126 ? size : 126;
    if (head == 4) frame[2] = size >> 8, frame[3] = size & 255;
    memcpy(frame + head, payload, size);
    for (int i = 0; i < count; i++)
        /* A blocking socket: a client that reads nothing stops everybody. It is a limit. */
        send(order[i], frame, head + size, MSG_NOSIGNAL);
}

/* Frames of clients are masked, and here never longer than 65535 bytes or in parts. */
static int frames(Client *client) {
    size_t at = 0;
    while (client->length - at >= 6) {
        unsigned char *data = client->data + at;
        size_t size = data[1] & 127, head = 2;
        if (size == 127) return -1;
        if (size == 126) size = data[2] << 8 | data[3], head = 4;
        if (client->length - at < head + 4 + size) break;
        if ((data[0] & 15) == 8) return -1;
        unsigned char *mask = data + head, *payload = mask + 4;
        for (size_t i = 0; i < size; i++) payload[i] ^= mask[i & 3];
        if ((data[0] & 15) == 1) broadcast(payload, size);
        at += head + 4 + size;
    }
    memmove(client->data, client->data + at, client->length -= at);
    return 0;
}

int main(int argc, char **argv) {
    int one = 1, listening = socket(AF_INET, SOCK_STREAM, 0), poll = epoll_create1(0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (argc != 2) return 2;
    address.sin_port = htons(atoi(argv[1]));
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listening, (void *)&address, sizeof address) || listen(listening, 2048)) return 1;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listening}, events[512];
    epoll_ctl(poll, EPOLL_CTL_ADD, listening, &event);
    for (;;) {
        int ready = epoll_wait(poll, events, 512, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listening) {
                if ((fd = accept(listening, 0, 0)) < 0) continue;
                if (fd >= MAX_CLIENTS) { close(fd); continue; }
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                clients[fd] = (Client){.fd = fd, .data = malloc(BUFFER + 1)};
                event.events = EPOLLIN, event.data.fd = fd;
                epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
                continue;
            }
            Client *client = &clients[fd];
            ssize_t got = recv(fd, client->data + client->length, BUFFER - client->length, 0);
            if (got > 0) client->length += got;
            if (got <= 0 || (client->open ? frames(client) : handshake(client)) < 0) drop(client);
        }
    }
}
