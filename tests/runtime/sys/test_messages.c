/* test_messages.c - every bad file, with what is said of it: which file, where in it, what was
 * found and what was expected. Exit code 3 throughout; wrong words (code 2) are in test_program.c.
 */
#include <check.h>
#include <stdio.h>
#include <sys/stat.h>

#include "file/safetensors.h"
#include "tiny_program.h"

static void write_bytes(const char *name, const char *bytes, size_t size)
{
    char path[2 * PATH_SIZE];
    put_path(path, name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

/* A model file of this header and so many bytes of data. */
static void write_model(const char *header, size_t data)
{
    char bytes[2000] = {0};
    size_t length = strlen(header);
    ck_assert_uint_lt(8 + length + data, sizeof bytes);
    bytes[0] = (char)(length & 0xff);
    bytes[1] = (char)(length >> 8);
    memcpy(bytes + 8, header, length);
    write_bytes("bad", bytes, 8 + length + data);
}

/* -- Models ------------------------------------------------------------------------------------ */

#define ENTRY(dtype, shape, offsets)                                                               \
    "{\"a\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static const struct {
    const char *header;
    size_t data;
    const char *message;
} models[] = {
    {"hello", 0, "bad: byte 8: found 0x68: expected a JSON object as header"},
    {"{\"a\":1,}", 0, "bad: byte 15: found 0x7d: expected a text in quotes"},
    {"{} x", 0, "bad: byte 11: found 0x78: expected the end"},
    {"{\"\xff\":1}", 0, "bad: byte 10: found 0xff: expected UTF-8 text"},
    {"{\"a\":1}", 0,
     "bad: tensor \"a\": has other fields: expected an object of \"dtype\", \"shape\" and "
     "\"data_offsets\""},
    {ENTRY("F31", "[]", "[0,4]"), 4,
     "bad: tensor \"a\": unknown dtype: expected F32, F64, I64, U8 or another of the format"},
    {ENTRY("F32", "4", "[0,4]"), 4, "tensor \"a\": no \"shape\": expected an array of sizes"},
    {ENTRY("F32", "[-1]", "[0,4]"), 4,
     "bad: byte 37: found 0x2d: expected a size: at most 16 digits, without sign, leading zero, "
     "fraction or exponent"},
    {ENTRY("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "more than 8 dimensions: expected at most 8"},
    {ENTRY("F64", "[4294967296,4294967296]", "[0,0]"), 0,
     "the shape overflows: expected at most 2^64 - 1 bytes"},
    {ENTRY("F32", "[]", "[0]"), 4,
     "tensor \"a\": \"data_offsets\" are no two sizes: expected [begin, end]"},
    {ENTRY("F32", "[]", "[4,0]"), 4, "data_offsets [4, 0]: expected begin <= end <= 4, the size"},
    {ENTRY("F32", "[]", "[0,8]"), 4, "data_offsets [0, 8]: expected begin <= end <= 4, the size"},
    {ENTRY("F32", "[2]", "[0,4]"), 4, "tensor \"a\": 4 bytes of data: expected 8 for F32 [2]"},
    {ENTRY("U8", "[1]", "[1,2]"), 2, "data begins at 1, after a hole: expected 0"},
    {ENTRY("U8", "[1]", "[0,1]"), 2, "2 bytes of data: expected 1, the end of the last tensor"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
     "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
     3, "tensor \"b\": data begins at 1, inside the tensor before it: expected 2"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]},"
     "\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}",
     1, "bad: tensor \"a\": occurs twice: expected once"},
    {"{\"__metadata__\":1}", 0,
     "bad: \"__metadata__\" is no object: expected an object of strings"},
    {"{\"__metadata__\":{\"a\":1}}", 0,
     "\"__metadata__\": entry 1 is no text: expected a string value"},
    {"{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}", 0,
     "\"__metadata__\": \"a\" occurs twice: expected once"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0,
     "bad: \"__metadata__\" occurs twice: expected once"},
    {"{\"\\u001b[2J\":1}", 0, "the name of tensor 1 has control characters: expected text"},
    {"{\"__metadata__\":{\"norm\":\"\\u001b[2J\"}}", 0,
     "bad: made by network ? with norm ?[2J: expected tiny with norm bn"},
    {SAFETENSORS_DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF\"}}", 0,
     "bad: byte 35: no digest: expected 64 hexadecimal digits"},
    {SAFETENSORS_DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}}", 0,
     "...: expected 0123456789abcdef..., as when it was saved"},
    {"{}", 0,
     "bad: does not fit: expected network tiny with norm bn, 6 differences:\n"
     "  norm1.weight is missing"},
    {ENTRY("U8", "[1]", "[0,1]"), 1, "\n  a is not in this network"},
};

START_TEST(bad_models_are_told_what_is_wrong)
{
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        write_model(models[i].header, models[i].data);
        refuses(_i == 0   ? "eval --data synthetic --model bad"
                : _i == 1 ? "train --data synthetic --init bad"
                          : "train --data synthetic --resume bad",
                EXIT_DATA);
        ck_assert_int_eq(strncmp(errors, "tiny: bad: ", 11), 0);
        ck_assert_str_eq(output, "");
        if (_i < 2)
            says(errors, models[i].message);
    }
    ck_assert_msg(!exists("runs"), "a failed start left a folder");
}
END_TEST

START_TEST(what_is_no_file_is_said_to_be_none)
{
    write_bytes("bad", "1234567", 7);
    refuses("eval --data synthetic --model bad", EXIT_DATA);
    says(errors, "bad: not a safetensors file: 7 bytes: expected at least 8");
    write_bytes("bad", "12345678", 8);
    refuses("eval --data synthetic --model bad", EXIT_DATA);
    says(errors, "bad: not a safetensors file, or cut: byte 0: header of 4050765991979987505 bytes: "
                 "expected at most 0");
    refuses("eval --data synthetic --model .", EXIT_DATA);
    says(errors, "tiny: .: no model in this folder: expected that of a run");
    refuses("eval --data synthetic --model none", EXIT_DATA);
    says(errors, "tiny: none: No such file or directory: expected a safetensors file");
}
END_TEST

/* -- Checkpoints ------------------------------------------------------------------------------- */

/* Saves a good checkpoint again, as bad.safetensors, with another value of a key, or without it. */
static void change_meta(const char *key, const char *value)
{
    char path[2 * PATH_SIZE];
    struct err err = {0};
    struct safetensors file = {0};
    struct safetensors_meta metas[64];
    size_t count = 0;
    put_path(path, "here/last.safetensors");
    ck_assert_msg(safetensors_open(&file, path, &err), "%s", err.message);
    for (size_t i = 0; i < file.meta_count; i++) {
        bool changes = strcmp(file.metas[i].key, key) == 0;
        if (strcmp(file.metas[i].key, "sha256") == 0 || (changes && value == NULL))
            continue;
        metas[count] = file.metas[i];
        metas[count++].value = changes ? value : file.metas[i].value;
    }
    put_path(path, "bad.safetensors");
    ck_assert_msg(safetensors_save(path, NULL, file.tensors, file.count, metas, count, &err), "%s",
                  err.message);
    safetensors_close(&file);
}

START_TEST(bad_checkpoints_are_told_what_is_wrong)
{
    static const struct {
        const char *key, *value, *message;
    } cases[] = {
        {"seed", NULL, "metadata \"seed\": missing: expected a checkpoint of a training"},
        {"seed", "-1", "metadata \"seed\": -1 is out of range: expected 0 to 9007199254740992"},
        {"epochs", "many", "metadata \"epochs\": 'many': expected an integer from 1 to 100000"},
        {"lr", "nan", "metadata \"lr\": 'nan': expected a number from 0 to 1e+06"},
        {"schedule", "x", "metadata \"schedule\": 'x': expected one of constant, step, onecycle"},
        {"nesterov", "1", "metadata \"nesterov\": '1': expected one of off, on"},
        {"batch", "201",
         "bad.safetensors: trained with batch 201: expected at most 200, this program's"},
        {"network", "s8", "made by network s8 with norm bn: expected tiny with norm bn"},
        {"norm", "gn", "made by network tiny with norm gn: expected tiny with norm bn"},
        {"data", "cifar10",
         "no data: expected a file or folder in one of these places:\n  --data: not given"},
    };
    ck_assert_int_eq(run("train --data synthetic --max-steps 2 --out here"), EXIT_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        change_meta(cases[i].key, cases[i].value);
        refuses("train --resume bad.safetensors", EXIT_DATA);
        says(errors, cases[i].message);
    }
    write_model("{}", 0);
    refuses("train --resume bad", EXIT_DATA);
    says(errors, "bad: carries no digest: expected a checkpoint as it was saved (a model can be "
                 "given to --init)");
}
END_TEST

/* -- Data -------------------------------------------------------------------------------------- */

START_TEST(bad_data_is_told_what_is_wrong)
{
    enum { FILE_BYTES = 30730000 };
    char path[2 * PATH_SIZE];
    ck_assert_int_eq(run("train --data synthetic --max-steps 2 --out here"), EXIT_OK);
    static const char evaluation[] = "eval --model here/last.safetensors --data data";
    put_path(path, "data");
    refuses(evaluation, EXIT_DATA);
    says(errors, "--data data: no such file or folder");
    ck_assert_int_eq(mkdir(path, 0777), 0);
    refuses(evaluation, EXIT_DATA);
    says(errors,
         "data: an empty folder: expected one of:\n  cifar10: a folder with data_batch_1.bin");
    write_bytes("data/data_batch_1.bin", "", 0);
    refuses(evaluation, EXIT_DATA);
    says(errors, "data/test_batch.bin: no such file: expected data_batch_1.bin to data_batch_5.bin "
                 "and test_batch.bin in this folder");
    write_bytes("data/test_batch.bin", "abc", 3);
    refuses(evaluation, EXIT_DATA);
    says(errors, "data/test_batch.bin: 30729997 bytes short: expected 30730000 (10000 records of "
                 "3073), got 3");
    put_path(path, "data/test_batch.bin");
    ck_assert_int_eq(truncate(path, FILE_BYTES + 2), 0);
    refuses(evaluation, EXIT_DATA);
    says(errors, "data/test_batch.bin: 2 bytes too long: expected 30730000");
    ck_assert_int_eq(truncate(path, FILE_BYTES), 0);
    refuses(evaluation, EXIT_DATA);
    says(errors, "data/test_batch.bin: record 1 of 10000, at byte 0: label 97: expected 0 to 9");
}
END_TEST

int main(int argc, char **argv)
{
    if (getenv("TINY_PROGRAM") != NULL)
        return tiny_program(argc, argv);
    Suite *suite = suite_create("messages");
    TCase *tcase = tcase_create("files");
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_set_timeout(tcase, 240);
    tcase_add_loop_test(tcase, bad_models_are_told_what_is_wrong, 0, 3);
    tcase_add_test(tcase, what_is_no_file_is_said_to_be_none);
    tcase_add_test(tcase, bad_checkpoints_are_told_what_is_wrong);
    tcase_add_test(tcase, bad_data_is_told_what_is_wrong);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
