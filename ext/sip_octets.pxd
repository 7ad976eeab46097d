# SPDX-License-Identifier: Apache-2.0
# Between bytes objects and (begin, end) pointers: what the scanner hands to Python; header-only, no state.
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memchr
from sip_characters cimport Octets, lower, skip_space, trim_space
from sip_splice cimport OctetRun
from sip_values cimport find_comma


cdef inline Octets octets_of(bytes data):
    return <Octets>PyBytes_AS_STRING(data)


cdef inline OctetRun run_of(bytes data):
    cdef OctetRun run
    run.begin, run.size = octets_of(data), PyBytes_GET_SIZE(data)
    return run


cdef inline bytes cut(Octets begin, Octets end):
    return PyBytes_FromStringAndSize(<const char *>begin, end - begin)


cdef inline bytes unfold(Octets begin, Octets end):
    """The octets with every fold (line end and white space round it) made one space, RFC 3261 7.3.1."""
    if memchr(begin, c"\n", end - begin) == NULL:
        return cut(begin, end)
    cdef list parts = cut(begin, end).split(b"\n")
    cdef Py_ssize_t i
    for i in range(len(parts)):
        part = parts[i]
        if i:
            part = (<bytes>part).lstrip(b" \t")
        if i + 1 < len(parts):
            part = (<bytes>part).rstrip(b" \t\r")
        parts[i] = part
    return b" ".join(parts)


cdef inline bytes lower_case(Octets begin, Octets end):
    cdef inline bytes made = cut(begin, end)
    cdef unsigned char *p = <unsigned char *>PyBytes_AS_STRING(made)
    cdef Py_ssize_t i
    if end - begin < 2:             # one octet may be a shared object
        return made.lower()
    for i in range(end - begin):
        p[i] = lower(p[i])
    return made


cdef inline bytes unquote(Octets begin, Octets end):
    """A parameter value without quotes and backslashes."""
    if begin == end or begin[0] != c'"':
        return cut(begin, end)
    cdef list parts = cut(begin + 1, end - 1).split(b"\\\\")
    return b"\\".join([(<bytes>part).replace(b"\\", b"") for part in parts])


cdef inline list split_run(Octets p, Octets end):
    cdef list values = []
    cdef Octets comma
    while True:
        p = skip_space(p, end)
        comma = find_comma(p, end)
        values.append(unfold(p, trim_space(p, comma)))
        if comma == end:
            return values
        p = comma + 1
