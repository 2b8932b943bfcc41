/* test_safetensors.c - what is written is read back; whatever is not exactly right is refused, with
 * the message and the code that were promised. */
#include <cJSON.h>
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/safetensors.h"
#include "file/strict_json.h"

static char folder[256], path[300];

static void make_folder(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/test_safetensors.XXXXXX", base != NULL ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file.safetensors", folder);
}

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

static void write_bytes(const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

/* A file of this header and so many bytes of data: 0, 1, 2, ... */
static void write_file(const char *header, size_t header_bytes, size_t data_bytes)
{
    unsigned char bytes[4096] = {(unsigned char)(header_bytes & 0xff),
                                 (unsigned char)(header_bytes >> 8)};
    ck_assert_uint_lt(8 + header_bytes + data_bytes, sizeof bytes);
    memcpy(bytes + 8, header, header_bytes);
    for (size_t i = 0; i < data_bytes; i++)
        bytes[8 + header_bytes + i] = (unsigned char)i;
    write_bytes(bytes, 8 + header_bytes + data_bytes);
}

static void refused(const char *message)
{
    struct safetensors file = {0};
    struct err err = {0};
    ck_assert_msg(!safetensors_open(&file, path, &err), "accepted; expected: %s", message);
    ck_assert_int_eq(err.code, EXIT_DATA);
    ck_assert_msg(strncmp(err.message, path, strlen(path)) == 0, "no path: %s", err.message);
    ck_assert_msg(strstr(err.message, message) != NULL, "got \"%s\", expected \"%s\"", err.message,
                  message);
    safetensors_close(&file);
}

/* -- Good files -------------------------------------------------------------------------------- */

static const float weights[6] = {1.0f, -2.0f, 0.5f, 1e-40f, 3.0f, 4.0f};
static const int64_t steps = INT64_C(-9000000000000000001);
static const double best = 75.3;
static const struct safetensor tensors[] = {
    {"train.step", SAFETENSORS_I64, 0, {0}, &steps},
    {"train.best", SAFETENSORS_F64, 0, {0}, &best},
    {"z.weight", SAFETENSORS_F32, 2, {2, 3}, weights},
    {"empty", SAFETENSORS_F32, 2, {0, 5}, weights},
    {"a \"quoted\" n\xc3\xa4me", SAFETENSORS_F32, 1, {1}, weights},
};
enum { TENSORS = sizeof tensors / sizeof tensors[0] };
static const struct safetensors_meta metas[] = {{"network", "s8"}, {"empty", ""}, {"lr", "0.1"}};

static void save(void)
{
    struct err err = {0};
    ck_assert_msg(safetensors_save(path, NULL, tensors, TENSORS, metas, 3, &err), "%s",
                  err.message);
}

START_TEST(what_is_written_is_read)
{
    struct safetensors file = {0};
    struct err err = {0};
    save();
    ck_assert_msg(safetensors_open(&file, path, &err), "%s", err.message);
    ck_assert_uint_eq(file.count, TENSORS);
    for (int i = 0; i < TENSORS; i++) {
        const struct safetensor *t = safetensors_find(&file, tensors[i].name);
        ck_assert_ptr_nonnull(t);
        ck_assert(
            safetensors_check(&file, t, tensors[i].dtype, tensors[i].rank, tensors[i].shape, &err));
        ck_assert_uint_eq(safetensors_bytes(t), safetensors_bytes(&tensors[i]));
        ck_assert_int_eq(memcmp(t->data, tensors[i].data, safetensors_bytes(t)), 0);
    }
    ck_assert_ptr_null(safetensors_find(&file, "z"));
    ck_assert_str_eq(safetensors_meta(&file, "lr"), "0.1");
    ck_assert_str_eq(safetensors_meta(&file, "empty"), "");
    ck_assert_ptr_null(safetensors_meta(&file, "none"));
    safetensors_close(&file);
}
END_TEST

START_TEST(the_data_is_aligned_and_the_bytes_repeat)
{
    unsigned char first[2048], second[2048];
    save();
    FILE *file = fopen(path, "rb");
    size_t n = fread(first, 1, sizeof first, file);
    fclose(file);
    save();
    file = fopen(path, "rb");
    ck_assert_uint_eq(fread(second, 1, sizeof second, file), n);
    fclose(file);
    ck_assert_int_eq(memcmp(first, second, n), 0);
    size_t header = first[0] + 256u * first[1];
    ck_assert_uint_eq(header % 8, 0);
    ck_assert_uint_eq(n, 8 + header + 8 + 8 + 24 + 4);
    ck_assert_int_eq(first[8], '{');
}
END_TEST

START_TEST(a_mismatch_names_both_shapes)
{
    struct safetensors file = {0};
    struct err err = {0};
    const size_t shape[] = {3, 2};
    save();
    ck_assert(safetensors_open(&file, path, &err));
    const struct safetensor *t = safetensors_find(&file, "z.weight");
    ck_assert(!safetensors_check(&file, t, SAFETENSORS_F32, 2, shape, &err));
    ck_assert_int_eq(err.code, EXIT_DATA);
    ck_assert_ptr_nonnull(
        strstr(err.message, "tensor \"z.weight\" is F32 [2, 3]: expected F32 [3, 2]"));
    err = (struct err){0};
    ck_assert(!safetensors_check(&file, t, SAFETENSORS_F32, 1, shape + 1, &err));
    ck_assert_ptr_nonnull(strstr(err.message, " is F32 [2, 3]: expected F32 [2]"));
    static const char whole[] = "F32 [2, 3]"; /* and what has room of it */
    for (size_t room = 1; room <= sizeof whole; room++) {
        char text[sizeof whole + 1];
        memset(text, 'x', sizeof text);
        safetensors_describe(text, room, t);
        ck_assert_uint_eq(strlen(text), room - 1);
        ck_assert_int_eq(strncmp(text, whole, room - 1), 0);
        for (size_t i = room; i < sizeof text; i++)
            ck_assert_int_eq(text[i], 'x');
    }
    safetensors_close(&file);
}
END_TEST

START_TEST(files_of_others_are_read)
{
    /* U8 before F32 leaves the latter unaligned; blanks and order are as another writer may choose.
     */
    static const char header[] =
        "{ \"b\" : {\"data_offsets\":[3,11],\"shape\":[2],\"dtype\":\"F32\"},\n"
        "\"a\":{\"dtype\":\"U8\",\"shape\":[3,1],\"data_offsets\":[0,3]}}   ";
    struct safetensors file = {0};
    struct err err = {0};
    write_file(header, sizeof header - 1, 11);
    ck_assert_msg(safetensors_open(&file, path, &err), "%s", err.message);
    ck_assert_uint_eq(file.count, 2);
    ck_assert_int_eq(((const unsigned char *)safetensors_find(&file, "b")->data)[0], 3);
    safetensors_close(&file);
    write_file("{}", 2, 0);
    ck_assert_msg(safetensors_open(&file, path, &err), "%s", err.message);
    ck_assert_ptr_null(safetensors_find(&file, "a"));
    ck_assert_ptr_null(safetensors_meta(&file, "a"));
    safetensors_close(&file);
}
END_TEST

/* -- Bad files --------------------------------------------------------------------------------- */

#define ENTRY(dtype, shape, offsets)                                                               \
    "\"w\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static const struct {
    const char *header;
    size_t data;
    const char *message;
} bad_headers[] = {
    {"", 0, "byte 8: found the end: expected a JSON object as header"},
    {"[]", 0, "byte 8: found 0x5b: expected a JSON object as header"},
    {" {}", 0, "byte 8: found 0x20: expected a JSON object as header"},
    {"{\"w\":", 0, "byte 13: found the end: expected a value"},
    {"{} x", 0, "byte 11: found 0x78: expected the end"},
    {"{\"w\xff\":1}", 0, "byte 11: found 0xff: expected UTF-8 text"},
    {"{\"w\xed\xa0\x80\":1}", 0, "byte 11: found 0xed: expected UTF-8 text"},
    {"{\"w\xc3", 0, "byte 11: found 0xc3: expected UTF-8 text"},
    {"{\"w\x80\":1}", 0, "byte 11: found 0x80: expected UTF-8 text"},
    {"{\"w\xc1\xbf\":1}", 0, "byte 11: found 0xc1: expected UTF-8 text"},
    {"{\"w\xe0\x9f\xbf\":1}", 0, "byte 11: found 0xe0: expected UTF-8 text"},
    {"{\"w\xf0\x8f\xbf\xbf\":1}", 0, "byte 11: found 0xf0: expected UTF-8 text"},
    {"{\"w\xf4\x90\x80\x80\":1}", 0, "byte 11: found 0xf4: expected UTF-8 text"},
    {"{\"w\xf5\x80\x80\x80\":1}", 0, "byte 11: found 0xf5: expected UTF-8 text"},
    {"{" ENTRY("U8", "[1]", "{\"a\":0,\"b\":1}") "}", 1, "are no two sizes: expected [begin, end]"},
    {"{" ENTRY("U8", "[1]", "[\"0\",1]") "}", 1, "are no two sizes: expected [begin, end]"},
    {"{" ENTRY("U8", "[1]", "[0,\"1\"]") "}", 1, "are no two sizes: expected [begin, end]"},
    {"{\"w\\u001b\":1}", 0, "the name of tensor 1 has control characters: expected text"},
    {"{\"w\x7f\":1}", 0, "the name of tensor 1 has control characters: expected text"},
    {"{\"__metadata__\":{\"a\\u001b\":\"\"}}", 0, "entry 1 is no text: expected a string value"},
    {"{\"w\":1}", 0, "tensor \"w\": has other fields: expected an object of \"dtype\", \"shape\""},
    {"{\"w\":{}}", 0, "tensor \"w\": has other fields: expected an object of"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4],\"x\":1}}", 4, "an object of"},
    {"{" ENTRY("F31", "[1]", "[0,4]") "}", 4, "tensor \"w\": unknown dtype: expected F32, F64"},
    {"{" ENTRY("F32", "1", "[0,4]") "}", 4, "tensor \"w\": no \"shape\""},
    {"{" ENTRY("U8", "[9007199254740992]", "[0,4]") "}", 4, "expected integers from 0 to 2^53 - 1"},
    {"{" ENTRY("U8", "[9007199254740991]", "[0,4]") "}", 4, "expected 9007199254740991 for U8"},
    {"{" ENTRY("F32", "[9007199254740993]", "[0,4]") "}", 4, "something else than sizes"},
    {"{" ENTRY("F32", "[true]", "[0,4]") "}", 4, "something else than sizes"},
    {"{" ENTRY("F32", "[\"1\"]", "[0,4]") "}", 4, "something else than sizes"},
    {"{" ENTRY("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, "more than 8 dimensions"},
    {"{" ENTRY("F32", "[4294967296,4294967296]", "[0,4]") "}", 4, "the shape overflows"},
    {"{" ENTRY("F32", "[0,4294967296,4294967296]", "[0,0]") "}", 0, "the shape overflows"},
    {"{" ENTRY("F32", "[1]", "[0]") "}", 4,
     "\"data_offsets\" are no two sizes: expected [begin, end]"},
    {"{" ENTRY("F32", "[1]", "[0,4,8]") "}", 4,
     "\"data_offsets\" are no two sizes: expected [begin, end]"},
    {"{" ENTRY("F32", "[1]", "[0,null]") "}", 4,
     "\"data_offsets\" are no two sizes: expected [begin, end]"},
    {"{" ENTRY("F32", "[1]", "[4,0]") "}", 4, "data_offsets [4, 0]: expected begin <= end <= 4"},
    {"{" ENTRY("F32", "[2]", "[0,8]") "}", 4, "data_offsets [0, 8]: expected begin <= end <= 4"},
    {"{" ENTRY("F32", "[2]", "[0,4]") "}", 4, "4 bytes of data: expected 8 for F32 [2]"},
    {"{" ENTRY("F32", "[1]", "[0,4]") "}", 5, "5 bytes of data: expected 4, the end of the last"},
    {"{" ENTRY("F32", "[1]", "[2,6]") "}", 6, "data begins at 2, after a hole: expected 0"},
    {"{" ENTRY("F32", "[1]", "[0,4]") "," ENTRY("F32", "[1]", "[4,8]") "}", 8,
     "\"w\": occurs twice: expected once"},
    {"{" ENTRY("F32", "[1]", "[0,4]") ",\"v\":{\"dtype\":\"F32\",\"shape\":[1],"
                                      "\"data_offsets\":[2,6]}}",
     6, "\"v\": data begins at 2, inside the tensor before it: expected 4"},
    {"{\"__metadata__\":1}", 0, "\"__metadata__\" is no object: expected an object of strings"},
    {"{\"__metadata__\":{\"a\":1}}", 0,
     "\"__metadata__\": entry 1 is no text: expected a string value"},
    {"{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0,
     "\"__metadata__\": \"a\" occurs twice: expected once"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0,
     "\"__metadata__\" occurs twice: expected once"},
};
enum { BAD_HEADERS = sizeof bad_headers / sizeof bad_headers[0] };

START_TEST(bad_headers_are_refused)
{
    write_file(bad_headers[_i].header, strlen(bad_headers[_i].header), bad_headers[_i].data);
    refused(bad_headers[_i].message);
}
END_TEST

/* What other readers take for something else, or not at all: the byte, and what was expected. */
#define SIZE "expected a size: at most 16 digits, without sign, leading zero, fraction or exponent"
#define PAIR "expected a whole surrogate pair"

static const struct {
    const char *header;
    size_t byte;
    const char *message;
} two_ways[] = {
    {"{\"norm1.bias\\u0000evil\":1}", 22, "found 0x30: expected text without zero bytes"},
    {"{\"__metadata__\":{\"a\":\"b\\u0000c\"}}", 33, "expected text without zero bytes"},
    {"{\"w\":[08]}", 14, "found 0x30: " SIZE},
    {"{\"w\":[00]}", 14, SIZE},
    {"{\"w\":[01]}", 14, SIZE},
    {"{\"w\":[-0]}", 14, "found 0x2d: " SIZE},
    {"{\"w\":[-1]}", 14, SIZE},
    {"{\"w\":[+1]}", 14, SIZE},
    {"{\"w\":[1.]}", 14, SIZE},
    {"{\"w\":[1.0]}", 14, SIZE},
    {"{\"w\":[.5]}", 14, SIZE},
    {"{\"w\":[1e]}", 14, SIZE},
    {"{\"w\":[0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6]}", 46, "expected ']': no array of a header is"},
    {"{\"w\":[1e2]}", 14, SIZE},
    {"{\"w\":[1E300]}", 14, SIZE},
    {"{\"w\":[0x8]}", 14, SIZE},
    {"{\"w\":[1_0]}", 14, SIZE},
    {"{\"w\":[12345678901234567]}", 14, SIZE},
    {"{\"w\":[1 2]}", 16, "found 0x32: expected ',' or ']'"},
    {"{\"w\":[1,]}", 16, "found 0x5d: expected a value"},
    {"{\"w\":[,1]}", 14, "expected a value"},
    {"{\"w\":[1}", 15, "found 0x7d: expected ',' or ']'"},
    {"{\"w\":NaN}", 13, "expected a value"},
    {"{\"w\":True}", 13, "expected a value"},
    {"{\"w\":nul}", 13, "expected a value"},
    {"{\"w\":truex}", 17, "found 0x78: expected ',' or '}'"},
    {"{\"w\" 1}", 13, "found 0x31: expected ':'"},
    {"{\"w\":1,}", 15, "found 0x7d: expected a text in quotes"},
    {"{w:1}", 9, "found 0x77: expected a text in quotes"},
    {"{'w':1}", 9, "expected a text in quotes"},
    {"{\"w\":1 \"v\":1}", 15, "found 0x22: expected ',' or '}'"},
    {"{\"w\":1]", 14, "found 0x5d: expected ',' or '}'"},
    {"{\"w\":1", 14, "found the end: expected ',' or '}'"},
    {"{\"w", 11, "found the end: expected the end of a text"},
    {"{\"w\\", 12, "found the end: expected an escape of JSON"},
    {"{\"w\t\":1}", 11, "found 0x09: expected an escape for a control character"},
    {"{\"w\\x41\":1}", 12, "found 0x78: expected an escape of JSON"},
    {"{\"w\\u00g0\":1}", 15, "found 0x67: expected four hexadecimal digits"},
    {"{\"w\\u00", 15, "found the end: expected four hexadecimal digits"},
    {"{\"w\\ud800\\uzz00\":1}", 19, "found 0x7a: expected four hexadecimal digits"},
    {"{\"w\\ud800\":1}", 13, PAIR},
    {"{\"w\\udc00\":1}", 13, PAIR},
    {"{\"w\\ud800\\u0041\":1}", 13, PAIR},
    {"{\"w\\ud800\\ud800\":1}", 13, PAIR},
    {"{\"w\\udfff\\udc00\":1}", 13, PAIR},
    {"{\"w\\uDBFF\\uDBFF\":1}", 13, PAIR},
    {"{\"w\\ud800x\":1}", 13, PAIR},
    {"{\"w\\ud800\\ue000\":1}", 13, PAIR},
    {"{\"w\\ud800", 13, PAIR},
    {"{} {}", 11, "found 0x7b: expected the end"},
    {"{}\"", 10, "found 0x22: expected the end"},
    {"{\"w\":1/**/}", 13, "found 0x31: " SIZE},
};
enum { TWO_WAYS = sizeof two_ways / sizeof two_ways[0] };

START_TEST(what_can_be_read_in_two_ways_is_refused)
{
    for (size_t i = 0; i < TWO_WAYS; i++) {
        char message[40];
        write_file(two_ways[i].header, strlen(two_ways[i].header), 0);
        refused(two_ways[i].message);
        snprintf(message, sizeof message, "byte %zu: found ", two_ways[i].byte);
        refused(message);
    }
}
END_TEST

/* All that the grammar has, in one header. */
START_TEST(every_form_of_json_is_read)
{
    static const char header[] =
        "{\t\"\\ud83d\\uDE00 \\u00e9\\\\\\\"\\/\":\r\n{\"dtype\" : \"U8\", \"shape\":[ 1 , 0,10 ] ,"
        "\"data_offsets\":[0,0]}, \"__metadata__\": {\"k\": "
        "\"\\b\\f\\n\\r\\t\\u001f\\ud7ff\\ue000\", "
        "\"\":\"\", \"raw\":\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"} }";
    struct safetensors file = {0};
    struct err err = {0};
    write_file(header, sizeof header - 1, 0);
    ck_assert_msg(safetensors_open(&file, path, &err), "%s", err.message);
    const struct safetensor *t = safetensors_find(&file, "\xf0\x9f\x98\x80 \xc3\xa9\\\"/");
    ck_assert_ptr_nonnull(t);
    ck_assert(t->rank == 3 && t->shape[0] == 1 && t->shape[1] == 0 && t->shape[2] == 10);
    ck_assert_str_eq(safetensors_meta(&file, "k"), "\b\f\n\r\t\x1f\xed\x9f\xbf\xee\x80\x80");
    ck_assert_str_eq(safetensors_meta(&file, ""), "");
    ck_assert_str_eq(safetensors_meta(&file, "raw"),
                     "\xc2\x80\xdf\xbf\xe0\xa0\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
    safetensors_close(&file);
}
END_TEST

START_TEST(a_zero_byte_in_the_header_is_refused)
{
    write_file("{\"w\0\":1}", 8, 0);
    refused("byte 11: found 0x00: expected UTF-8 text");
}
END_TEST

/* The byte behind the header would end its last character. */
START_TEST(text_ends_with_the_header)
{
    static const unsigned char bytes[] = {4, 0, 0, 0, 0, 0, 0, 0, '{', '"', 'w', 0xc3, 0xa9};
    write_bytes(bytes, sizeof bytes);
    refused("byte 11: found 0xc3: expected UTF-8 text");
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
    char deep[3000];
    memset(deep, '[', sizeof deep);
    memcpy(deep, "{\"w\":", 5);
    write_file(deep, sizeof deep, 0);
    refused("byte 15: found 0x5b: expected less nesting");
    static const char objects[] = "{\"w\":{\"w\":{\"w\":{}}}}";
    write_file(objects, sizeof objects - 1, 0);
    refused("byte 23: found 0x7b: expected less nesting");
}
END_TEST

/* What cJSON has asked for, of the largest headers. */
static size_t allocated;

static void *count_bytes(size_t bytes)
{
    allocated += bytes;
    return malloc(bytes);
}

/* A header of `bytes`: the opening, then as many pieces as there is room for, then the closing. */
static void write_large(const char *opening, const char *piece, const char *closing, size_t bytes)
{
    const size_t length = strlen(piece);
    size_t left = bytes - strlen(opening) - strlen(closing);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < 8; i++)
        fputc((int)(bytes >> (8 * i) & 0xff), file);
    fputs(opening, file);
    for (; left >= length; left -= length)
        fputs(piece, file);
    fprintf(file, "%s%*s", closing, (int)left, "");
    ck_assert_int_eq(fclose(file), 0);
}

/* However short its values are, a header costs no more than those that are allowed. */
START_TEST(memory_is_bounded)
{
    enum { LARGEST = SAFETENSORS_HEADER_MAX, ALLOWED = 80 * STRICT_JSON_VALUES };
    static const char many[] = "no header has so many values", longer[] = "no array of a header";
#define SIXTEEN "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],"
    static const struct {
        const char *opening, *piece, *closing;
        size_t bytes;
        const char *message;
    } headers[] = {
        {"{\"w\":[", "0,", "0]}", LARGEST, longer},
        {"{\"w\":[", "[],", "0]}", LARGEST, longer},
        {"{", "\"\":" SIXTEEN, "\"\":0}", LARGEST, many},
        {"{\"w\":{", "\"\":" SIXTEEN, "\"\":0}}", LARGEST, many},
        {"{\"w\":{", "\"\":0,", "\"\":0}}", LARGEST, many},
        {"{\"__metadata__\":{", "\"\":\"\",", "\"\":0}}", LARGEST, many},
        {"{", "\"\":0,", "\"\":0}", LARGEST, many},
        {"{", "\"\":0,", "\"\":0}", 5 * STRICT_JSON_VALUES + 1, many},
        {"{", "\"\":0,", "\"\":0}", 5 * (STRICT_JSON_VALUES - 1) + 1, "other fields"},
    };
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = count_bytes, .free_fn = free});
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        allocated = 0;
        write_large(headers[i].opening, headers[i].piece, headers[i].closing, headers[i].bytes);
        refused(headers[i].message);
        ck_assert_uint_lt(allocated, ALLOWED);
    }
    ck_assert_uint_gt(allocated, ALLOWED / 2); /* the last one is read as far as it may be */
    cJSON_InitHooks(NULL);
}
END_TEST

START_TEST(impossible_lengths_are_refused)
{
    write_bytes("1234567", 7);
    refused("not a safetensors file: 7 bytes: expected at least 8");
    write_bytes("", 0);
    refused("0 bytes: expected");
    write_bytes("\3\0\0\0\0\0\0\0{}", 10);
    refused("not a safetensors file, or cut: byte 0: header of 3 bytes: expected at most 2");
    write_bytes("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10);
    refused("not a safetensors file, or cut: byte 0: header of 18446744073709551615 bytes: "
            "expected at most 2");
}
END_TEST

START_TEST(an_enormous_header_is_refused_unread)
{
    write_bytes("\1\x24\xf4\0\0\0\0\0{}", 10); /* 16,000,001 */
    ck_assert_int_eq(truncate(path, 200 * 1000 * 1000), 0);
    refused("not a safetensors file, or cut: byte 0: header of 16000001 bytes: expected at most "
            "16000000");
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
    refused("No such file or directory: expected a safetensors file");
    ck_assert_int_eq(mkdir(path, 0777), 0);
    refused("Is a directory: expected a safetensors file");
    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_int_eq(mkfifo(path, 0666), 0); /* which nobody writes to: not waited for */
    refused("not a regular file: expected a safetensors file");
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

/* Every prefix of a good file and every change of one byte is refused or read; none crashes. */
START_TEST(damaged_files_never_crash)
{
    unsigned char bytes[2048];
    save();
    FILE *in = fopen(path, "rb");
    size_t n = fread(bytes, 1, sizeof bytes, in);
    fclose(in);
    for (size_t i = 0; i < n; i++) {
        write_bytes(bytes, i);
        refused(": ");
    }
    for (size_t i = 0; i < n; i++) {
        struct safetensors file = {0};
        struct err err = {0};
        bytes[i] ^= 0x15;
        write_bytes(bytes, n);
        bool ok = safetensors_open(&file, path, &err);
        ck_assert_int_eq(err.code, ok ? EXIT_OK : EXIT_DATA);
        safetensors_close(&file);
        bytes[i] ^= 0x15;
    }
}
END_TEST

/* -- Failing writes ---------------------------------------------------------------------------- */

START_TEST(a_failed_write_leaves_the_old_file)
{
    static char big[1 << 16];
    const struct safetensor tensor = {"w", SAFETENSORS_U8, 1, {sizeof big}, big};
    struct safetensors file = {0};
    struct err err = {0};
    save();
    signal(SIGXFSZ, SIG_IGN); /* an error of write, as in the program */
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = 4096;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert(!safetensors_save(path, NULL, &tensor, 1, NULL, 0, &err));
    ck_assert_int_eq(err.code, EXIT_FAILED);
    ck_assert_ptr_nonnull(strstr(err.message, "file.safetensors.tmp: cannot write"));
    char temp[320];
    snprintf(temp, sizeof temp, "%s.tmp", path);
    ck_assert_int_ne(access(temp, F_OK), 0);
    ck_assert_msg(safetensors_open(&file, path, &(struct err){0}), "the old file is damaged");
    safetensors_close(&file);
}
END_TEST

START_TEST(a_folder_that_is_missing_is_named)
{
    struct err err = {0};
    char missing[300];
    snprintf(missing, sizeof missing, "%s/none/a", folder);
    ck_assert(!safetensors_save(missing, NULL, tensors, TENSORS, NULL, 0, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "none/a.tmp: cannot write: No such file"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("safetensors");
    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, make_folder, remove_folder);
    tcase_set_timeout(files, 60);
    tcase_add_test(files, what_is_written_is_read);
    tcase_add_test(files, the_data_is_aligned_and_the_bytes_repeat);
    tcase_add_test(files, a_mismatch_names_both_shapes);
    tcase_add_test(files, files_of_others_are_read);
    tcase_add_loop_test(files, bad_headers_are_refused, 0, BAD_HEADERS);
    tcase_add_test(files, what_can_be_read_in_two_ways_is_refused);
    tcase_add_test(files, every_form_of_json_is_read);
    tcase_add_test(files, a_zero_byte_in_the_header_is_refused);
    tcase_add_test(files, text_ends_with_the_header);
    tcase_add_test(files, deep_nesting_is_refused);
    tcase_add_test(files, memory_is_bounded);
    tcase_add_test(files, impossible_lengths_are_refused);
    tcase_add_test(files, an_enormous_header_is_refused_unread);
    tcase_add_test(files, what_is_no_file_is_refused);
    tcase_add_test(files, damaged_files_never_crash);
    tcase_add_test(files, a_failed_write_leaves_the_old_file);
    tcase_add_test(files, a_folder_that_is_missing_is_named);
    suite_add_tcase(suite, files);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
