/* strict_json.c - one pass over the bytes by recursive descent; STRICT_JSON_DEPTH bounds the stack.
 *
 * The bytes are UTF-8 without zero bytes already (safetensors.c), so zero can stand for the end.
 */
#include "file/strict_json.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { MOST_DIGITS = 16 }; /* 2^53 has as many: what a double holds exactly */

struct scan {
    const char *text;
    size_t at, length, values;
    const char *wrong;
};

static bool fail(struct scan *s, const char *wrong)
{
    s->wrong = wrong;
    return false;
}

static char peek(const struct scan *s)
{
    return s->at < s->length ? s->text[s->at] : '\0';
}

static void skip_blanks(struct scan *s)
{
    while (peek(s) != '\0' && strchr(" \t\n\r", peek(s)) != NULL)
        s->at++;
}

/* Takes this byte, blanks before it and behind it. */
static bool take(struct scan *s, char c)
{
    skip_blanks(s);
    if (peek(s) != c)
        return false;
    s->at++;
    skip_blanks(s);
    return true;
}

/* -- Text -------------------------------------------------------------------------------------- */

/* The four digits of a \u escape. */
static bool scan_unit(struct scan *s, uint32_t *unit)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    *unit = 0;
    for (int i = 0; i < 4; i++, s->at++) {
        const char *found = peek(s) == '\0' ? NULL : strchr(digits, peek(s));
        if (found == NULL)
            return fail(s, "four hexadecimal digits");
        uint32_t digit = (uint32_t)(found - digits);
        *unit = *unit * 16 + (digit < 16 ? digit : digit - 6);
    }
    return true;
}

/* Behind "\u": a character of the basic plane, or the first half of a pair and then the second. */
static bool scan_code(struct scan *s)
{
    uint32_t unit, second = 0;
    const size_t start = s->at;
    if (!scan_unit(s, &unit))
        return false;
    bool good = unit != 0 && (unit < 0xd800 || unit > 0xdfff);
    if (unit >= 0xd800 && unit < 0xdc00 && s->length - s->at >= 2 &&
        memcmp(s->text + s->at, "\\u", 2) == 0) {
        s->at += 2;
        if (!scan_unit(s, &second))
            return false;
        good = second >= 0xdc00 && second <= 0xdfff;
    }
    if (good)
        return true;
    s->at = start;
    return fail(s, unit == 0 ? "text without zero bytes" : "a whole surrogate pair");
}

static bool scan_text(struct scan *s)
{
    if (peek(s) != '"')
        return fail(s, "a text in quotes");
    s->at++;
    while (peek(s) != '"') {
        if ((unsigned char)peek(s) < 0x20)
            return fail(s, s->at < s->length ? "an escape for a control character"
                                             : "the end of a text");
        if (s->text[s->at++] != '\\')
            continue;
        if (peek(s) == '\0' || strchr("\"\\/bfnrtu", peek(s)) == NULL)
            return fail(s, "an escape of JSON");
        if (s->text[s->at++] == 'u' && !scan_code(s))
            return false;
    }
    s->at++;
    return true;
}

/* -- Values ------------------------------------------------------------------------------------ */

static bool scan_size(struct scan *s)
{
    const size_t start = s->at;
    while (peek(s) >= '0' && peek(s) <= '9')
        s->at++;
    bool zero = s->text[start] == '0';
    size_t count = s->at - start;
    bool ends = peek(s) == '\0' || strchr(" \t\n\r,]}", peek(s)) != NULL;
    if (ends && count >= 1 && count <= MOST_DIGITS && (!zero || count == 1))
        return true;
    s->at = start;
    return fail(s, "a size: at most 16 digits, without sign, leading zero, fraction or exponent");
}

static bool scan_word(struct scan *s)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t length = strlen(words[i]);
        if (s->length - s->at >= length && memcmp(s->text + s->at, words[i], length) == 0) {
            s->at += length;
            return true;
        }
    }
    return fail(s, "a value");
}

static bool scan_value(struct scan *s, int depth);

/* The rest of an object or array behind its opening bracket. */
static bool scan_entries(struct scan *s, bool object, int depth)
{
    const char close = object ? '}' : ']';
    int count = 0;
    if (take(s, close))
        return true;
    do {
        if (!object && count++ == STRICT_JSON_ARRAY)
            return fail(s, "']': no array of a header is so long");
        skip_blanks(s);
        if (object && !(scan_text(s) && (take(s, ':') || fail(s, "':'"))))
            return false;
        if (!scan_value(s, depth + 1))
            return false;
    } while (take(s, ','));
    return take(s, close) || fail(s, object ? "',' or '}'" : "',' or ']'");
}

static bool scan_value(struct scan *s, int depth)
{
    char c = peek(s);
    if (s->values++ == STRICT_JSON_VALUES)
        return fail(s, "the end: no header has so many values");
    if (c == '"')
        return scan_text(s);
    if (c == '{' || c == '[') {
        if (depth >= STRICT_JSON_DEPTH)
            return fail(s, "less nesting");
        s->at++;
        return scan_entries(s, c == '{', depth);
    }
    if (c != '\0' && strchr("0123456789+-.", c) != NULL)
        return scan_size(s);
    return scan_word(s);
}

size_t strict_json_end(const char *text, size_t length, const char **wrong)
{
    struct scan s = {.text = text, .length = length};
    if (peek(&s) != '{')
        s.wrong = "a JSON object as header";
    else if (scan_value(&s, 0) && s.at < length)
        s.wrong = "the end";
    *wrong = s.wrong;
    return s.at;
}
