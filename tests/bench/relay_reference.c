/* SPDX-License-Identifier: Apache-2.0
 * The floor of a relay in userspace: two connected sockets a call, epoll, recvmmsg and sendmmsg, one thread, and nothing
 * else: no latching, no check, no count.   relay_reference CALLS RELAY_PORT PHONE_A_PORT PHONE_B_PORT (each + 2 or 4 a call)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { BATCH = 8, EVENTS = 256, SIZE = 1600 };

static struct sockaddr_in address_of(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static int open_socket(int port, int peer_port) {
    int opened = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in own = address_of(port), peer = address_of(peer_port);
    if (bind(opened, (void *)&own, sizeof own) || connect(opened, (void *)&peer, sizeof peer)) {
        perror("socket");
        exit(1);
    }
    return opened;
}

int main(int count, char **words) {
    if (count != 5) return 2;
    int calls = atoi(words[1]), relay = atoi(words[2]), first = atoi(words[3]), second = atoi(words[4]);
    int *sockets = malloc(sizeof(int) * 2 * calls), epoll = epoll_create1(0);
    for (int index = 0; index < 2 * calls; index++) {
        int call = index / 2;
        sockets[index] = open_socket(relay + 2 * index, (index % 2 ? second : first) + 2 * call);
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
        epoll_ctl(epoll, EPOLL_CTL_ADD, sockets[index], &event);
    }
    static struct mmsghdr headers[BATCH];
    static struct iovec octets[BATCH];
    static char room[BATCH][SIZE];
    for (int index = 0; index < BATCH; index++) {
        octets[index].iov_base = room[index];
        headers[index].msg_hdr.msg_iov = &octets[index];
        headers[index].msg_hdr.msg_iovlen = 1;
    }
    puts("ready");
    fflush(stdout);
    struct epoll_event events[EVENTS];
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int event = 0; event < ready; event++) {
            unsigned from = events[event].data.u32;
            for (int index = 0; index < BATCH; index++) octets[index].iov_len = SIZE;
            int received = recvmmsg(sockets[from], headers, BATCH, MSG_DONTWAIT, 0);
            if (received <= 0) continue;
            for (int index = 0; index < received; index++) octets[index].iov_len = headers[index].msg_len;
            sendmmsg(sockets[from ^ 1], headers, received, MSG_DONTWAIT);
        }
    }
}
