# SPDX-License-Identifier: Apache-2.0
# SipHash-2-4 (Aumasson and Bernstein), 64 bits, as 16 hexadecimal digits; header-only, no state.

cdef extern from *:
    """
    #ifndef DENWABAN_SIPHASH
    #define DENWABAN_SIPHASH
    #include <stdint.h>
    #include <string.h>
    static inline uint64_t siphash_word(const unsigned char *p) {
        uint64_t word = 0;
        for (int i = 7; i >= 0; i--) word = word << 8 | p[i];
        return word;
    }
    #define SIPHASH_TURN(x, n) (((x) << (n)) | ((x) >> (64 - (n))))
    static inline void siphash_rounds(uint64_t v[4], int rounds) {
        while (rounds--) {
            v[0] += v[1]; v[1] = SIPHASH_TURN(v[1], 13) ^ v[0]; v[0] = SIPHASH_TURN(v[0], 32);
            v[2] += v[3]; v[3] = SIPHASH_TURN(v[3], 16) ^ v[2];
            v[0] += v[3]; v[3] = SIPHASH_TURN(v[3], 21) ^ v[0];
            v[2] += v[1]; v[1] = SIPHASH_TURN(v[1], 17) ^ v[2]; v[2] = SIPHASH_TURN(v[2], 32);
        }
    }
    static inline uint64_t siphash24(const unsigned char *key, const unsigned char *p, size_t size) {
        uint64_t k0 = siphash_word(key), k1 = siphash_word(key + 8);
        uint64_t v[4] = { 0x736f6d6570736575u ^ k0, 0x646f72616e646f6du ^ k1,
                          0x6c7967656e657261u ^ k0, 0x7465646279746573u ^ k1 };
        const unsigned char *end = p + (size & ~(size_t)7);
        unsigned char tail[8] = {0};
        for (; p != end; p += 8) {
            uint64_t word = siphash_word(p);
            v[3] ^= word; siphash_rounds(v, 2); v[0] ^= word;
        }
        memcpy(tail, p, size & 7);
        tail[7] = (unsigned char)size;
        v[3] ^= siphash_word(tail); siphash_rounds(v, 2); v[0] ^= siphash_word(tail);
        v[2] ^= 0xff; siphash_rounds(v, 4);
        return v[0] ^ v[1] ^ v[2] ^ v[3];
    }
    /* Most significant digit first. */
    static inline void write_hex64(uint64_t number, unsigned char *out) {
        for (int i = 15; i >= 0; i--, number >>= 4) out[i] = (unsigned char)"0123456789abcdef"[number & 15];
    }
    #endif
    """
    unsigned long long siphash24(const unsigned char *key, const unsigned char *p, size_t size) noexcept nogil
    void write_hex64(unsigned long long number, unsigned char *out) noexcept nogil
