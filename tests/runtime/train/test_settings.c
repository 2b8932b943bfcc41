/* test_settings.c - every setting goes to text and back, to the bit, and remembers who set it. */
#include <cJSON.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tiny_model.h"
#include "train/settings.h"

static struct settings settings;

static void init(void)
{
    settings_init(&settings, &tiny_model);
}

static void set(enum settings_key key, const char *text)
{
    struct err err = {0};
    ck_assert_msg(settings_set(&settings, key, text, SETTINGS_OPTION, "--x", &err), "%s",
                  err.message);
}

static void refused(enum settings_key key, const char *text, const char *message)
{
    struct err err = {0};
    struct settings before = settings;
    ck_assert_msg(!settings_set(&settings, key, text, SETTINGS_OPTION, "--x", &err), "%s", text);
    ck_assert_int_eq(err.code, EXIT_USAGE);
    ck_assert_str_eq(err.message, message);
    ck_assert_int_eq(memcmp(&before, &settings, sizeof before), 0);
}

START_TEST(defaults_come_from_the_model)
{
    ck_assert_str_eq(settings.out, "runs/tiny_bn");
    ck_assert_int_eq(settings.seed, 1);
    ck_assert_int_ge(settings.threads, 1);
    ck_assert_int_le(settings.threads, 16);
    ck_assert_int_eq(settings.recipe.epochs, tiny_model.recipe->epochs);
    ck_assert_int_eq(settings.source[SETTING_LR], SETTINGS_RECIPE);
    ck_assert_int_eq(settings.source[SETTING_SEED], SETTINGS_DEFAULT);
}
END_TEST

START_TEST(setting_remembers_the_source)
{
    set(SETTING_EPOCHS, "77");
    set(SETTING_LR, "0.3");
    set(SETTING_FLIP, "random");
    set(SETTING_NESTEROV, "on");
    set(SETTING_SEED, "9007199254740992");
    ck_assert_int_eq(settings.recipe.epochs, 77);
    ck_assert(settings.recipe.lr == 0.3f);
    ck_assert_int_eq(settings.recipe.flip, FLIP_RANDOM);
    ck_assert(settings.recipe.nesterov);
    ck_assert_int_eq(settings.seed, INT64_C(9007199254740992));
    ck_assert_int_eq(settings.source[SETTING_EPOCHS], SETTINGS_OPTION);
    ck_assert_int_eq(settings.source[SETTING_BATCH], SETTINGS_RECIPE);
}
END_TEST

START_TEST(bad_values_change_nothing)
{
    refused(SETTING_EPOCHS, "0", "--x: 0 is out of range: expected 1 to 100000");
    refused(SETTING_EPOCHS, "", "--x: '': expected an integer from 1 to 100000");
    refused(SETTING_EPOCHS, " 1", "--x: ' 1': expected an integer from 1 to 100000");
    refused(SETTING_EPOCHS, "1.5", "--x: '1.5': expected an integer from 1 to 100000");
    refused(SETTING_LR, "inf", "--x: inf is out of range: expected 0 to 1e+06");
    refused(SETTING_LR, "0.1,", "--x: '0.1,': expected a number from 0 to 1e+06");
    refused(SETTING_CROP, "1024", "--x: 1024 is out of range: expected 0 to 1023");
    refused(SETTING_FLIP, "Random",
            "--x: 'Random' (did you mean random?): expected one of none, random, alternating");
    refused(SETTING_SHUFFLE, "yes", "--x: 'yes': expected one of off, on");
    refused(SETTING_OUT, "", "--x: 0 characters: expected 1 to 1023");
}
END_TEST

/* What a recipe may not say, as the float that comes of it. */
START_TEST(open_ends_are_left_out)
{
    static const enum settings_key below[] = {SETTING_MOMENTUM, SETTING_LABEL_SMOOTHING};
    for (size_t i = 0; i < sizeof below / sizeof below[0]; i++) {
        set(below[i], "0");
        set(below[i], "0.99999994");
        refused(below[i], "1", "--x: 1 is out of range: expected from 0, below 1");
        refused(below[i], "0.99999999",
                "--x: 0.99999999 is out of range: expected from 0, below 1");
        refused(below[i], "1.5", "--x: 1.5 is out of range: expected 0 to 1");
    }
    set(SETTING_STEP_GAMMA, "1");
    set(SETTING_STEP_GAMMA, "0x1p-126");
    refused(SETTING_STEP_GAMMA, "0", "--x: 0 is out of range: expected above 0, at most 1");
    set(SETTING_WARMUP, "0");
    set(SETTING_WARMUP, "1");
    set(SETTING_CUTOUT, "1024");
    refused(SETTING_CUTOUT, "1025", "--x: 1025 is out of range: expected 0 to 1024");
}
END_TEST

START_TEST(floats_keep_their_bits)
{
    static const float values[] = {0.1f, 1.0f / 3.0f, 1e-30f, 5e-4f, 16777217.0f, 0.9f, 1e4f, 0.0f};
    char text[64];
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        settings_float_text(values[i], text, sizeof text);
        ck_assert_msg(strtof(text, NULL) == values[i], "%s", text);
    }
    ck_assert_str_eq(settings_float_text(0.1f, text, sizeof text), "0.1");
    ck_assert_str_eq(settings_float_text(1e4f, text, sizeof text), "10000");
}
END_TEST

/* 0x1p-126 is FLT_MIN; the next float below is one of those that kernels take for zero. */
START_TEST(the_smallest_float_is_taken)
{
    set(SETTING_LR, "0x1p-126");
    ck_assert(settings.recipe.lr == 0x1p-126f);
    refused(SETTING_LR, "0x1.fffffcp-127",
            "--x: 0x1.fffffcp-127 is too small for a float: expected 0, or 1.17549e-38 and more");
}
END_TEST

/* The metadata of a checkpoint, without `missing`. */
static struct safetensors saved(const struct settings *from, enum settings_key missing)
{
    static struct safetensors_meta metas[SETTING_COUNT];
    static char text[SETTING_COUNT][SETTINGS_TEXT_SIZE], name[] = "file";
    struct safetensors file = {.path = name, .metas = metas};
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum settings_key key = (enum settings_key)i;
        if (!settings_saved(from, key) || key == missing)
            continue;
        size_t at = file.meta_count++;
        while (at > 0 && strcmp(metas[at - 1].key, settings_name(key)) > 0) {
            metas[at] = metas[at - 1];
            at--;
        }
        metas[at] = (struct safetensors_meta){settings_name(key),
                                              settings_text(from, key, text[i], sizeof text[i])};
    }
    return file;
}

START_TEST(a_checkpoint_brings_them_back)
{
    struct err err = {0};
    set(SETTING_SEED, "12345678901");
    set(SETTING_LR, "0.123456789");
    set(SETTING_SCHEDULE, "step");
    set(SETTING_STEP_GAMMA, "0.3333333");
    set(SETTING_DROPOUT, "off");
    set(SETTING_THREADS, "3");
    struct settings from = settings;
    struct safetensors file = saved(&from, SETTING_COUNT);
    init();
    ck_assert_msg(settings_from_file(&settings, &file, &err), "%s", err.message);
    for (int i = 0; i < SETTING_COUNT; i++) {
        char is[SETTINGS_TEXT_SIZE], was[SETTINGS_TEXT_SIZE];
        if (settings_saved(&from, (enum settings_key)i))
            ck_assert_str_eq(settings_text(&settings, (enum settings_key)i, is, sizeof is),
                             settings_text(&from, (enum settings_key)i, was, sizeof was));
    }
    ck_assert(settings.recipe.lr == from.recipe.lr);
    ck_assert_int_eq(settings.seed, from.seed);
    ck_assert(!settings.dropout && settings.shuffle);
    ck_assert_int_eq(settings.source[SETTING_DROPOUT], SETTINGS_CHECKPOINT);
    ck_assert_int_eq(settings.source[SETTING_THREADS], SETTINGS_DEFAULT);
}
END_TEST

START_TEST(an_incomplete_checkpoint_is_refused)
{
    struct err err = {0};
    struct safetensors file = saved(&settings, SETTING_MOMENTUM);
    ck_assert(!settings_from_file(&settings, &file, &err));
    ck_assert_int_eq(err.code, EXIT_DATA);
    ck_assert_str_eq(err.message,
                     "file: metadata \"momentum\": missing: expected a checkpoint of a training");
    err = (struct err){0};
    file = saved(&settings, SETTING_COUNT);
    for (size_t i = 0; i < file.meta_count; i++) {
        if (strcmp(file.metas[i].key, "warmup") == 0)
            file.metas[i].value = "2";
    }
    ck_assert(!settings_from_file(&settings, &file, &err));
    ck_assert_int_eq(err.code, EXIT_DATA);
    ck_assert_str_eq(err.message, "file: metadata \"warmup\": 2 is out of range: expected 0 to 1");
}
END_TEST

START_TEST(only_what_applies_is_shown)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    ck_assert(settings_applies(&settings, SETTING_WARMUP)); /* the recipe says onecycle */
    ck_assert(!settings_applies(&settings, SETTING_STEP_GAMMA));
    set(SETTING_SCHEDULE, "step");
    set(SETTING_AUGMENT, "off");
    settings_print(&settings, out, "> ");
    fclose(out);
    ck_assert_ptr_nonnull(strstr(text, "> setting           value         source\n"));
    ck_assert_ptr_nonnull(strstr(text, "> schedule          step          option\n"));
    ck_assert_ptr_nonnull(strstr(text, "> step_gamma "));
    ck_assert_ptr_null(strstr(text, "warmup"));
    ck_assert_ptr_null(strstr(text, "cutout"));
    ck_assert_ptr_null(strstr(text, "resume"));
    free(text);

    cJSON *json = settings_json(&settings);
    ck_assert_ptr_nonnull(json);
    const cJSON *lr = cJSON_GetObjectItemCaseSensitive(json, "lr");
    ck_assert(cJSON_GetObjectItemCaseSensitive(lr, "value")->valuedouble == 0.1);
    ck_assert_str_eq(cJSON_GetObjectItemCaseSensitive(lr, "source")->valuestring, "recipe");
    const cJSON *augment = cJSON_GetObjectItemCaseSensitive(json, "augment");
    ck_assert(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(augment, "value")));
    ck_assert_ptr_null(cJSON_GetObjectItemCaseSensitive(json, "warmup"));
    cJSON_Delete(json);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("settings");
    TCase *all = tcase_create("settings");
    tcase_add_checked_fixture(all, init, NULL);
    tcase_add_test(all, defaults_come_from_the_model);
    tcase_add_test(all, setting_remembers_the_source);
    tcase_add_test(all, bad_values_change_nothing);
    tcase_add_test(all, open_ends_are_left_out);
    tcase_add_test(all, floats_keep_their_bits);
    tcase_add_test(all, the_smallest_float_is_taken);
    tcase_add_test(all, a_checkpoint_brings_them_back);
    tcase_add_test(all, an_incomplete_checkpoint_is_refused);
    tcase_add_test(all, only_what_applies_is_shown);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
