/* test_arrays.c - arrays of NumPy, made by the libraries that others make them with: what is read,
 * and what is said of what is wrong. */
#define _GNU_SOURCE /* nftw, memmem */
#include "npz_files.h"

#include "data/arrays.h"
#include "data/bytes.h"
#include "data/npy.h"

/* -- NumPy ------------------------------------------------------------------------------------- */

static const float npz_floats[] = {0, 1, 2, 3, 4, 255, -1, 0, 0.5f, 1, 0, 0};

static const struct npz_case colour = {DICT("|u1", "(2, 1, 2, 3)"),
                                       DICT("<i8", "(2,)"),
                                       npz_bytes,
                                       labels_64,
                                       sizeof npz_bytes,
                                       sizeof labels_64};
static const struct npz_case floats = {
    DICT("<f4", "(2, 2, 3)"), DICT("<i8", "(2,)"), npz_floats, labels_64,
    sizeof npz_floats,        sizeof labels_64};

static const uint8_t many[5000];

/* An image, and a label for it. */
#define ONE(type, shape, bytes)                                                                    \
    {                                                                                              \
        DICT(type, shape), DICT("|u1", "(1,)"), many, labels_8, bytes, 1                           \
    }
START_TEST(an_npz_is_read)
{
    char digest[SHA256_HEX_SIZE];
    put_npz(&grey, NULL, 0, NULL, ZIP_CM_DEFLATE);
    opens();
    ck_assert_str_eq(data.format, "npz");
    ck_assert(data.c == 1 && data.h == 2 && data.w == 3 && data.count == 2 && data.classes == 3);
    ck_assert(data.labels[0] == 0 && data.labels[1] == 2);
    ck_assert_str_eq(data.class_names[2], "2");
    shows(1, npz_bytes + 6);
    memcpy(digest, data.digest, sizeof digest);
    request.part = DATA_TEST;
    opens();
    ck_assert(data.labels[0] == 1 && data.classes == 3);
    request.look = true;
    opens();
    ck_assert(data.c == 1 && data.h == 2 && data.w == 3 && data.count == 2 && data.classes == 3);
    ck_assert_ptr_null(data.images);
    request.look = false;
    request.part = DATA_TRAIN;
    put_npz(&grey, NULL, 0, NULL, ZIP_CM_STORE);
    opens();
    ck_assert_str_eq(data.digest, digest);
    ck_assert(!is_mapped("x.npz"));
    request.options.map_from = 1;
    opens();
    ck_assert(is_mapped("x.npz"));
    ck_assert_str_eq(data.digest, digest);
    shows(1, npz_bytes + 6);
}
END_TEST

/* The last pixel of a large array is wrong, which only who reads it sees. */
START_TEST(a_look_takes_the_head_of_a_large_array)
{
    enum { SIDE = 300, PIXELS = SIDE * SIDE };
    static uint8_t pixels[PIXELS], file_bytes[2 * PIXELS], npy[2][PIXELS + 200];
    const struct files_entry entries[] = {
        {"x_train.npy", npy[0], files_npy(npy[0], DICT("|u1", "(1, 300, 300)"), pixels, PIXELS)},
        {"y_train.npy", npy[1], files_npy(npy[1], DICT("|u1", "(1,)"), labels_8, 1)},
    };
    files_put_zip("x.npz", entries, 2, ZIP_CM_STORE);
    request.path = files_path("x.npz");
    FILE *file = fopen(request.path, "rb");
    size_t size = fread(file_bytes, 1, sizeof file_bytes, file);
    fclose(file);
    file_bytes[PIXELS] ^= 1;
    files_put("x.npz", file_bytes, size);
    refuses(EXIT_DATA, "@/x.npz: x_train.npy: after 90128 of 90128 bytes: CRC error");
    request.look = true;
    opens();
    ck_assert(data.count == 1 && data.h == SIDE && data.w == SIDE);
}
END_TEST

START_TEST(an_npz_of_floats_is_read)
{
    static const uint8_t picture[] = {0, 1, 2, 3, 4, 255};
    for (int mapped = 0; mapped < 2; mapped++) {
        put_npz(&floats, NULL, 0, NULL, ZIP_CM_STORE);
        request.options.map_from = mapped == 0 ? 0 : 1;
        opens();
        ck_assert_int_eq(data.type, DATA_FLOATS);
        ck_assert_int_eq(is_mapped("x.npz"), mapped);
        ck_assert_mem_eq(data.images[1], npz_floats + 6, 6 * sizeof(float));
        shows(0, picture);
        struct data_stats stats = data_statistics(&data);
        ck_assert_double_eq_tol(stats.mean[0], 265.5 / 12, 1e-12);
    }
}
END_TEST

START_TEST(every_axis_finds_its_place)
{
    static const uint8_t nhwc[] = {1, 4, 2, 5, 3, 6};
    const struct data_shape as_nhwc = {3, 1, 2, 3}, as_nchw = {1, 2, 3, 3}, other = {5, 5, 5, 3};
    const struct data_shape low = {3, 2, 2, 3}, narrow = {3, 1, 1, 3}, cube = {2, 2, 2, 3};
    put_npz(&colour, NULL, 0, NULL, ZIP_CM_DEFLATE);
    refuses(EXIT_DATA, "@/x.npz: x_train.npy (2, 1, 2, 3): images of 3x1x2 (channels, rows, "
                       "columns), or of 1x2x3: expected --layout nhwc for the first, nchw");
    request.wanted = &other;
    refuses(EXIT_DATA, "@/x.npz: x_train.npy (2, 1, 2, 3): images of 3x1x2");
    request.wanted = &low;
    refuses(EXIT_DATA, "@/x.npz: x_train.npy (2, 1, 2, 3): images of 3x1x2");
    request.wanted = &narrow;
    refuses(EXIT_DATA, "@/x.npz: x_train.npy (2, 1, 2, 3): images of 3x1x2");
    request.wanted = &cube;
    put_npz(&(struct npz_case)ONE("|u1", "(1, 2, 2, 2)", 8), NULL, 0, NULL, ZIP_CM_DEFLATE);
    refuses(EXIT_DATA, "@/x.npz: x_train.npy (1, 2, 2, 2): images of 2x2x2");
    put_npz(&(struct npz_case)ONE("|u1", "(1, 1, 1, 65)", 65), NULL, 0, NULL, ZIP_CM_DEFLATE);
    opens(); /* it can be read in one way */
    put_npz(&colour, NULL, 0, NULL, ZIP_CM_DEFLATE);
    request.wanted = &as_nhwc;
    opens();
    ck_assert(data.c == 3 && data.h == 1 && data.w == 2);
    shows(0, nhwc);
    request.wanted = &as_nchw;
    opens();
    ck_assert(data.c == 1 && data.h == 2 && data.w == 3);
    shows(0, npz_bytes);
    request.options.layout = "nhwc";
    opens();
    ck_assert_int_eq(data.c, 3);
    request.options.layout = "nchw";
    opens();
    ck_assert_int_eq(data.c, 1);
    request.options.layout = "chwn";
    refuses(EXIT_USAGE, "--layout chwn: ");
    request.options.layout = "nhwc";
    put_npz(&(struct npz_case)ONE("|u1", "(1, 1, 1, 65)", 65), NULL, 0, NULL, ZIP_CM_DEFLATE);
    refuses(EXIT_DATA, "@/x.npz: x_train.npy (1, 1, 1, 65): as nhwc images of 65x1x1: expected at "
                       "most 64 channels of 4096x4096");
    put_npz(&grey, NULL, 0, NULL, ZIP_CM_DEFLATE);
    refuses(EXIT_USAGE, "--layout nhwc: ");
    request.options.layout = "nhw";
    opens();
    request.options.layout = NULL;
    request.options.labels = "fine";
    refuses(EXIT_USAGE, "--labels fine: ");
}
END_TEST

START_TEST(names_of_an_npz)
{
    static const uint32_t wide[] = {'c', 'a', 't', 0, 0x48, 0xfc, 'n', '\n', 'x', 0, 0, 0};
    put_npz(&grey, (const char *)wide, sizeof wide, DICT("<U4", "(3,)"), ZIP_CM_DEFLATE);
    opens();
    ck_assert_int_eq(data.classes, 3);
    ck_assert_str_eq(data.class_names[0], "cat");
    ck_assert_str_eq(data.class_names[1], "H\xc3\xbcn ");
    put_npz(&grey, "ab\0c\0\0d\0\0e\0\0", 12, DICT("|S3", "(4,)"), ZIP_CM_DEFLATE);
    opens();
    ck_assert_int_eq(data.classes, 4);
    ck_assert_str_eq(data.class_names[3], "e");
    put_npz(&grey, "abcd", 4, DICT("|S2", "(2,)"), ZIP_CM_DEFLATE);
    refuses(EXIT_DATA, "@/x.npz: y_train.npy (2,): element 1: label 2: expected 0 to 1");
    put_npz(&grey, "abcd", 4, DICT("<i4", "(1,)"), ZIP_CM_DEFLATE);
    refuses(EXIT_DATA, "@/x.npz: class_names.npy: '<i4' with 1 axes: expected 1 to 256 texts");
    static const uint32_t planes[] = {0x7ff, 0x800, 0x1f600, '\r', 0x110000, 'x'};
    put_npz(&grey, (const char *)planes, sizeof planes, DICT("<U2", "(3,)"), ZIP_CM_DEFLATE);
    opens();
    ck_assert_str_eq(data.class_names[0], "\xdf\xbf\xe0\xa0\x80");
    ck_assert_str_eq(data.class_names[1], "\xf0\x9f\x98\x80 ");
    ck_assert_str_eq(data.class_names[2], "x");
    static const char *const odd[][2] = {{"|S4", "(1, 1)"}, {"|S0", "(3,)"}, {"|S2000", "(1,)"},
                                         {"|S1", "(300,)"}, {"|", "(1,)"},   {"|S3", "(0,)"},
                                         {"|S3", "(5,)"}};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        static const char zeros[300];
        char dictionary[100], message[100];
        snprintf(dictionary, sizeof dictionary,
                 "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", odd[i][0], odd[i][1]);
        snprintf(message, sizeof message, "@/x.npz: class_names.npy: '%s' with %d axes: expected",
                 odd[i][0], i == 0 ? 2 : 1);
        put_npz(&grey, zeros, i == 0 ? 4 : i == 3 ? 300 : 3, dictionary, ZIP_CM_DEFLATE);
        refuses(EXIT_DATA, message);
    }
    put_npz(&grey, "a\0", 2, DICT("|S1", "(2,)"), ZIP_CM_DEFLATE);
    refuses(EXIT_DATA, "@/x.npz: the name of class 1 is empty: expected a text");
}
END_TEST

/* What stands in the metadata of a model has to be read again, by others, too. */
START_TEST(names_that_no_model_can_keep)
{
    enum { WIDTH = 63 };
    static char names[DATA_MAX_CLASSES][WIDTH];
    static const uint32_t half[] = {'a', 0xd800, 'b', 0, 'c', 0};
    put_npz(&grey, (const char *)half, sizeof half, DICT("<U2", "(3,)"), ZIP_CM_DEFLATE);
    refuses(EXIT_DATA, "@/x.npz: name of class 0, byte 1: found 0xed: expected UTF-8 text");
    memset(names, 'n', sizeof names);
    put_npz(&grey, names[0], 242 * WIDTH, DICT("|S63", "(242,)"), ZIP_CM_DEFLATE);
    opens();
    ck_assert_uint_eq(strlen(data.class_names[241]), WIDTH);
    put_npz(&grey, names[0], 243 * WIDTH, DICT("|S63", "(243,)"), ZIP_CM_DEFLATE);
    refuses(EXIT_DATA, "@/x.npz: names of classes of more than 16000 characters in all: expected "
                       "shorter names");
    memset(names, '"', sizeof names); /* two characters each in JSON */
    put_npz(&grey, names[0], 125 * WIDTH, DICT("|S63", "(125,)"), ZIP_CM_DEFLATE);
    refuses(EXIT_DATA, "@/x.npz: names of classes of more than 16000 characters in all");
}
END_TEST

static const int64_t negative[] = {-1, 0}, large[] = {0, 256};
static const int32_t labels_32[] = {0, 2};
static const int8_t negative_8[] = {0, -3};
static const float not_a_number[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (float)(1e300 * 1e300)};

/* Images, with labels of a type and a shape. */
#define LABELS(type, shape, labels, bytes)                                                         \
    {                                                                                              \
        DICT("|u1", "(2, 2, 3)"), DICT(type, shape), npz_bytes, labels, 12, bytes                  \
    }

static const struct {
    struct npz_case c;
    const char *message; /* NULL: none */
} npz_cases[] = {
    {ONE("|u1", "(1, 65, 1, 1)", 65), NULL},
    {ONE("|u1", "(1, 1, 1, 65)", 65), NULL},
    {ONE("|u1", "(1, 2, 0, 3)", 0), "x_train.npy (1, 2, 0, 3): images of 3x2x0 (channels"},
    {ONE("|u1", "(1, 0, 2, 3)", 0), "x_train.npy (1, 0, 2, 3): images of 3x0x2 (channels"},
    {ONE("|u1", "(1, 2, 3, 0)", 0), "x_train.npy (1, 2, 3, 0): images of 0x2x3 (channels"},
    {ONE("|u1", "(1, 5000, 1, 1)", 5000), "x_train.npy (1, 5000, 1, 1): images of 1x5000x1"},
    {ONE("|u1", "(1, 1, 5000, 1)", 5000), "x_train.npy (1, 1, 5000, 1): images of 1x1x5000"},
    {ONE("|u1", "(1, 1, 1, 5000)", 5000), "x_train.npy (1, 1, 1, 5000): images of 5000x1x1"},
    {ONE("|u1", "(1, 5000, 1)", 5000), "x_train.npy (1, 5000, 1): expected sides of 1 to 4096"},
    {ONE("|u1", "(1, 1, 5000)", 5000), "x_train.npy (1, 1, 5000): expected sides of 1 to 4096"},
    {ONE("|u1", "(1, 3, 0)", 0), "x_train.npy (1, 3, 0): expected sides of 1 to 4096"},
    {ONE("|u1", "(5000000000, 0, 1)", 0), "x_train.npy (5000000000, 0, 1): expected 1 to 2147"},
    {ONE("|u1", "(1, 5, 5", 25), "x_train.npy: byte "},
    {ONE("|u1", "(1 5 5)", 25), "x_train.npy: byte "},
    {ONE("|u1", "(25)", 25), "x_train.npy: byte "},
    {ONE("|u1", "25", 25), "x_train.npy: byte "},
    {ONE("|u1", "(a,)", 25), "x_train.npy: byte "},
    {ONE("abcdefghijklmnopqrs", "(1, 5, 5)", 25), "x_train.npy: byte "},
    {ONE("", "(1, 5, 5)", 25), "x_train.npy: byte "},
    {ONE("=u1", "(1, 5, 5)", 25), "x_train.npy: '=u1': expected uint8 or float32 images"},
    {LABELS("|u1", "(2, 1)", labels_8, 2),
     "y_train.npy (2, 1): expected one axis: (N,): y = y.argmax(axis=1) where each"},
    {LABELS("|u1", "()", labels_8, 1), "y_train.npy (): expected one axis: (N,)"},
    {LABELS("<u2", "(2,)", "\1\0\0\0", 4), NULL},
    {LABELS("<i2", "(2,)", "\1\0\0\0", 4), NULL},
    {LABELS("<u4", "(2,)", "\1\0\0\0\0\0\0\0", 8), NULL},
    {LABELS("<u8", "(2,)", labels_64, 16), NULL},
    {LABELS("<i2", "(2,)", "\376\377\0\0", 4), "y_train.npy (2,): element 0: label -2: expected"},
    {LABELS("<i4", "(2,)", "\0\0\0\0\0\0\0\200", 8), "y_train.npy (2,): element 1: label -2147483"},
    {LABELS("<u2", "(2,)", "\376\377\0\0", 4),
     "y_train.npy (2,): element 0: label 65534: expected"},
    {{DICT("|u1", "(2, 2, 3)"), DICT("<i4", "(2,)"), npz_bytes, labels_32, 12, 8}, NULL},
    {{DICT("|u1", "(2, 2, 3)"), DICT("|u1", "(2,)"), npz_bytes, labels_8, 12, 2}, NULL},
    {{DICT("|u1", "(2, 2, 3)"), DICT("<i8", "(2,)"), npz_bytes, negative, 12, 16},
     "y_train.npy (2,): element 0: label -1: expected 0 to 255"},
    {{DICT("|u1", "(2, 2, 3)"), DICT("|i1", "(2,)"), npz_bytes, negative_8, 12, 2},
     "y_train.npy (2,): element 1: label -3: expected 0 to 255"},
    {{DICT("|u1", "(2, 2, 3)"), DICT("<i8", "(2,)"), npz_bytes, large, 12, 16},
     "y_train.npy (2,): element 1: label 256: expected 0 to 255"},
    {{DICT("|u1", "(2, 2, 3)"), DICT("<f4", "(2,)"), npz_bytes, npz_floats, 12, 8},
     "y_train.npy (2,): floats: expected whole numbers: y = y.astype(numpy.int64)"},
    {{DICT("|u1", "(2, 2, 3)"), DICT("<f4", "(2, 2)"), npz_bytes, npz_floats, 12, 16},
     "y_train.npy (2, 2): expected one axis: (N,): y = y.argmax(axis=1) where each"},
    {{DICT("|u1", "(2, 2, 3)"), DICT("|u1", "(1,)"), npz_bytes, labels_8, 12, 1},
     "x_train.npy: 2 images: expected as many labels, got 1"},
    {{DICT("<f4", "(2, 2, 3)"), DICT("|u1", "(2,)"), not_a_number, labels_8, 48, 2},
     "x_train.npy: image 1 of 2, element 5: inf: expected a finite number"},
    {{DICT("<f8", "(1, 2, 3)"), DICT("|u1", "(1,)"), npz_floats, labels_8, 48, 1},
     "x_train.npy: '<f8': expected uint8 or float32 images"},
    {{DICT("<i2", "(1, 2, 3)"), DICT("|u1", "(1,)"), npz_bytes, labels_8, 12, 1},
     "x_train.npy (1, 2, 3): expected uint8 or float32"},
    {{DICT(">f4", "(2, 2, 3)"), DICT("|u1", "(2,)"), npz_floats, labels_8, 48, 2},
     "x_train.npy: '>f4': big-endian: expected little-endian: x = x.astype("},
    {{"{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2, 3), }", DICT("|u1", "(2,)"),
      npz_bytes, labels_8, 12, 2},
     "x_train.npy: in the order of Fortran: expected that of C: x = numpy.ascontiguousarray(x)"},
    {{DICT("|u1", "(2, 6)"), DICT("|u1", "(2,)"), npz_bytes, labels_8, 12, 2},
     "x_train.npy (2, 6): expected (N, H, W), (N, H, W, C) or (N, C, H, W)"},
    {{DICT("|u1", "(2, 2, 2)"), DICT("|u1", "(2,)"), npz_bytes, labels_8, 12, 2},
     "x_train.npy: 140 bytes: expected 136: 128 of a header, 8 of |u1"},
    {{DICT("|u1", "(0, 2, 3)"), DICT("|u1", "(2,)"), npz_bytes, labels_8, 0, 2},
     "x_train.npy (0, 2, 3): expected 1 to 2147483647 images"},
    {{DICT("|u1", "(2, 0, 3)"), DICT("|u1", "(2,)"), npz_bytes, labels_8, 0, 2},
     "x_train.npy (2, 0, 3): expected sides of 1 to 4096"},
    {{DICT("|u1", "(2, 1, 1, 2, 3)"), DICT("|u1", "(2,)"), npz_bytes, labels_8, 12, 2},
     "x_train.npy: byte 73: '3), }"},
    {{DICT("|u1", "(99999999999999999999, 2)"), DICT("|u1", "(2,)"), npz_bytes, labels_8, 12, 2},
     "x_train.npy: byte 79: '99, 2), }"},
    {{DICT("|u1", "(999999999999, 9999999999)"), DICT("|u1", "(2,)"), npz_bytes, labels_8, 12, 2},
     "x_train.npy: a shape of more elements than can be"},
    {{"{'descr': '|u1', 'shape': (2, 2, 3)}", DICT("|u1", "(2,)"), npz_bytes, labels_8, 12, 2},
     "x_train.npy: byte "},
    {{"{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (2, 2, 3)}",
      DICT("|u1", "(2,)"), npz_bytes, labels_8, 12, 2},
     "x_train.npy: byte 35: ' '|u1', "},
};

START_TEST(arrays_of_every_kind)
{
    put_npz(&npz_cases[_i].c, NULL, 0, NULL, ZIP_CM_DEFLATE);
    if (npz_cases[_i].message == NULL) {
        opens();
        return;
    }
    char message[300];
    snprintf(message, sizeof message, "@/x.npz: %s", npz_cases[_i].message);
    refuses(EXIT_DATA, message);
}
END_TEST

/* Each thing of a dictionary once, in any order, and nothing else; its last byte is the last that
 * is looked at. */
START_TEST(dictionaries_say_three_things)
{
#define D "'descr': '|u1', "
#define F "'fortran_order': False, "
#define S "'shape': (2, 3), "
    static const struct {
        const char *text;
        bool right;
    } cases[] = {
        {"{" D F S "}", true},
        {"{" S D F "} \n", true},
        {"{\"descr\": \"|u1\", " F S "}", true},
        {"{" D "'fortran_order': True, 'shape': (2,), }", true}, /* of one axis: the same */
        {"{" D "'fortran_order': True, " S "}", false},
        {"{" F S "}", false},
        {"{" D S "}", false},
        {"{" D F "}", false},
        {"{" D D F S "}", false},
        {"{" D F F S "}", false},
        {"{" D F S S "}", false},
        {"{" D F S "'more': 1, }", false},
        {"{" D F S "} 1", false},
        {"{" D F S, false},
        {"{" D F "'shape': (2, 3", false},
        {"{" D F "'shape': (2, 3L), }", false},
        {"{descr: '|u1', " F S "}", false},
        {"{'descr", false},
    };
    uint8_t bytes[200] = "\x93NUMPY\x01";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct npy npy;
        const size_t length = strlen(cases[i].text);
        bytes[8] = (uint8_t)length;
        memcpy(bytes + 10, cases[i].text, length);
        err = (struct err){0};
        ck_assert_msg(npy_parse(&npy, bytes, 10 + length, "x", &err) == cases[i].right, "%s: %s",
                      cases[i].text, err.message);
        if (cases[i].right)
            ck_assert_msg(strcmp(npy.descr, "|u1") == 0 && npy.head == 10 + length &&
                              npy.elements == (npy.rank == 1 ? 2 : 6),
                          "%s", cases[i].text);
    }
#undef D
#undef F
#undef S
}
END_TEST

/* -- Files and folders ------------------------------------------------------------------------- */

/* The bytes of a file are those that it says it has. */
START_TEST(a_file_that_is_shorter_than_it_says_is_told)
{
    static const char path[] = "/sys/devices/system/cpu/online"; /* some bytes of a page */
    const uint8_t *bytes = NULL;
    size_t size = 0;
    char message[100];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return; /* a system without /sys */
    size_t there = fread(message, 1, sizeof message, file);
    fclose(file);
    ck_assert(!bytes_open(&data, path, 0, &bytes, &size, &err));
    snprintf(message, sizeof message, "%s: ended after %zu bytes while it was read: expected %zu",
             path, there, size);
    ck_assert_str_eq(err.message, message);
    ck_assert_uint_gt(size, there);
    static uint8_t block[1 << 20]; /* more than one block, and than what it grows by */
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (uint8_t)(i >> 8 ^ i >> 16);
    files_put_gz("large.gz", block, sizeof block);
    ck_assert(bytes_gunzip(&data, files_path("large.gz"), &bytes, &size, &err));
    ck_assert(size == sizeof block && memcmp(bytes, block, size) == 0);
    ck_assert_int_eq(symlink("/proc/self/mem", files_path("mem.gz")), 0);
    err = (struct err){0};
    ck_assert(!bytes_gunzip(&data, files_path("mem.gz"), &bytes, &size, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "after 0 unpacked bytes: Input/output error: "));
}
END_TEST

/* A folder that is no set may hold one, but not among many things. */
START_TEST(one_set_among_a_few_things_is_found)
{
    static const char long_name[] = "a_name_that_is_longer_than_what_is_shown.txt";
    char folder[600];
    ck_assert_int_eq(mkdir(files_path("inside"), 0700), 0);
    put_npz(&grey, NULL, 0, NULL, ZIP_CM_STORE);
    ck_assert_int_eq(rename(files_path("x.npz"), files_path("inside/x.npz")), 0);
    snprintf(folder, sizeof folder, "%s", files_path("inside"));
    request.path = folder;
    opens();
    files_put("inside/y.npz", "no zip", 6);
    refuses(EXIT_DATA, "@/inside: a folder with x.npz, y.npz: expected one of:");
    ck_assert_int_eq(unlink(files_path("inside/y.npz")), 0);
    files_put("inside/a_name_that_is_longer_than_what_is_shown.txt", "", 0);
    opens();
    for (int i = 0; i < 64; i++) {
        char name[40];
        snprintf(name, sizeof name, "inside/b%d", i);
        files_put(name, "", 0);
    }
    char message[100];
    snprintf(message, sizeof message, "@/inside: a folder with %.36s.., b0, b1, b10", long_name);
    refuses(EXIT_DATA, message);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("arrays");
    TCase *tests = tcase_create("arrays");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, start, stop);
    tcase_add_test(tests, an_npz_is_read);
    tcase_add_test(tests, a_look_takes_the_head_of_a_large_array);
    tcase_add_test(tests, an_npz_of_floats_is_read);
    tcase_add_test(tests, every_axis_finds_its_place);
    tcase_add_test(tests, names_of_an_npz);
    tcase_add_test(tests, names_that_no_model_can_keep);
    tcase_add_loop_test(tests, arrays_of_every_kind, 0, sizeof npz_cases / sizeof npz_cases[0]);
    tcase_add_test(tests, dictionaries_say_three_things);
    tcase_add_test(tests, a_file_that_is_shorter_than_it_says_is_told);
    tcase_add_test(tests, one_set_among_a_few_things_is_found);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
