/* SPDX-License-Identifier: Apache-2.0
 * The jitter buffer of libre, which baresip uses: put + get of one 20-ms packet in microseconds of processor time.
 * libre_jitter COUNT REORDERED. It keeps references, not octets; its header is not needed: this is its interface in 1.1.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct jbuf;
struct rtp_header {
    uint8_t ver;
    bool pad, ext;
    uint8_t cc;
    bool m;
    uint8_t pt;
    uint16_t seq;
    uint32_t ts, ssrc, csrc[16];
    struct { uint16_t type, len; } x;
};

int jbuf_alloc(struct jbuf **jbp, uint32_t min, uint32_t max);
int jbuf_put(struct jbuf *jb, const struct rtp_header *hdr, void *mem);
int jbuf_get(struct jbuf *jb, struct rtp_header *hdr, void **mem);
void *mem_alloc(size_t size, void (*destroy)(void *));
void *mem_deref(void *data);

enum { SPAN = 160, LEAST_PACKETS = 2, MOST_PACKETS = 10, PAYLOADS = 32 };

static double processor_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

int main(int words, char **word) {
    struct jbuf *jitter = NULL;
    void *payloads[PAYLOADS];
    if (words != 3 || jbuf_alloc(&jitter, LEAST_PACKETS, MOST_PACKETS)) return 2;
    int count = atoi(word[1]), is_reordered = atoi(word[2]), heard = 0;
    for (int index = 0; index < PAYLOADS; index++) payloads[index] = mem_alloc(SPAN, NULL);
    double begun = processor_us();
    for (int index = 0; index < count; index++) {
        int number = index;
        if (is_reordered && index + 2 < count && index % 20 == 0) number = index + 2;
        else if (is_reordered && index % 20 == 2) number = index - 2;
        struct rtp_header header = {.ver = 2, .seq = (uint16_t)number, .ts = (uint32_t)number * SPAN, .ssrc = 1};
        void *found = NULL;
        jbuf_put(jitter, &header, payloads[number % PAYLOADS]);
        if (!jbuf_get(jitter, &header, &found)) heard++;
        mem_deref(found);
    }
    printf("%.5f %d\n", (processor_us() - begun) / count, heard);
    return 0;
}
