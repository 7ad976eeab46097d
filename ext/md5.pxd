# SPDX-License-Identifier: Apache-2.0
# MD5 (RFC 1321), and numbers in hexadecimal; header-only, no state, no Python objects.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

cdef extern from *:
    """
    #ifndef DENWABAN_MD5
    #define DENWABAN_MD5
    #include <stdint.h>
    #include <string.h>
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    #error "MD5 loads words as little-endian here"
    #endif
    static const char MD5_DIGITS[] = "0123456789abcdef";
    #define MD5_ROTL(x, n) (((x) << (n)) | ((x) >> (32 - (n))))
    #define MD5_F(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
    #define MD5_G(x, y, z) ((y) ^ ((z) & ((x) ^ (y))))
    #define MD5_H(x, y, z) ((x) ^ (y) ^ (z))
    #define MD5_I(x, y, z) ((y) ^ ((x) | ~(z)))
    #define MD5_STEP(f, a, b, c, d, k, s, t) a += f(b, c, d) + m[k] + t##u; a = MD5_ROTL(a, s) + b;
    #define MD5_FOUR(f, k0, k1, k2, k3, s0, s1, s2, s3, t0, t1, t2, t3) \\
        MD5_STEP(f, a, b, c, d, k0, s0, t0) MD5_STEP(f, d, a, b, c, k1, s1, t1) \\
        MD5_STEP(f, c, d, a, b, k2, s2, t2) MD5_STEP(f, b, c, d, a, k3, s3, t3)

    /* RFC 1321 section 3.4 */
    static void md5_block(uint32_t *state, const uint8_t *octets) {
        uint32_t m[16], a = state[0], b = state[1], c = state[2], d = state[3];
        memcpy(m, octets, 64);
        MD5_FOUR(MD5_F, 0, 1, 2, 3, 7, 12, 17, 22, 0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee)
        MD5_FOUR(MD5_F, 4, 5, 6, 7, 7, 12, 17, 22, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501)
        MD5_FOUR(MD5_F, 8, 9, 10, 11, 7, 12, 17, 22, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be)
        MD5_FOUR(MD5_F, 12, 13, 14, 15, 7, 12, 17, 22, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821)
        MD5_FOUR(MD5_G, 1, 6, 11, 0, 5, 9, 14, 20, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa)
        MD5_FOUR(MD5_G, 5, 10, 15, 4, 5, 9, 14, 20, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8)
        MD5_FOUR(MD5_G, 9, 14, 3, 8, 5, 9, 14, 20, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed)
        MD5_FOUR(MD5_G, 13, 2, 7, 12, 5, 9, 14, 20, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a)
        MD5_FOUR(MD5_H, 5, 8, 11, 14, 4, 11, 16, 23, 0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c)
        MD5_FOUR(MD5_H, 1, 4, 7, 10, 4, 11, 16, 23, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70)
        MD5_FOUR(MD5_H, 13, 0, 3, 6, 4, 11, 16, 23, 0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05)
        MD5_FOUR(MD5_H, 9, 12, 15, 2, 4, 11, 16, 23, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665)
        MD5_FOUR(MD5_I, 0, 7, 14, 5, 6, 10, 15, 21, 0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039)
        MD5_FOUR(MD5_I, 12, 3, 10, 1, 6, 10, 15, 21, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1)
        MD5_FOUR(MD5_I, 8, 15, 6, 13, 6, 10, 15, 21, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1)
        MD5_FOUR(MD5_I, 4, 11, 2, 9, 6, 10, 15, 21, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391)
        state[0] += a; state[1] += b; state[2] += c; state[3] += d;
    }
    #endif
    """
    const char *MD5_DIGITS
    void md5_block(uint32_t *state, const uint8_t *octets) noexcept nogil


cdef struct Md5:
    uint32_t[4] state
    uint64_t size
    uint8_t[64] pending


cdef inline void md5_open(Md5 *md5) noexcept nogil:
    md5.state[0], md5.state[1], md5.state[2], md5.state[3] = 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476
    md5.size = 0


cdef inline void md5_add(Md5 *md5, const uint8_t *octets, size_t size) noexcept nogil:
    cdef size_t filled = md5.size & 63, room = 64 - filled
    if size == 0:
        return              # an absent parameter has no address either
    md5.size += size
    if filled:
        if size < room:
            memcpy(md5.pending + filled, octets, size)
            return
        memcpy(md5.pending + filled, octets, room)
        md5_block(md5.state, md5.pending)
        octets += room
        size -= room
    while size >= 64:
        md5_block(md5.state, octets)
        octets += 64
        size -= 64
    memcpy(md5.pending, octets, size)


cdef inline void md5_close(Md5 *md5, uint8_t *hexadecimal) noexcept nogil:
    # 32 lower-case hex digits
    cdef size_t filled = md5.size & 63, i
    cdef uint64_t bits = md5.size << 3
    cdef const uint8_t *octets = <const uint8_t *>md5.state
    md5.pending[filled] = 0x80
    filled += 1
    if filled > 56:
        memset(md5.pending + filled, 0, 64 - filled)
        md5_block(md5.state, md5.pending)
        filled = 0
    memset(md5.pending + filled, 0, 56 - filled)
    memcpy(md5.pending + 56, &bits, 8)
    md5_block(md5.state, md5.pending)
    for i in range(16):
        hexadecimal[2 * i] = MD5_DIGITS[octets[i] >> 4]
        hexadecimal[2 * i + 1] = MD5_DIGITS[octets[i] & 15]


cdef inline void write_hex(uint8_t *out, uint64_t number, int digits) noexcept nogil:
    cdef int i
    for i in range(digits - 1, -1, -1):
        out[i] = MD5_DIGITS[number & 15]
        number >>= 4


cdef inline int hex_digit(uint8_t octet) noexcept nogil:
    if 48 <= octet <= 57:
        return octet - 48
    octet |= 32
    return octet - 87 if 97 <= octet <= 102 else -1


cdef inline int64_t read_hex(const uint8_t *octets, int digits) noexcept nogil:
    # A number of at most 15 hex digits, -1 for anything else.
    cdef int64_t number = 0
    cdef int i, digit
    for i in range(digits):
        digit = hex_digit(octets[i])
        if digit < 0:
            return -1
        number = number << 4 | digit
    return number
