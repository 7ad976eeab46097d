/* SPDX-License-Identifier: Apache-2.0
 * The C floor of the parser benchmark: sofia-sip's full parse of one message into header structures.
 * sofia_parser FILE COUNT: prints microseconds of processor time per message.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_mclass.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>

static char octets[65536];

static double processor_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void parse_once(msg_mclass_t const *class, size_t size) {
    msg_t *message = msg_make(class, MSG_DO_EXTRACT_COPY, octets, (ssize_t)size);
    sip_t *sip = sip_object(message);
    if (!sip || !sip->sip_request || !sip->sip_via || !sip->sip_from || !sip->sip_contact || !sip->sip_cseq) {
        fputs("not parsed\n", stderr);
        exit(1);
    }
    msg_destroy(message);
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    FILE *file = fopen(argv[1], "rb");
    if (!file) { perror(argv[1]); return 1; }
    size_t size = fread(octets, 1, sizeof octets, file);
    fclose(file);
    long count = atol(argv[2]);
    msg_mclass_t const *class = sip_default_mclass();
    for (long i = 0; i < count / 10; i++) parse_once(class, size);
    double begun = processor_us();
    for (long i = 0; i < count; i++) parse_once(class, size);
    printf("%.4f\n", (processor_us() - begun) / (double)count);
    return 0;
}
