/* test_log.c - lines that programs read: their keys, and what resuming keeps of them. */
#include <cJSON.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file/log.h"

enum { TEXT_SIZE = 4096 };

static char folder[256], path[300], text[TEXT_SIZE];
static struct log logs;
static struct err err;

static void make_folder(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/test_log.XXXXXX", base != NULL ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    err = (struct err){0};
}

static const char *file(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void remove_folder(void)
{
    unlink(file("log.jsonl"));
    unlink(file("log.csv"));
    rmdir(folder);
}

static const char *contents(const char *name)
{
    FILE *in = fopen(file(name), "rb");
    ck_assert_ptr_nonnull(in);
    size_t n = fread(text, 1, sizeof text - 1, in);
    text[n] = '\0';
    fclose(in);
    return text;
}

static void append(const char *name, const char *what)
{
    FILE *out = fopen(file(name), "ab");
    ck_assert(out != NULL && fputs(what, out) >= 0);
    fclose(out);
}

static void open_log(const struct log_position *position, bool synthetic)
{
    ck_assert_msg(log_open(&logs, folder, position,
                           (struct log_kind){.format = "cifar10", .synthetic = synthetic}, &err),
                  "%s", err.message);
}

static void add_epoch(int epoch)
{
    const struct log_epoch line = {.epoch = epoch,
                                   .lr = 0.1f,
                                   .train_loss = 1.25,
                                   .train_acc = 50.5,
                                   .test_loss = 1.0 / 3.0,
                                   .test_acc = 60.123456,
                                   .seconds = 2.5,
                                   .images_per_s = 20000.04};
    ck_assert_msg(log_epoch(&logs, &line, &err), "%s", err.message);
}

static void close_log(void)
{
    ck_assert_msg(log_close(&logs, &err), "%s", err.message);
}

#define NUMBERS                                                                                    \
    "\"lr\":0.1,\"train_loss\":1.25,\"train_acc\":50.5,\"test_loss\":0.333333,\"test_acc\":"       \
    "60.1235,\"seconds\":2.5,\"images_per_s\":20000"
#define HEADER "epoch,lr,train_loss,train_acc,test_loss,test_acc,seconds,images_per_s,data\n"
#define ROW "0.1,1.25,50.5,0.333333,60.1235,2.5,20000,"

START_TEST(an_epoch_has_the_promised_keys)
{
    open_log(NULL, false);
    add_epoch(1);
    ck_assert_str_eq(contents("log.jsonl"), "{\"event\":\"epoch\",\"epoch\":1," NUMBERS "}\n");
    ck_assert_str_eq(contents("log.csv"), HEADER "1," ROW "cifar10\n");
    close_log();
}
END_TEST

START_TEST(synthetic_marks_every_line)
{
    open_log(NULL, true);
    ck_assert(log_event(&logs, cJSON_CreateObject(), "start", &err));
    ck_assert(log_step(&logs, 3, 2.5, &err));
    add_epoch(1);
    close_log();
    ck_assert_str_eq(contents("log.jsonl"),
                     "{\"event\":\"start\",\"data\":\"SYNTHETIC\"}\n"
                     "{\"event\":\"step\",\"step\":3,\"loss\":2.5,\"data\":\"SYNTHETIC\"}\n"
                     "{\"event\":\"epoch\",\"epoch\":1," NUMBERS ",\"data\":\"SYNTHETIC\"}\n");
    ck_assert_str_eq(contents("log.csv"), HEADER "1," ROW "SYNTHETIC\n");
}
END_TEST

START_TEST(what_is_held_out_has_names_of_its_own)
{
    const struct log_kind kind = {.format = "cifar100", .validates = true};
    ck_assert_msg(log_open(&logs, folder, NULL, kind, &err), "%s", err.message);
    add_epoch(1);
    close_log();
    ck_assert_ptr_nonnull(strstr(contents("log.jsonl"), ",\"val_loss\":0.333333,\"val_acc\":60"));
    ck_assert_ptr_null(strstr(contents("log.jsonl"), "test_"));
    ck_assert_ptr_nonnull(strstr(contents("log.csv"), ",train_acc,val_loss,val_acc,seconds,"));
}
END_TEST

START_TEST(an_event_begins_with_its_name)
{
    open_log(NULL, false);
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddStringToObject(fields, "reason", "a \"b\"\n");
    ck_assert(log_event(&logs, fields, "end", &err));
    close_log();
    ck_assert_str_eq(contents("log.jsonl"), "{\"event\":\"end\",\"reason\":\"a \\\"b\\\"\\n\"}\n");
}
END_TEST

START_TEST(resuming_cuts_what_came_after)
{
    open_log(NULL, false);
    for (int epoch = 1; epoch <= 3; epoch++) {
        ck_assert(log_step(&logs, 2 * epoch - 1, 0.5, &err));
        ck_assert(log_step(&logs, 2 * epoch, 0.5, &err));
        add_epoch(epoch);
    }
    close_log();
    char jsonl[TEXT_SIZE];
    snprintf(jsonl, sizeof jsonl, "%s", contents("log.jsonl"));

    open_log(&(struct log_position){3, 6}, false); /* nothing is later */
    close_log();
    ck_assert_str_eq(contents("log.jsonl"), jsonl);

    open_log(&(struct log_position){1, 3}, false); /* in the middle of epoch 2 */
    ck_assert(log_step(&logs, 4, 0.5, &err));
    add_epoch(2);
    close_log();
    strstr(jsonl, "{\"event\":\"step\",\"step\":5")[0] = '\0';
    ck_assert_str_eq(contents("log.jsonl"), jsonl);
    ck_assert_str_eq(contents("log.csv"), HEADER "1," ROW "cifar10\n2," ROW "cifar10\n");
}
END_TEST

START_TEST(resuming_cuts_half_a_line_only)
{
    open_log(NULL, false);
    add_epoch(1);
    close_log();
    append("log.jsonl", "not JSON\n{\"event\":\"sta");
    append("log.csv", "2,0.1");
    open_log(&(struct log_position){1, 9}, false);
    close_log();
    ck_assert_str_eq(contents("log.jsonl"),
                     "{\"event\":\"epoch\",\"epoch\":1," NUMBERS "}\nnot JSON\n");
    ck_assert_str_eq(contents("log.csv"), HEADER "1," ROW "cifar10\n");
}
END_TEST

/* Lines that tell no epoch or step as a number are nobody's reason to cut. */
START_TEST(resuming_keeps_lines_of_others)
{
    static const char lines[] = "{\"event\":\"epoch\",\"epoch\":\"9\"}\n"
                                "{\"event\":\"step\",\"step\":\"9\"}\n"
                                "{\"event\":\"epoch\"}\n"
                                "{\"event\":\"step\"}\n"
                                "{\"event\":9,\"step\":9}\n"
                                "{\"epoch\":9}\n";
    open_log(NULL, false);
    close_log();
    append("log.jsonl", lines);
    append("log.jsonl", "{\"event\":\"epoch\",\"epoch\":9}\n");
    open_log(&(struct log_position){1, 1}, false);
    close_log();
    ck_assert_str_eq(contents("log.jsonl"), lines);
}
END_TEST

START_TEST(resuming_without_a_log_begins_one)
{
    open_log(&(struct log_position){4, 9}, false);
    add_epoch(5);
    close_log();
    ck_assert_str_eq(contents("log.csv"), HEADER "5," ROW "cifar10\n");
}
END_TEST

/* A log without an end would be read until memory is. */
START_TEST(what_is_no_file_is_not_gone_on_with)
{
    const struct log_position position = {1, 1};
    ck_assert_int_eq(symlink("/dev/full", file("log.jsonl")), 0);
    ck_assert(!log_open(&logs, folder, &position, (struct log_kind){0}, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "log.jsonl: cannot write: not a regular file"));
}
END_TEST

START_TEST(a_failed_write_is_an_error)
{
    ck_assert(!log_open(&logs, "/nowhere", NULL, (struct log_kind){0}, &err));
    ck_assert_str_eq(err.message, "/nowhere/log.jsonl: cannot write: No such file or directory");
    err = (struct err){0};
    ck_assert_int_eq(symlink("/dev/full", file("log.jsonl")), 0);
    open_log(NULL, false);
    ck_assert(!log_step(&logs, 1, 2.0, &err));
    ck_assert_int_eq(err.code, EXIT_FAILED);
    ck_assert_ptr_nonnull(strstr(err.message, "log.jsonl: cannot write: No space left on device"));
    log_close(&logs, &err);
}
END_TEST

/* A path need not be text, a line of JSON must. */
START_TEST(a_line_is_utf8)
{
    open_log(NULL, false);
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddStringToObject(fields, "source", "\xc3\xa9 \xe9 \xed\xa0\x80");
    ck_assert_msg(log_event(&logs, fields, "start", &err), "%s", err.message);
    close_log();
    ck_assert_str_eq(contents("log.jsonl"),
                     "{\"event\":\"start\",\"source\":\"\xc3\xa9 ? ???\"}\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *lines = tcase_create("lines");
    tcase_add_checked_fixture(lines, make_folder, remove_folder);
    tcase_add_test(lines, an_epoch_has_the_promised_keys);
    tcase_add_test(lines, synthetic_marks_every_line);
    tcase_add_test(lines, what_is_held_out_has_names_of_its_own);
    tcase_add_test(lines, an_event_begins_with_its_name);
    tcase_add_test(lines, a_line_is_utf8);
    tcase_add_test(lines, resuming_cuts_what_came_after);
    tcase_add_test(lines, resuming_cuts_half_a_line_only);
    tcase_add_test(lines, resuming_keeps_lines_of_others);
    tcase_add_test(lines, resuming_without_a_log_begins_one);
    tcase_add_test(lines, what_is_no_file_is_not_gone_on_with);
    tcase_add_test(lines, a_failed_write_is_an_error);
    suite_add_tcase(suite, lines);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
