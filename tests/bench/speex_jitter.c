/* SPDX-License-Identifier: Apache-2.0
 * speexdsp's jitter buffer beside ours. Its header is not needed: the declarations below are its interface.
 * speex_jitter speed COUNT REORDERED: processor time of put + get + tick of one 20-ms packet, in microseconds.
 * speex_jitter play FRAME MARGIN STEP LATE_PERCENT LATE_COST: reads "arrival sequence timestamp span index" a line, all
 * in timestamp units and in order of arrival; prints "index at units" of what is heard, index -1 for what is made up.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct JitterBuffer_ JitterBuffer;
typedef struct {
    char *data;
    uint32_t len, timestamp, span;
    uint16_t sequence;
    uint32_t user_data;
} JitterBufferPacket;

JitterBuffer *jitter_buffer_init(int step_size);
void jitter_buffer_destroy(JitterBuffer *jitter);
void jitter_buffer_put(JitterBuffer *jitter, const JitterBufferPacket *packet);
int jitter_buffer_get(JitterBuffer *jitter, JitterBufferPacket *packet, int32_t desired_span, int32_t *start_offset);
void jitter_buffer_tick(JitterBuffer *jitter);
void jitter_buffer_remaining_span(JitterBuffer *jitter, uint32_t rem);
int jitter_buffer_ctl(JitterBuffer *jitter, int request, void *ptr);

enum { OK = 0, SPAN = 160, SET_MARGIN = 0, SET_MAX_LATE_RATE = 8, SET_LATE_COST = 10, TAIL_FRAMES = 100 };

static char payload[SPAN], taken[4096];

static double processor_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int measure_speed(int count, int is_reordered) {
    JitterBuffer *jitter = jitter_buffer_init(SPAN);
    int heard = 0;
    double begun = processor_us();
    for (int index = 0; index < count; index++) {
        int number = index;
        if (is_reordered && index + 2 < count && index % 20 == 0) number = index + 2;
        else if (is_reordered && index % 20 == 2) number = index - 2;
        JitterBufferPacket packet = {payload, SPAN, (uint32_t)number * SPAN, SPAN, (uint16_t)number, 0};
        JitterBufferPacket found = {taken, sizeof taken, 0, 0, 0, 0};
        int32_t offset;
        jitter_buffer_put(jitter, &packet);
        heard += jitter_buffer_get(jitter, &found, SPAN, &offset) == OK;
        jitter_buffer_tick(jitter);
    }
    printf("%.5f %d\n", (processor_us() - begun) / count, heard);
    jitter_buffer_destroy(jitter);
    return 0;
}

typedef struct {
    long arrival;
    unsigned sequence, timestamp, span, index;
} Arrival;

static int read_arrival(Arrival *next) {
    return scanf("%ld %u %u %u %u", &next->arrival, &next->sequence, &next->timestamp, &next->span, &next->index) == 5;
}

/* One frame for the sound card, as speex_jitter.h wants it asked for. */
static long fill_frame(JitterBuffer *jitter, long frame, long queued, long now) {
    for (int asked = 0; queued < frame && asked < 64; asked++) {
        JitterBufferPacket found = {taken, sizeof taken, 0, 0, 0, 0};
        int32_t offset = 0;
        if (jitter_buffer_get(jitter, &found, (int32_t)frame, &offset) != OK) {
            long units = found.span ? (long)found.span : frame;
            printf("-1 %ld %ld\n", now + queued, units);
            queued += units;
            continue;
        }
        if (offset > 0) {               /* the packet begins later: something must be made up before it */
            printf("-1 %ld %d\n", now + queued, offset);
            queued += offset;
            offset = 0;
        }
        long units = (long)found.span + offset;
        printf("%u %ld %ld\n", found.user_data, now + queued, units < 0 ? 0 : units);
        queued += units < 0 ? 0 : units;
    }
    return queued;
}

static int play(long frame, int32_t margin, int32_t step, int32_t late_percent, int32_t late_cost) {
    JitterBuffer *jitter = jitter_buffer_init(step);
    Arrival next = {0};
    int is_more = read_arrival(&next), left = TAIL_FRAMES;
    long queued = 0;
    jitter_buffer_ctl(jitter, SET_MARGIN, &margin);
    jitter_buffer_ctl(jitter, SET_MAX_LATE_RATE, &late_percent);
    if (late_cost) jitter_buffer_ctl(jitter, SET_LATE_COST, &late_cost);
    for (long now = next.arrival; is_more || left-- > 0; now += frame) {
        for (; is_more && next.arrival <= now; is_more = read_arrival(&next)) {
            JitterBufferPacket packet = {payload, SPAN, next.timestamp, next.span, (uint16_t)next.sequence, next.index};
            jitter_buffer_put(jitter, &packet);
        }
        queued = fill_frame(jitter, frame, queued, now) - frame;
        jitter_buffer_remaining_span(jitter, (uint32_t)queued);
    }
    jitter_buffer_destroy(jitter);
    return 0;
}

int main(int count, char **words) {
    if (count == 4 && strcmp(words[1], "speed") == 0) return measure_speed(atoi(words[2]), atoi(words[3]));
    if (count == 7 && strcmp(words[1], "play") == 0)
        return play(atol(words[2]), atoi(words[3]), atoi(words[4]), atoi(words[5]), atoi(words[6]));
    return 2;
}
