/* test_spread.c - what the first rank has opened, all have, whatever the images are like; and where
 * memory or the wire fails on one rank, all end with that error. The ranks are threads.
 */
#include <check.h>
#include <stdint.h>

#include "data/synthetic.h"
#include "rank_threads.h"
#include "train/spread.h"

enum { RANKS = 3, LINES = 4096, COUNT = 7 };

/* -- Failures ---------------------------------------------------------------------------------- */

static _Thread_local int calls_left;     /* of memory, up to the one that fails; 0: none does */
static _Thread_local int exchanges_left; /* the same of exchanges */
static _Thread_local struct ranks_back_end wire;

static bool fails(int *left)
{
    return *left > 0 && --*left == 0;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return fails(&calls_left) ? NULL : __real_malloc(size);
}

void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails(&calls_left) ? NULL : __real_aligned_alloc(alignment, size);
}

static bool cut_gather(void *state, const void *send, void *recv, const int *lines, struct err *err)
{
    if (fails(&exchanges_left))
        return err_set(err, "the wire is cut");
    return wire.gather(state, send, recv, lines, err);
}

/* -- Images ------------------------------------------------------------------------------------ */

enum kind { BYTES, FLOATS, INTERLEAVED, LARGE, KINDS };

/* Images of the first rank; those of INTERLEAVED are stored [h][w][c]. */
static void open_images(struct data *data, enum kind kind)
{
    static const char *const names[] = {"a", "bb", ""};
    *data = (struct data){.c = 3, .h = 4, .w = 5, .classes = 3, .format = "test"};
    if (kind == LARGE) /* one is more than is given at a time */
        *data = (struct data){.c = 1, .h = 4096, .w = 4097, .classes = 3, .format = "test"};
    data->type = kind == FLOATS ? DATA_FLOATS : DATA_BYTES;
    const int count = kind == LARGE ? 2 : COUNT;
    const size_t bytes = data_pixels(data) * (size_t)count * (kind == FLOATS ? sizeof(float) : 1);
    uint8_t *pixels = data_plain(data, count);
    ck_assert_ptr_nonnull(pixels);
    ck_assert(data_name_classes(data, names));
    for (size_t i = 0; i < bytes; i++)
        pixels[i] = (uint8_t)(i * 7 + i / 251);
    for (int i = 0; i < count; i++)
        data->labels[i] = (uint8_t)(i % 3);
    if (kind == INTERLEAVED)
        data->strides = (struct data_strides){.channel = 1, .row = 15, .column = 3};
    snprintf(data->source, sizeof data->source, "here");
    snprintf(data->note, sizeof data->note, "a note");
    snprintf(data->warning, sizeof data->warning, "a warning");
    snprintf(data->digest, sizeof data->digest, "digest");
}

static const uint8_t *pixel(const struct data *data, int i, size_t c, size_t y, size_t x)
{
    const struct data_strides *s = &data->strides;
    const size_t size = data->type == DATA_FLOATS ? sizeof(float) : 1;
    return (const uint8_t *)data->images[i] + (c * s->channel + y * s->row + x * s->column) * size;
}

static void same_images(const struct data *a, const struct data *b)
{
    ck_assert(a->count == b->count && a->c == b->c && a->h == b->h && a->w == b->w);
    ck_assert(a->classes == b->classes && a->type == b->type && a->synthetic == b->synthetic);
    ck_assert_str_eq(a->format, b->format);
    ck_assert_str_eq(a->source, b->source);
    ck_assert_str_eq(a->note, b->note);
    ck_assert_str_eq(a->warning, b->warning);
    ck_assert_str_eq(a->digest, b->digest);
    for (int k = 0; k < a->classes; k++)
        ck_assert_str_eq(a->class_names[k], b->class_names[k]);
    ck_assert_mem_eq(a->labels, b->labels, (size_t)a->count);
    const size_t size = a->type == DATA_FLOATS ? sizeof(float) : 1;
    const bool in_rows = a->strides.column == 1 && b->strides.column == 1;
    const size_t step = in_rows ? (size_t)a->w : 1; /* pixels that lie side by side in both */
    for (int i = 0; i < a->count; i++)
        for (size_t c = 0; c < (size_t)a->c; c++)
            for (size_t y = 0; y < (size_t)a->h; y++)
                for (size_t x = 0; x < (size_t)a->w; x += step)
                    if (memcmp(pixel(a, i, c, y, x), pixel(b, i, c, y, x), step * size) != 0)
                        ck_abort_msg("image %d, channel %zu, row %zu, column %zu", i, c, y, x);
}

/* -- Ranks ------------------------------------------------------------------------------------- */

static enum kind kind;
static int failing_rank, failing_call, failing_exchange;
static bool opened_there; /* by the first rank */
static bool went_well[RANKS];
static struct err said[RANKS];

static void spread(struct ranks *ranks)
{
    struct data data = {0}, same;
    struct err err = {0};
    wire = ranks->back_end;
    ranks->back_end.gather = cut_gather;
    open_images(&same, kind);
    if (ranks->me == 0 && opened_there)
        open_images(&data, kind);
    const bool ok =
        ranks->me != 0 || opened_there || err_set_code(&err, EXIT_DATA, "there is nothing");
    calls_left = ranks->me == failing_rank ? failing_call : 0;
    exchanges_left = failing_exchange;
    went_well[ranks->me] = spread_data(&data, ranks, ok, &err);
    calls_left = exchanges_left = 0;
    said[ranks->me] = err;
    if (went_well[ranks->me])
        same_images(&data, &same);
    data_close(&data);
    data_close(&same);
}

START_TEST(all_have_the_images_of_the_first)
{
    kind = (enum kind)_i;
    opened_there = true;
    with_ranks(RANKS, LINES, spread);
    for (int r = 0; r < RANKS; r++)
        ck_assert_msg(went_well[r], "rank %d: %s", r, said[r].message);
}
END_TEST

START_TEST(what_the_first_cannot_open_ends_all)
{
    with_ranks(RANKS, LINES, spread);
    for (int r = 0; r < RANKS; r++) {
        ck_assert(!went_well[r]);
        ck_assert_str_eq(said[r].message, "rank 0 on host0: there is nothing");
    }
}
END_TEST

/* Every call for memory on the first rank and on another, until there are no more. */
START_TEST(memory_that_one_lacks_ends_all)
{
    char who[40];
    int failures = 0;
    failing_rank = _i;
    opened_there = true;
    snprintf(who, sizeof who, "rank %d on host%d: ", _i, _i);
    for (failing_call = 1; failing_call == 1 || !went_well[0]; failing_call++, failures++) {
        with_ranks(RANKS, LINES, spread);
        for (int r = 0; r < RANKS; r++) {
            ck_assert_msg(went_well[r] == went_well[0], "call %d: %s", failing_call,
                          said[r].message);
            ck_assert_msg(went_well[r] || strstr(said[r].message, "Cannot allocate memory") != NULL,
                          "call %d: %s", failing_call, said[r].message);
            ck_assert_msg(went_well[r] || r == _i ||
                              strncmp(said[r].message, who, strlen(who)) == 0,
                          "call %d: %s", failing_call, said[r].message);
        }
    }
    ck_assert_int_ge(failures, 3);
}
END_TEST

START_TEST(a_wire_that_is_cut_ends_all)
{
    opened_there = true;
    for (failing_exchange = 1; failing_exchange == 1 || !went_well[0]; failing_exchange++) {
        with_ranks(RANKS, LINES, spread);
        for (int r = 0; r < RANKS; r++)
            ck_assert_str_eq(said[r].message, went_well[0] ? "" : "the wire is cut");
    }
    ck_assert_int_ge(failing_exchange, 8);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spread");
    TCase *tests = tcase_create("spread");
    tcase_add_loop_test(tests, all_have_the_images_of_the_first, 0, KINDS);
    tcase_add_test(tests, what_the_first_cannot_open_ends_all);
    tcase_add_loop_test(tests, memory_that_one_lacks_ends_all, 0, 2);
    tcase_add_test(tests, a_wire_that_is_cut_ends_all);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
