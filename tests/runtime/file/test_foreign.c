/* test_foreign.c - weights of other programs: every number and every prefix, and what fits of a
 * file that does not. */
#include <float.h>
#include <math.h>

#include "file/checkpoint.h"
#include "file/foreign.h"
#include "tiny_program.h"

/* -- Numbers ----------------------------------------------------------------------------------- */

/* By the definition: sign, exponent and fraction of IEEE 754. */
static double by_definition(unsigned bits, int fraction_bits, int bias, int most)
{
    const double sign = bits >> 15 ? -1.0 : 1.0;
    const int exponent = (int)(bits >> fraction_bits) & most;
    const double fraction =
        (double)(bits & ((1U << fraction_bits) - 1)) / (double)(1U << fraction_bits);
    if (exponent == most)
        return fraction > 0.0 ? (double)NAN : sign * HUGE_VAL;
    return exponent == 0 ? sign * ldexp(fraction, 1 - bias)
                         : sign * ldexp(1.0 + fraction, exponent - bias);
}

static void same(double found, double wanted, unsigned bits)
{
    ck_assert_msg((isnan(found) && isnan(wanted)) ||
                      (found <= wanted && found >= wanted && !signbit(found) == !signbit(wanted)),
                  "%04x: %a, not %a", bits, found, wanted);
}

START_TEST(every_number_of_16_bits_is_itself)
{
    for (unsigned bits = 0; bits < 65536; bits++) {
        same((double)foreign_from_f16((uint16_t)bits), by_definition(bits, 10, 15, 31), bits);
        same((double)foreign_from_bf16((uint16_t)bits), by_definition(bits, 7, 127, 255), bits);
    }
}
END_TEST

/* -- Files ------------------------------------------------------------------------------------- */

enum { MOST = 16, NAME = 100 };

/* The tensors of a model of tiny_model's, to be changed and saved. */
struct model_copy {
    struct safetensors file;
    struct safetensor tensors[MOST];
    char names[MOST][NAME];
    void *numbers[MOST];
    size_t count;
};

static void open_copy(struct model_copy *copy)
{
    char path[2 * PATH_SIZE];
    struct err err = {0};
    *copy = (struct model_copy){.count = 0};
    put_path(path, "here/best.safetensors");
    ck_assert_msg(safetensors_open(&copy->file, path, &err), "%s", err.message);
    copy->count = copy->file.count;
    ck_assert_uint_le(copy->count, MOST);
    for (size_t i = 0; i < copy->count; i++) {
        copy->tensors[i] = copy->file.tensors[i];
        snprintf(copy->names[i], NAME, "%s", copy->tensors[i].name);
        copy->tensors[i].name = copy->names[i];
    }
}

static void save_copy(struct model_copy *copy)
{
    char path[2 * PATH_SIZE];
    struct err err = {0};
    put_path(path, "other.safetensors");
    ck_assert_msg(safetensors_save(path, NULL, copy->tensors, copy->count, NULL, 0, &err), "%s",
                  err.message);
    for (size_t i = 0; i < copy->count; i++)
        free(copy->numbers[i]);
    safetensors_close(&copy->file);
}

static void put_before_names(struct model_copy *copy, const char *prefix)
{
    for (size_t i = 0; i < copy->count; i++)
        snprintf(copy->names[i], NAME, "%s%s", prefix, copy->file.tensors[i].name);
}

/* Doubles that round to the floats, the upper halves of the floats, or nearly them in 16 bits. */
static void change_type(struct model_copy *copy, size_t i, enum safetensors_dtype dtype)
{
    struct safetensor *t = &copy->tensors[i];
    const size_t count = safetensors_bytes(t) / sizeof(float);
    double *doubles = copy->numbers[i] = malloc(count * sizeof(double));
    uint16_t *halves = copy->numbers[i];
    const float *floats = t->data;
    for (size_t k = 0; k < count; k++) {
        float value;
        uint32_t bits;
        memcpy(&value, (const char *)floats + k * sizeof value, sizeof value);
        memcpy(&bits, &value, sizeof bits);
        if (dtype == SAFETENSORS_F64)
            doubles[k] = (double)value * (1.0 + 0x1p-26);
        else
            halves[k] = (uint16_t)(bits >> 16);
    }
    t->dtype = dtype;
    t->data = copy->numbers[i];
}

static bool is_float(const struct safetensor *tensor)
{
    return tensor->dtype == SAFETENSORS_F32;
}

/* What foreign_adapt says of other.safetensors; the parameters afterwards, in the store. */
static void adapt(char said[FOREIGN_SAID_SIZE], struct run *run_state)
{
    char path[2 * PATH_SIZE];
    struct safetensors file = {0};
    struct err err = {0};
    put_path(path, "other.safetensors");
    ck_assert(run_open(run_state, &tiny_model, &tiny_backend, 1, &err));
    bool ok =
        safetensors_open(&file, path, &err) && foreign_adapt(&file, &tiny_model, said, &err) &&
        checkpoint_fits(&file, &tiny_model, &err) && checkpoint_load_params(&file, run_state, &err);
    ck_assert_msg(ok, "%s", err.message);
    safetensors_close(&file);
}

/* The parameters of here/best.safetensors. */
static void load_own(float params[TINY_PARAM_FLOATS])
{
    char path[2 * PATH_SIZE];
    struct safetensors file = {0};
    struct err err = {0};
    put_path(path, "here/best.safetensors");
    ck_assert(safetensors_open(&file, path, &err));
    for (int i = 0; i < TINY_PARAMS; i++) {
        const struct safetensor *t = safetensors_find(&file, tiny_params[i].name);
        memcpy(params + tiny_params[i].offset, t->data, safetensors_bytes(t));
    }
    safetensors_close(&file);
}

/* These bits of each number. */
static void expect_params(const struct run *state, const float own[TINY_PARAM_FLOATS],
                          uint32_t mask)
{
    for (int i = 0; i < TINY_PARAMS; i++) {
        const struct param *param = &tiny_params[i];
        for (size_t k = param->offset; k < param->offset + param->count; k++) {
            uint32_t found, bits;
            memcpy(&found, &state->store.param[k], sizeof found);
            memcpy(&bits, &own[k], sizeof bits);
            ck_assert_uint_eq(found, bits & mask);
        }
    }
}

START_TEST(doubles_and_halves_become_floats)
{
    struct model_copy copy;
    struct run state;
    char said[FOREIGN_SAID_SIZE];
    float own[TINY_PARAM_FLOATS];
    load_own(own);
    for (int round = 0; round < 2; round++) {
        const bool doubles = round == 0;
        open_copy(&copy);
        int changed = 0;
        for (size_t i = 0; i < copy.count; i++) {
            if (is_float(&copy.tensors[i]) && ++changed > 0)
                change_type(&copy, i, doubles ? SAFETENSORS_F64 : SAFETENSORS_BF16);
        }
        save_copy(&copy);
        adapt(said, &state);
        char wanted[100];
        snprintf(wanted, sizeof wanted, "%d tensors of %s made F32", changed,
                 doubles ? "F64" : "BF16");
        ck_assert_str_eq(said, wanted);
        expect_params(&state, own, doubles ? UINT32_MAX : 0xffff0000U);
        run_close(&state);
    }
}
END_TEST

START_TEST(prefixes_go_in_any_order)
{
    static const struct {
        const char *prefix, *said;
    } cases[] = {
        {"", ""},
        {"module.", "\"module.\" taken from the beginning of every name"},
        {"_orig_mod.module.model.module.",
         "\"_orig_mod.\" taken from the beginning of every name, \"module.\" taken from the "
         "beginning of every name, \"model.\" taken from the beginning of every name, \"module.\" "
         "taken from the beginning of every name"},
    };
    float own[TINY_PARAM_FLOATS];
    load_own(own);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model_copy copy;
        struct run state;
        char said[FOREIGN_SAID_SIZE];
        open_copy(&copy);
        put_before_names(&copy, cases[i].prefix);
        save_copy(&copy);
        adapt(said, &state);
        ck_assert_str_eq(said, cases[i].said);
        expect_params(&state, own, UINT32_MAX);
        run_close(&state);
    }
}
END_TEST

#define TRAIN "train --data synthetic --threads 1 --max-steps 1 --out o --init other.safetensors"

START_TEST(a_prefix_that_not_all_have_stays)
{
    struct model_copy copy;
    open_copy(&copy);
    put_before_names(&copy, "module.");
    snprintf(copy.names[0], NAME, "%s", copy.file.tensors[0].name + 1);
    save_copy(&copy);
    ck_assert_int_eq(run(TRAIN), EXIT_DATA);
    says(errors, "does not fit");
    ck_assert_int_eq(run(TRAIN " --partial"), EXIT_DATA);
    says(errors,
         "other.safetensors: none of its tensors fits: expected parameters of network tiny:\n"
         "  norm1.weight: not in the file: begins anew\n");
}
END_TEST

START_TEST(what_was_changed_is_said)
{
    struct model_copy copy;
    open_copy(&copy);
    put_before_names(&copy, "module.");
    change_type(&copy, copy.count - 1, SAFETENSORS_F64);
    ck_assert(is_float(&copy.file.tensors[copy.count - 1]));
    save_copy(&copy);
    ck_assert_int_eq(run(TRAIN), EXIT_OK);
    says(errors, "tiny: note: other.safetensors: \"module.\" taken from the beginning of every "
                 "name, 1 tensor of "
                 "F64 made F32\n");
    ck_assert_int_eq(run("eval --data synthetic --model other.safetensors"), EXIT_OK);
    ck_assert_int_eq(run("train --data synthetic --partial"), EXIT_USAGE);
    says(errors, "train: --partial without --init: expected both");
}
END_TEST

START_TEST(numbers_that_are_none_are_refused)
{
    struct model_copy copy;
    open_copy(&copy);
    size_t at = 0;
    while (strcmp(copy.names[at], "norm1.weight") != 0)
        at++;
    change_type(&copy, at, SAFETENSORS_F64);
    ((double *)copy.numbers[at])[1] = 1e300;
    save_copy(&copy);
    static const char *const options[] = {"", " --partial"};
    for (size_t i = 0; i < 2; i++) {
        char words[200];
        snprintf(words, sizeof words, TRAIN "%s", options[i]);
        ck_assert_int_eq(run(words), EXIT_DATA);
        says(errors, "other.safetensors: tensor \"norm1.weight\": element 1 is infinite");
    }
}
END_TEST

/* -- What fits --------------------------------------------------------------------------------- */

START_TEST(what_fits_is_taken_and_the_rest_begins_anew)
{
    struct model_copy copy;
    struct run state;
    struct safetensors file = {0};
    struct err err = {0};
    char said[FOREIGN_SAID_SIZE] = "", path[2 * PATH_SIZE];
    float own[TINY_PARAM_FLOATS];
    load_own(own);
    open_copy(&copy);
    for (size_t i = 0; i < copy.count; i++) {
        if (strcmp(copy.names[i], "norm1.bias") == 0)
            snprintf(copy.names[i], NAME, "other.bias");
        if (strcmp(copy.names[i], "fc.bias") == 0)
            copy.tensors[i].shape[0] = 9;
    }
    save_copy(&copy);
    ck_assert(run_open(&state, &tiny_model, &tiny_backend, 1, &err));
    for (int k = 0; k < TINY_PARAM_FLOATS; k++)
        state.store.param[k] = 77.0f;
    put_path(path, "other.safetensors");
    ck_assert(safetensors_open(&file, path, &err));
    ck_assert_msg(foreign_load(&file, &state, said, &err), "%s", err.message);
    ck_assert_str_eq(said, "2 of 4 parameters taken:\n"
                           "  norm1.bias: not in the file: begins anew\n"
                           "  fc.bias: F32 [9] in the file, F32 [10] here: begins anew\n"
                           "  other.bias: not in this network: passed over");
    for (int i = 0; i < TINY_PARAMS; i++) {
        const struct param *param = &tiny_params[i];
        for (size_t k = param->offset; k < param->offset + param->count; k++) {
            const bool taken = strstr(param->name, ".weight") != NULL;
            const float wanted = taken ? own[k] : 77.0f;
            ck_assert_int_eq(memcmp(&state.store.param[k], &wanted, sizeof wanted), 0);
        }
    }
    safetensors_close(&file);
    run_close(&state);
    ck_assert_int_eq(run(TRAIN " --partial"), EXIT_OK);
    says(errors,
         "tiny: note: other.safetensors: 2 of 4 parameters taken:\n  norm1.bias: not in the file");
}
END_TEST

static void enter(void)
{
    make_folder();
    tiny_model.backend = &tiny_backend;
    ck_assert_int_eq(run("train --data synthetic --epochs 1 --threads 1 --out here --quiet"),
                     EXIT_OK);
}

int main(int argc, char **argv)
{
    if (getenv("TINY_PROGRAM") != NULL)
        return tiny_program(argc, argv);
    Suite *suite = suite_create("foreign");
    TCase *numbers = tcase_create("numbers"), *files = tcase_create("files");
    suite_add_tcase(suite, numbers);
    suite_add_tcase(suite, files);
    tcase_add_checked_fixture(files, enter, remove_folder);
    tcase_add_test(numbers, every_number_of_16_bits_is_itself);
    tcase_add_test(files, doubles_and_halves_become_floats);
    tcase_add_test(files, prefixes_go_in_any_order);
    tcase_add_test(files, a_prefix_that_not_all_have_stays);
    tcase_add_test(files, what_was_changed_is_said);
    tcase_add_test(files, numbers_that_are_none_are_refused);
    tcase_add_test(files, what_fits_is_taken_and_the_rest_begins_anew);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
