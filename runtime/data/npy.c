/* npy.c - a scanner for the one dictionary that NumPy writes: three keys in any order. */
#include "data/npy.h"

#include <stdio.h>
#include <string.h>

struct scan {
    const char *at, *end;
};

static void skip_blanks(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n'))
        s->at++;
}

static bool take(struct scan *s, const char *word)
{
    const size_t length = strlen(word);
    skip_blanks(s);
    if ((size_t)(s->end - s->at) < length || memcmp(s->at, word, length) != 0)
        return false;
    s->at += length;
    return true;
}

/* 'text' or "text" */
static bool take_string(struct scan *s, char *out, size_t size)
{
    skip_blanks(s);
    if (s->at == s->end || (*s->at != '\'' && *s->at != '"'))
        return false;
    const char quote = *s->at++;
    const char *close = memchr(s->at, quote, (size_t)(s->end - s->at));
    if (close == NULL || (size_t)(close - s->at) >= size)
        return false;
    memcpy(out, s->at, (size_t)(close - s->at));
    out[close - s->at] = '\0';
    s->at = close + 1;
    return strlen(out) > 0;
}

static bool take_number(struct scan *s, size_t *out)
{
    const size_t most = SIZE_MAX / 16;
    skip_blanks(s);
    const char *first = s->at;
    for (*out = 0; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
        *out = 10 * *out + (size_t)(*s->at - '0');
        if (*out > most)
            return false;
    }
    return s->at > first;
}

/* (60000, 28, 28) or (60000,) or () */
static bool take_shape(struct scan *s, struct npy *npy)
{
    if (!take(s, "("))
        return false;
    bool comma = true;
    while (!take(s, ")")) {
        if (!comma || npy->rank == NPY_RANK || !take_number(s, &npy->shape[npy->rank]))
            return false;
        npy->rank++;
        comma = take(s, ",");
    }
    return npy->rank != 1 || comma;
}

struct seen {
    bool descr, order, shape, fortran;
};

static bool take_entry(struct scan *s, struct npy *npy, struct seen *seen)
{
    char key[24];
    if (!take_string(s, key, sizeof key) || !take(s, ":"))
        return false;
    if (strcmp(key, "descr") == 0 && !seen->descr)
        return seen->descr = take_string(s, npy->descr, sizeof npy->descr);
    if (strcmp(key, "shape") == 0 && !seen->shape)
        return seen->shape = take_shape(s, npy);
    if (strcmp(key, "fortran_order") != 0 || seen->order)
        return false;
    seen->fortran = take(s, "True");
    return seen->order = seen->fortran || take(s, "False");
}

static bool take_dictionary(struct scan *s, struct npy *npy, struct seen *seen)
{
    if (!take(s, "{"))
        return false;
    bool comma = true;
    while (!take(s, "}")) {
        if (!comma || !take_entry(s, npy, seen))
            return false;
        comma = take(s, ",");
    }
    skip_blanks(s);
    return s->at == s->end && seen->descr && seen->order && seen->shape;
}

/* The bytes of the dictionary; NULL where there are none. */
static const char *find_dictionary(const uint8_t *bytes, size_t size, size_t *length, size_t *head)
{
    static const char magic[] = "\x93NUMPY";
    enum { MAGIC = sizeof magic - 1, SHORT = 10, LONG = 12 };
    if (size < LONG || memcmp(bytes, magic, MAGIC) != 0)
        return NULL;
    const bool is_short = bytes[MAGIC] == 1;
    if (bytes[MAGIC] < 1 || bytes[MAGIC] > 3)
        return NULL;
    *length = is_short ? (size_t)bytes[8] | (size_t)bytes[9] << 8
                       : (size_t)bytes[8] | (size_t)bytes[9] << 8 | (size_t)bytes[10] << 16 |
                             (size_t)bytes[11] << 24;
    const size_t first = is_short ? SHORT : LONG;
    *head = first + *length;
    return *length <= NPY_HEADER && *head <= size ? (const char *)bytes + first : NULL;
}

bool npy_parse(struct npy *npy, const uint8_t *bytes, size_t size, const char *what,
               struct err *err)
{
    struct seen seen = {.descr = false};
    size_t length = 0;
    *npy = (struct npy){.elements = 1};
    const char *text = find_dictionary(bytes, size, &length, &npy->head);
    if (text == NULL)
        return err_set_code(err, EXIT_DATA,
                            "%s: byte 0: no header of a .npy file: expected \\x93NUMPY, a version "
                            "from 1 to 3, and a length of at most %d",
                            what, NPY_HEADER);
    struct scan scan = {text, text + length};
    if (!take_dictionary(&scan, npy, &seen))
        return err_set_code(err, EXIT_DATA,
                            "%s: byte %zu: '%.*s': expected {'descr': '<f4', 'fortran_order': "
                            "False, 'shape': (...)} with at most %d axes",
                            what, (size_t)(scan.at - (const char *)bytes),
                            (int)(scan.end - scan.at < 40 ? scan.end - scan.at : 40), scan.at,
                            NPY_RANK);
    if (npy->descr[0] == '>')
        return err_set_code(err, EXIT_DATA,
                            "%s: '%s': big-endian: expected little-endian: "
                            "x = x.astype(x.dtype.newbyteorder('<'))",
                            what, npy->descr);
    if (seen.fortran && npy->rank > 1)
        return err_set_code(err, EXIT_DATA,
                            "%s: in the order of Fortran: expected that of C: "
                            "x = numpy.ascontiguousarray(x)",
                            what);
    for (int i = 0; i < npy->rank; i++) {
        if (npy->shape[i] > 0 && npy->elements > SIZE_MAX / 64 / npy->shape[i])
            return err_set_code(err, EXIT_DATA, "%s: a shape of more elements than can be", what);
        npy->elements *= npy->shape[i];
    }
    return true;
}
