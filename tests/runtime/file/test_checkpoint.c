/* test_checkpoint.c - a training comes back from its checkpoint, and only from its own. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file/checkpoint.h"
#include "saved_run.h"

static bool same(const float *a, const float *b, size_t count)
{
    return memcmp(a, b, count * sizeof(float)) == 0;
}

START_TEST(everything_comes_back)
{
    struct err err = {0};
    struct checkpoint_counters loaded;
    save();
    struct safetensors file = read_back();
    struct run old = run;
    open_run();
    ck_assert_msg(checkpoint_fits(&file, &tiny_model, &err), "%s", err.message);
    ck_assert_msg(checkpoint_load(&file, &run, &loaded, &err), "%s", err.message);
    ck_assert(same(run.store.param, old.store.param, TINY_PARAM_FLOATS));
    ck_assert(same(run.store.momentum, old.store.momentum, TINY_PARAM_FLOATS));
    ck_assert(same(run.store.state, old.store.state, TINY_STATE_FLOATS));
    ck_assert_int_eq(run.store.batches, 47);
    ck_assert_int_eq(memcmp(&loaded, &counters, sizeof loaded), 0);
    safetensors_close(&file);
    run_close(&old);
}
END_TEST

START_TEST(names_and_shapes_are_those_of_pytorch)
{
    static const struct {
        const char *name, *shape;
    } expected[] = {
        {"fc.weight", "F32 [10, 48]"},
        {"fc.bias", "F32 [10]"},
        {"norm1.weight", "F32 [3]"},
        {"norm1.bias", "F32 [3]"},
        {"norm1.running_mean", "F32 [3]"},
        {"norm1.running_var", "F32 [3]"},
        {"norm1.num_batches_tracked", "I64 []"},
        {"optim.momentum.fc.weight", "F32 [10, 48]"},
        {"train.step", "I64 []"},
        {"train.loss", "F64 []"},
    };
    save();
    struct safetensors file = read_back();
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        char text[100];
        const struct safetensor *tensor = safetensors_find(&file, expected[i].name);
        ck_assert_msg(tensor != NULL, "%s", expected[i].name);
        ck_assert_str_eq(safetensors_describe(text, sizeof text, tensor), expected[i].shape);
    }
    ck_assert_uint_eq(file.count, 8 + 1 + TINY_PARAMS + TINY_STATES + TINY_PARAMS);
    safetensors_close(&file);
}
END_TEST

/* What load_state_dict takes in strict mode: these names and no other. */
START_TEST(a_model_has_the_keys_of_a_state_dict)
{
    static const char *const tracked[] = {"fc.bias",
                                          "fc.weight",
                                          "norm1.bias",
                                          "norm1.num_batches_tracked",
                                          "norm1.running_mean",
                                          "norm1.running_var",
                                          "norm1.weight"};
    static const char *const plain[] = {"fc.bias", "fc.weight", "norm1.bias", "norm1.weight"};
    struct layer layers[5];
    struct model bn = tiny_model, ghosts = tiny_model, gn = tiny_model;
    memcpy(layers, tiny_layers, sizeof layers);
    layers[2].ghost = 50;
    ghosts.layers = layers;
    gn.states = NULL; /* no statistics to track */
    gn.state_count = 0;
    const struct {
        const struct model *model;
        const char *const *names;
        size_t count;
    } kinds[] = {{&bn, tracked, 7}, {&ghosts, tracked, 7}, {&gn, plain, 4}};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        struct err err = {0};
        run.model = kinds[k].model;
        ck_assert_msg(checkpoint_save_model(path, &run, metas, 2, &err), "%s", err.message);
        struct safetensors file = read_back();
        ck_assert_uint_eq(file.count, kinds[k].count);
        for (size_t i = 0; i < file.count; i++)
            ck_assert_str_eq(file.tensors[i].name, kinds[k].names[i]);
        ck_assert_str_eq(safetensors_meta(&file, "network"), "tiny");
        ck_assert(checkpoint_is_model(&file));
        const struct safetensor *seen = safetensors_find(&file, "norm1.num_batches_tracked");
        if (seen != NULL) {
            int64_t batches;
            ck_assert(safetensors_check(&file, seen, SAFETENSORS_I64, 0, NULL, &err));
            memcpy(&batches, seen->data, sizeof batches);
            ck_assert_int_eq(batches, 47);
        }
        safetensors_close(&file);
    }
    run.model = &tiny_model;
    save();
    struct safetensors file = read_back();
    ck_assert(!checkpoint_is_model(&file));
    safetensors_close(&file);
}
END_TEST

START_TEST(params_alone_leave_the_rest)
{
    struct err err = {0};
    save();
    struct safetensors file = read_back();
    struct run old = run;
    open_run();
    run_init_params(&run, 9);
    ck_assert_msg(checkpoint_load_params(&file, &run, &err), "%s", err.message);
    ck_assert(same(run.store.param, old.store.param, TINY_PARAM_FLOATS));
    ck_assert(run.store.state[0] == 0.0f && run.store.momentum[0] == 0.0f);
    ck_assert_msg(checkpoint_load_model(&file, &run, &err), "%s", err.message);
    ck_assert(same(run.store.state, old.store.state, TINY_STATE_FLOATS));
    ck_assert(run.store.momentum[0] == 0.0f);
    safetensors_close(&file);
    run_close(&old);
}
END_TEST

/* -- Files that do not fit --------------------------------------------------------------------- */

static void does_not_fit(const char *message)
{
    struct err err = {0};
    struct safetensors file = read_back();
    ck_assert(!checkpoint_fits(&file, &tiny_model, &err));
    ck_assert_int_eq(err.code, EXIT_DATA);
    ck_assert_msg(strstr(err.message, message) != NULL, "got \"%s\", expected \"%s\"", err.message,
                  message);
    safetensors_close(&file);
}

START_TEST(another_network_is_named)
{
    struct err err = {0};
    const struct safetensors_meta others[] = {{"network", "tiny"}, {"norm", "gn"}};
    ck_assert(checkpoint_save(path, NULL, &run, &counters, others, 2, &err));
    does_not_fit("made by network tiny with norm gn: expected tiny with norm bn");
    const struct safetensors_meta network[] = {{"network", "large"}}, norm[] = {{"norm", "gn"}};
    ck_assert(checkpoint_save(path, NULL, &run, &counters, network, 1, &err));
    does_not_fit("made by network large with norm ?: expected tiny with norm bn");
    ck_assert(checkpoint_save(path, NULL, &run, &counters, norm, 1, &err));
    does_not_fit("made by network ? with norm gn: expected tiny with norm bn");
}
END_TEST

START_TEST(all_differences_are_told_together)
{
    static const float zeros[1000];
    const struct safetensor tensors[] = {
        {"norm1.weight", SAFETENSORS_F32, 1, {3}, zeros},
        {"norm1.bias", SAFETENSORS_F32, 1, {4}, zeros},
        {"fc.weight", SAFETENSORS_F64, 2, {10, 48}, zeros},
        {"norm1.running_mean", SAFETENSORS_F32, 1, {3}, zeros},
        {"norm1.running_var", SAFETENSORS_F32, 1, {3}, zeros},
        {"fc2.weight", SAFETENSORS_F32, 1, {1}, zeros},
        {"optim.whatever", SAFETENSORS_F32, 1, {1}, zeros},
    };
    struct err err = {0};
    ck_assert(safetensors_save(path, NULL, tensors, 7, NULL, 0, &err));
    does_not_fit("does not fit: expected network tiny with norm bn, 5 differences:\n"
                 "  norm1.bias is F32 [4]: expected F32 [3]\n"
                 "  fc.weight is F64 [10, 48]: expected F32 [10, 48]\n"
                 "  fc.bias is missing\n"
                 "  fc2.weight is not in this network\n"
                 "  optim.whatever is not in this network");
}
END_TEST

/* As many as have room; all are counted. */
START_TEST(many_differences_are_counted)
{
    enum { MANY = 40 };
    char names[MANY][40];
    struct safetensor tensors[MANY];
    const float zero = 0.0f;
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "a_layer_of_another_network%02d.weight", i);
        tensors[i] = (struct safetensor){names[i], SAFETENSORS_F32, 1, {1}, &zero};
    }
    struct err err = {0};
    ck_assert(safetensors_save(path, NULL, tensors, MANY, NULL, 0, &err));
    does_not_fit("norm bn, 46 differences:\n  norm1.weight is missing\n");
    struct safetensors file = read_back();
    ck_assert(!checkpoint_fits(&file, &tiny_model, &err));
    ck_assert_str_eq(strrchr(err.message, ' '), " network");
    safetensors_close(&file);
}
END_TEST

START_TEST(one_difference_is_one)
{
    const struct safetensor tensors[] = {
        {"norm1.weight", SAFETENSORS_F32, 1, {3}, run.store.param},
        {"norm1.bias", SAFETENSORS_F32, 1, {3}, run.store.param},
        {"fc.weight", SAFETENSORS_F32, 2, {10, 48}, run.store.param},
        {"norm1.running_mean", SAFETENSORS_F32, 1, {3}, run.store.state},
        {"norm1.running_var", SAFETENSORS_F32, 1, {3}, run.store.state},
    };
    struct err err = {0};
    ck_assert(safetensors_save(path, NULL, tensors, 5, NULL, 0, &err));
    does_not_fit("norm bn, 1 difference:\n  fc.bias is missing");
    ck_assert(safetensors_save(path, NULL, tensors, 4, NULL, 0, &err));
    does_not_fit("norm bn, 2 differences:\n");
}
END_TEST

START_TEST(a_model_is_no_checkpoint)
{
    const struct safetensor tensors[] = {
        {"norm1.weight", SAFETENSORS_F32, 1, {3}, run.store.param},
        {"norm1.bias", SAFETENSORS_F32, 1, {3}, run.store.param},
        {"fc.weight", SAFETENSORS_F32, 2, {10, 48}, run.store.param},
        {"fc.bias", SAFETENSORS_F32, 1, {10}, run.store.param},
        {"norm1.running_mean", SAFETENSORS_F32, 1, {3}, run.store.state},
        {"norm1.running_var", SAFETENSORS_F32, 1, {3}, run.store.state},
    };
    struct err err = {0};
    struct checkpoint_counters loaded;
    ck_assert(safetensors_save(path, NULL, tensors, 6, NULL, 0, &err));
    struct safetensors file = read_back();
    ck_assert_msg(checkpoint_fits(&file, &tiny_model, &err), "%s", err.message);
    ck_assert(!checkpoint_load(&file, &run, &loaded, &err));
    ck_assert_int_eq(err.code, EXIT_DATA);
    ck_assert_ptr_nonnull(strstr(err.message, "tensor \"train.epoch\" is missing: expected a "
                                              "checkpoint of a training"));
    safetensors_close(&file);
}
END_TEST

/* The average of each parameter and statistic belongs to a training that has averages. */
START_TEST(each_average_is_needed)
{
    enum { AVERAGES = TINY_PARAMS + TINY_STATES };
    const struct recipe recipe = {.batch = 100, .lr = 0.1f, .momentum = 0.9f, .ema = 0.5f};
    struct err err = {0};
    ck_assert_msg(run_recipe(&run, &recipe, &err), "%s", err.message);
    run_average(&run, 0);
    for (int i = 0; i < AVERAGES; i++) {
        const char *plain =
            i < TINY_PARAMS ? tiny_params[i].name : tiny_states[i - TINY_PARAMS].name;
        char name[100], message[200];
        snprintf(name, sizeof name, "ema.%s", plain);
        snprintf(message, sizeof message, "tensor \"%s\" is missing", name);
        save();
        struct safetensors file = read_back();
        struct safetensor rest[100];
        size_t count = 0;
        for (size_t k = 0; k < file.count; k++) {
            if (strcmp(file.tensors[k].name, name) != 0)
                rest[count++] = file.tensors[k];
        }
        ck_assert_uint_eq(count + 1, file.count);
        ck_assert(safetensors_save(path, NULL, rest, count, metas, 2, &err));
        safetensors_close(&file);
        file = read_back();
        struct checkpoint_counters loaded;
        struct err wrong = {0};
        ck_assert_msg(!checkpoint_load(&file, &run, &loaded, &wrong), "without %s", name);
        ck_assert_int_eq(wrong.code, EXIT_DATA);
        ck_assert_msg(strstr(wrong.message, message) != NULL, "%s", wrong.message);
        safetensors_close(&file);
    }
}
END_TEST

/* Which tensor of the file it is, and where; each way of loading reads its own. */
START_TEST(numbers_that_are_not_finite_are_refused)
{
    struct err errs[3] = {{0}};
    struct checkpoint_counters loaded;
    run.store.param[tiny_params[2].offset + 479] = NAN;
    save();
    struct safetensors file = read_back();
    ck_assert(!checkpoint_load_params(&file, &run, &errs[0]));
    ck_assert(!checkpoint_load_model(&file, &run, &errs[1]));
    ck_assert(!checkpoint_load(&file, &run, &loaded, &errs[2]));
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(errs[i].code, EXIT_DATA);
        ck_assert_ptr_nonnull(strstr(errs[i].message,
                                     "last.safetensors: tensor \"fc.weight\": element 479 is nan: "
                                     "expected finite numbers"));
    }
    safetensors_close(&file);
    run_init_params(&run, 1);
    run.store.state[tiny_states[1].offset] = -INFINITY;
    save();
    file = read_back();
    memset(errs, 0, sizeof errs);
    ck_assert(checkpoint_load_params(&file, &run, &errs[0])); /* statistics are not its own */
    ck_assert(!checkpoint_load_model(&file, &run, &errs[1]));
    ck_assert_ptr_nonnull(strstr(errs[1].message, "\"norm1.running_var\": element 0 is infinite"));
    safetensors_close(&file);
    run_init_params(&run, 1);
    run.store.momentum[tiny_params[0].offset + 2] = INFINITY;
    save();
    file = read_back();
    ck_assert(checkpoint_load_model(&file, &run, &errs[0]));
    ck_assert(!checkpoint_load(&file, &run, &loaded, &errs[2]));
    ck_assert_ptr_nonnull(
        strstr(errs[2].message, "\"optim.momentum.norm1.weight\": element 2 is infinite"));
    safetensors_close(&file);
}
END_TEST

/* A tensor of another shape, where a checkpoint needs it, and what is no number in an average. */
START_TEST(what_is_kept_has_its_shape)
{
    static const char *const names[] = {"train.epoch", "optim.momentum.fc.weight", "ema.fc.bias",
                                        "ema.norm1.running_var", "norm1.num_batches_tracked"};
    const struct recipe recipe = {.batch = 100, .lr = 0.1f, .momentum = 0.9f, .ema = 0.5f};
    struct err err = {0};
    struct checkpoint_counters loaded;
    ck_assert_msg(run_recipe(&run, &recipe, &err), "%s", err.message);
    run_average(&run, 0);
    save();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char message[100];
        struct safetensors file = read_back();
        for (size_t k = 0; k < file.count; k++)
            if (strcmp(file.tensors[k].name, names[i]) == 0)
                file.tensors[k].rank = file.tensors[k].rank == 1 ? 2 : 1;
        snprintf(message, sizeof message, "tensor \"%s\" is ", names[i]);
        err = (struct err){0};
        ck_assert(!checkpoint_load(&file, &run, &loaded, &err));
        ck_assert_int_eq(err.code, EXIT_DATA);
        ck_assert_msg(strstr(err.message, message) != NULL, "%s", err.message);
        safetensors_close(&file);
    }
    run.store.ema[tiny_params[3].offset + 2] = NAN;
    save();
    struct safetensors file = read_back();
    err = (struct err){0};
    ck_assert(!checkpoint_load(&file, &run, &loaded, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "\"ema.fc.bias\": element 2 is nan"));
    safetensors_close(&file);
}
END_TEST

/* A state may have a name that is shorter than those of a norm. */
START_TEST(names_of_states_are_of_any_length)
{
    static const struct state states[] = {{"v", 0, 3, 0.0f}};
    struct model other = tiny_model;
    other.states = states;
    other.state_count = 1;
    ck_assert(checkpoint_knows(&other, "v"));
    ck_assert(checkpoint_knows(&other, "ema.v"));
    ck_assert(checkpoint_knows(&other, "train.step"));
    ck_assert(!checkpoint_knows(&other, "norm1.num_batches_tracked"));
    ck_assert(checkpoint_knows(&tiny_model, "norm1.num_batches_tracked"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("checkpoint");
    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, setup, teardown);
    tcase_set_timeout(files, 30);
    tcase_add_test(files, everything_comes_back);
    tcase_add_test(files, names_and_shapes_are_those_of_pytorch);
    tcase_add_test(files, a_model_has_the_keys_of_a_state_dict);
    tcase_add_test(files, params_alone_leave_the_rest);
    tcase_add_test(files, another_network_is_named);
    tcase_add_test(files, all_differences_are_told_together);
    tcase_add_test(files, many_differences_are_counted);
    tcase_add_test(files, one_difference_is_one);
    tcase_add_test(files, what_is_kept_has_its_shape);
    tcase_add_test(files, names_of_states_are_of_any_length);
    tcase_add_test(files, a_model_is_no_checkpoint);
    tcase_add_test(files, numbers_that_are_not_finite_are_refused);
    tcase_add_test(files, each_average_is_needed);
    suite_add_tcase(suite, files);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
