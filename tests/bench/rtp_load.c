/* SPDX-License-Identifier: Apache-2.0
 * G.711 both ways through a relay, 50 packets a second each way, for as long as told; then one JSON line.
 * rtp_load SECONDS, and on standard input a line a call: PHONE_A_PORT RELAY_A_PORT PHONE_B_PORT RELAY_B_PORT
 * Latency: the receiving kernel's time stamp minus the clock just before sending.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

enum { EVENTS = 512, SIZE = 172, PERIOD_NS = 20000000, PHONES_LIMIT = 8192 };
struct phone { int descriptor; struct sockaddr_in relay; uint16_t sequence; uint32_t timestamp; };

static struct phone phones[PHONES_LIMIT];
static uint64_t sent, received;
static uint32_t *latencies, latency_count, latency_limit;

static uint64_t now_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

static struct sockaddr_in address_of(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void open_phone(struct phone *phone, int port, int relay_port, int epoll, int index) {
    struct sockaddr_in own = address_of(port);
    int yes = 1;
    phone->descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    setsockopt(phone->descriptor, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof yes);
    if (bind(phone->descriptor, (void *)&own, sizeof own)) { perror("bind"); exit(1); }
    phone->relay = address_of(relay_port);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    epoll_ctl(epoll, EPOLL_CTL_ADD, phone->descriptor, &event);
}

static void send_packet(struct phone *phone, uint32_t ssrc) {
    static unsigned char packet[SIZE] = {0x80, 0};
    uint16_t sequence = htons(phone->sequence++);
    uint32_t timestamp = htonl(phone->timestamp), source = htonl(ssrc);
    uint64_t at = now_ns(CLOCK_REALTIME);
    phone->timestamp += 160;
    memcpy(packet + 2, &sequence, 2);
    memcpy(packet + 4, &timestamp, 4);
    memcpy(packet + 8, &source, 4);
    memcpy(packet + 12, &at, 8);
    sendto(phone->descriptor, packet, SIZE, MSG_DONTWAIT, (void *)&phone->relay, sizeof phone->relay);
    sent++;
}

static void receive_packet(struct phone *phone) {
    char packet[2048], control[256];
    struct iovec octets = {packet, sizeof packet};
    struct msghdr header = {.msg_iov = &octets, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    uint64_t at, arrived = 0;
    if (recvmsg(phone->descriptor, &header, MSG_DONTWAIT) != SIZE) return;
    memcpy(&at, packet + 12, 8);
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&header); part; part = CMSG_NXTHDR(&header, part))
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec stamp;
            memcpy(&stamp, CMSG_DATA(part), sizeof stamp);
            arrived = stamp.tv_sec * UINT64_C(1000000000) + stamp.tv_nsec;
        }
    received++;
    if (latency_count < latency_limit && arrived > at) latencies[latency_count++] = arrived - at;
}

static int compare(const void *one, const void *other) {
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    return (a > b) - (a < b);
}

int main(int count, char **words) {
    int a, relay_a, b, relay_b, total = 0, epoll = epoll_create1(0);
    if (count != 2) return 2;
    while (total < PHONES_LIMIT - 1 && scanf("%d %d %d %d", &a, &relay_a, &b, &relay_b) == 4) {
        open_phone(&phones[total], a, relay_a, epoll, total);
        open_phone(&phones[total + 1], b, relay_b, epoll, total + 1);
        total += 2;
    }
    if (!total) return 2;
    latency_limit = total * 50 * (atoi(words[1]) + 1);
    latencies = calloc(latency_limit, sizeof *latencies);
    uint64_t begun = now_ns(CLOCK_MONOTONIC), over = begun + atoi(words[1]) * UINT64_C(1000000000), now;
    double step = (double)PERIOD_NS / total;
    while ((now = now_ns(CLOCK_MONOTONIC)) < over + 300000000) {
        struct epoll_event events[EVENTS];
        while (now < over && sent * step <= now - begun) {
            send_packet(&phones[sent % total], sent % total);
            now = now_ns(CLOCK_MONOTONIC);
        }
        int64_t wait = begun + (uint64_t)(sent * step) - now_ns(CLOCK_MONOTONIC);
        if (wait < 200000) wait = now < over ? 200000 : 1000000;        /* wake at most 5000 times a second */
        struct timespec limit = {0, wait};
        int ready = epoll_pwait2(epoll, events, EVENTS, &limit, 0);
        for (int index = 0; index < ready; index++) receive_packet(&phones[events[index].data.u32]);
    }
    qsort(latencies, latency_count, sizeof *latencies, compare);
    printf("{\"sent\": %llu, \"received\": %llu, \"p50_us\": %.1f, \"p99_us\": %.1f}\n", (unsigned long long)sent,
           (unsigned long long)received, latency_count ? latencies[latency_count / 2] / 1e3 : 0.0,
           latency_count ? latencies[(uint64_t)latency_count * 99 / 100] / 1e3 : 0.0);
    return 0;
}
