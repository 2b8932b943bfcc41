/* test_ranks.c - bytes between ranks over shared memory, what ranks agree on, images that one of
 * them has read, and the tree of sums in pieces. The ranks are threads here, so that a sanitizer
 * sees what they share.
 */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rank_threads.h"
#include "ranks/launched.h"
#include "rng.h"
#include "run.h"
#include "train/spread.h"

/* -- Bytes ------------------------------------------------------------------------------------- */

enum { ROUNDS = 12, MOST_LINES = 23 };

/* Lines from one rank to another, or to all: some of them none. */
static int lines_of(int round, int from, int to)
{
    const uint64_t key = rng_key(1, (uint32_t)round, (uint32_t)from, RNG_INIT);
    return (int)rng_below(key, (uint32_t)to, MOST_LINES);
}

static unsigned char byte_of(int round, int from, int to, size_t at)
{
    return (unsigned char)(31 * round + 7 * from + 3 * to + (int)(at % 251));
}

static size_t fill(unsigned char *out, int round, int from, int to)
{
    const size_t bytes = (size_t)lines_of(round, from, to) * RANKS_LINE;
    for (size_t i = 0; i < bytes; i++)
        out[i] = byte_of(round, from, to, i);
    return bytes;
}

static size_t check_bytes(const unsigned char *in, int round, int from, int to)
{
    const size_t bytes = (size_t)lines_of(round, from, to) * RANKS_LINE;
    for (size_t i = 0; i < bytes; i++)
        if (in[i] != byte_of(round, from, to, i)) /* an assertion of each byte takes minutes */
            ck_abort_msg("round %d, byte %zu from %d to %d", round, i, from, to);
    return bytes;
}

static void move_bytes(struct ranks *ranks)
{
    const size_t size = (size_t)ranks->count * MOST_LINES * RANKS_LINE;
    unsigned char *send = malloc(size), *recv = malloc(size);
    for (int round = 0; round < ROUNDS; round++) {
        int out[RANKS_MAX], in[RANKS_MAX];
        size_t at = 0;
        for (int r = 0; r < ranks->count; r++) {
            out[r] = lines_of(round, ranks->me, r);
            in[r] = lines_of(round, r, ranks->me);
            at += fill(send + at, round, ranks->me, r);
        }
        ranks_exchange(ranks, send, out, recv, in);
        at = 0;
        for (int r = 0; r < ranks->count; r++)
            at += check_bytes(recv + at, round, r, ranks->me);
        for (int r = 0; r < ranks->count; r++)
            in[r] = lines_of(round, r, RANKS_MAX);
        fill(send, round, ranks->me, RANKS_MAX);
        ranks_gather(ranks, send, recv, in);
        at = 0;
        for (int r = 0; r < ranks->count; r++)
            at += check_bytes(recv + at, round, r, RANKS_MAX);
    }
    free(send);
    free(recv);
}

/* Boxes that hold everything, and boxes for which it takes many rounds. */
START_TEST(bytes_come_where_they_belong)
{
    static const int counts[] = {2, 3, 5, 20};
    static const int lines[] = {1, 7, 1000};
    with_ranks(counts[_i % 4], lines[_i / 4], move_bytes);
}
END_TEST

/* -- Agreement --------------------------------------------------------------------------------- */

static void agree(struct ranks *ranks)
{
    struct err err = {0};
    ck_assert(ranks_agree(ranks, true, &err));
    ck_assert_int_eq(err.code, EXIT_OK);
    bool ok = ranks->me == 0 || err_set_code(&err, EXIT_DATA, "no images on %d", ranks->me);
    ck_assert(!ranks_agree(ranks, ok, &err));
    ck_assert_int_eq(err.code, EXIT_DATA);
    ck_assert_int_eq(ranks->code, EXIT_DATA);
    ck_assert_str_eq(err.message, "rank 1 on host1: no images on 1");
}

START_TEST(what_fails_on_one_fails_on_all)
{
    struct err err = {0};
    with_ranks(3, 4, agree);
    ck_assert(ranks_agree(NULL, true, &err));
    ck_assert(!ranks_agree(NULL, false, &err));
}
END_TEST

static void compare(struct ranks *ranks)
{
    struct err err = {0};
    ck_assert(ranks_compare(ranks, "network", "s8", &err));
    ck_assert(!ranks_compare(ranks, "kernels", ranks->me < 2 ? "avx2" : "avx512", &err));
    ck_assert_int_eq(err.code, EXIT_USAGE);
    ck_assert_str_eq(err.message,
                     "rank 2 on host2: kernels: \"avx512\": expected that of rank 0 on host0, "
                     "\"avx2\": all ranks need the same program, images and settings");
}

START_TEST(differences_are_named)
{
    with_ranks(3, 100, compare);
}
END_TEST

/* -- Failures ---------------------------------------------------------------------------------- */

/* A back end that fails moves nothing more, and the error stays. */
static int calls;

static bool fails(void *state, const void *send, void *recv, const int *lines, struct err *err)
{
    (void)state, (void)send, (void)recv, (void)lines;
    calls++;
    return err_set(err, "the wire is cut");
}

START_TEST(a_failure_stays)
{
    struct ranks ranks = {.count = 2, .here = 2, .back_end = {.gather = fails}};
    struct err err = {0};
    char byte = 0;
    ck_assert(ranks_well(&ranks, &err));
    ranks_gather(&ranks, &byte, &byte, &(int){0});
    ranks_gather(&ranks, &byte, &byte, &(int){0});
    ck_assert_int_eq(calls, 1);
    ck_assert(!ranks_well(&ranks, &err));
    ck_assert_str_eq(err.message, "the wire is cut");
    ck_assert(!ranks_agree(&ranks, true, &err));
}
END_TEST

START_TEST(processors_are_shared_out)
{
    struct ranks ranks = {.count = 3, .here = 3};
    ck_assert_int_eq(ranks_threads(&ranks, 8), 2);
    ck_assert_int_eq(ranks_threads(&ranks, 2), 1);
    ranks.bound = true;
    ck_assert_int_eq(ranks_threads(&ranks, 8), 8);
    ck_assert(ranks_writes(NULL));
    ck_assert(ranks_writes(&ranks));
    ranks.me = 1;
    ck_assert(!ranks_writes(&ranks));
}
END_TEST

/* -- Launchers --------------------------------------------------------------------------------- */

/* What a launcher of one rank, a batch script and a shell of Slurm leave behind starts no MPI. */
START_TEST(a_launcher_is_known_by_its_variables)
{
    static const struct {
        const char *names[2], *values[2], *said;
    } cases[] = {
        {{NULL}, {NULL}, NULL},
        {{"OMPI_COMM_WORLD_SIZE"}, {"4"}, "OMPI_COMM_WORLD_SIZE=4"},
        {{"OMPI_COMM_WORLD_SIZE", "PMIX_RANK"}, {"1", "0"}, NULL},
        {{"PMI_SIZE", "PMI_RANK"}, {"2", "1"}, "PMI_SIZE=2"},
        {{"PMI_SIZE"}, {"1"}, NULL},
        {{"PMIX_RANK"}, {"3"}, "PMIX_RANK=3"},
        {{"PMIX_RANK", "SLURM_STEP_NUM_TASKS"}, {"3", "8"}, "PMIX_RANK=3"},
        {{"PMIX_RANK", "SLURM_STEP_NUM_TASKS"}, {"0", "1"}, NULL},
        {{"SLURM_PROCID", "SLURM_NTASKS"}, {"0", "8"}, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int k = 0; k < 2 && cases[i].names[k] != NULL; k++)
            setenv(cases[i].names[k], cases[i].values[k], 1);
        const char *said = launched_by();
        if (cases[i].said == NULL)
            ck_assert_msg(said == NULL, "case %zu: %s", i, said);
        else
            ck_assert_str_eq(said, cases[i].said);
        for (int k = 0; k < 2 && cases[i].names[k] != NULL; k++)
            unsetenv(cases[i].names[k]);
    }
}
END_TEST

/* A plug-in that is made up: what its functions return, and under which path it was asked for. */
static struct {
    bool is_there, has_start, starts;
    size_t size;
    int count;
    ssize_t program; /* what readlink returns; 0: what it does */
    bool beside;     /* whether a file lies beside the program */
    char path[5000];
} plugin;

static bool start_plugin(struct ranks *ranks, struct err *err)
{
    if (!plugin.starts)
        return err_set(err, "MPI does not start");
    ranks->count = plugin.count;
    snprintf(ranks->back_end.name, sizeof ranks->back_end.name, "made up");
    return true;
}

void *__real_dlopen(const char *path, int how);
void *__wrap_dlopen(const char *path, int how);
void *__wrap_dlopen(const char *path, int how)
{
    snprintf(plugin.path, sizeof plugin.path, "%s", path);
    return plugin.is_there ? &plugin : __real_dlopen("/nowhere/burin_mpi.so", how);
}

void *__wrap_dlsym(void *library, const char *name);
void *__wrap_dlsym(void *library, const char *name)
{
    ck_assert_ptr_eq(library, &plugin);
    launched_function *start = start_plugin;
    void *function;
    memcpy(&function, &start, sizeof function);
    if (strcmp(name, LAUNCHED_SIZE) == 0)
        return plugin.size > 0 ? &plugin.size : NULL;
    ck_assert_str_eq(name, LAUNCHED_START);
    return plugin.has_start ? function : NULL;
}

ssize_t __real_readlink(const char *path, char *to, size_t size);
ssize_t __wrap_readlink(const char *path, char *to, size_t size);
ssize_t __wrap_readlink(const char *path, char *to, size_t size)
{
    return plugin.program != 0 ? plugin.program : __real_readlink(path, to, size);
}

int __real_access(const char *path, int how);
int __wrap_access(const char *path, int how);
int __wrap_access(const char *path, int how)
{
    return plugin.beside ? 0 : __real_access(path, how);
}

/* What the plug-in does not say is told; one that starts has as many ranks as it says. */
START_TEST(a_plug_in_starts_or_it_is_said_why_not)
{
    enum { SIZE = sizeof(struct ranks) };
    static const char open_mpi[] = "OMPI_COMM_WORLD_SIZE=4", prrte[] = "PMIX_RANK=0";
    static const struct {
        bool is_there, has_start, starts;
        size_t size;
        int count;
        const char *launcher, *message; /* NULL: it starts */
        enum exit_code code;
    } cases[] = {
        {true, true, true, SIZE, 4, open_mpi, NULL, EXIT_OK},
        {true, true, true, SIZE, MODEL_CHUNKS, open_mpi, NULL, EXIT_OK},
        {true, true, true, SIZE, 1, prrte, NULL, EXIT_OK},
        {true, true, true, SIZE, 1, open_mpi,
         "OMPI_COMM_WORLD_SIZE=4, but to made up this process is alone: expected", EXIT_FAILED},
        {true, true, true, SIZE, MODEL_CHUNKS + 1, open_mpi,
         "OMPI_COMM_WORLD_SIZE=4: 17 ranks: expected at most 16, the chunks of", EXIT_USAGE},
        {true, true, false, SIZE, 4, open_mpi, "MPI does not start", EXIT_FAILED},
        {true, false, true, SIZE, 4, open_mpi, "burin_mpi.so is of another version", EXIT_FAILED},
        {true, true, true, SIZE + 8, 4, open_mpi, "burin_mpi.so is of another", EXIT_FAILED},
        {true, true, true, 0, 4, open_mpi, "burin_mpi.so is of another version", EXIT_FAILED},
        {false, true, true, SIZE, 4, open_mpi,
         "OMPI_COMM_WORLD_SIZE=4: a launcher of MPI has started this program as one of several, "
         "and its plug-in for MPI cannot be loaded: /nowhere/burin_mpi.so: ",
         EXIT_FAILED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ranks ranks = {.count = 1};
        struct err err = {0};
        plugin.is_there = cases[i].is_there;
        plugin.has_start = cases[i].has_start;
        plugin.starts = cases[i].starts;
        plugin.size = cases[i].size;
        plugin.count = cases[i].count;
        const char *message = cases[i].message != NULL ? cases[i].message : "";
        ck_assert_msg(launched_start(&ranks, cases[i].launcher, MODEL_CHUNKS, &err) ==
                          (cases[i].message == NULL),
                      "case %zu: %s", i, err.message);
        ck_assert_msg(strncmp(err.message, message, strlen(message)) == 0, "case %zu: %s", i,
                      err.message);
        ck_assert_int_eq(err.code, cases[i].code);
        ck_assert_int_eq(ranks.code, cases[i].code == EXIT_USAGE ? EXIT_USAGE : EXIT_OK);
        if (cases[i].message == NULL)
            ck_assert_int_eq(ranks.count, cases[i].count);
    }
}
END_TEST

/* Beside the program, where it lies there; else wherever libraries are looked for. */
START_TEST(a_plug_in_is_looked_for_beside_the_program)
{
    char beside[5000];
    ssize_t length = __real_readlink("/proc/self/exe", beside, sizeof beside - 20);
    ck_assert_int_gt(length, 0);
    beside[length] = '\0';
    strcpy(strrchr(beside, '/'), "/burin_mpi.so");
    for (int i = 0; i < 3; i++) {
        struct ranks ranks = {.count = 1};
        struct err err = {0};
        plugin.beside = i > 0;
        plugin.program = i == 2 ? -1 : 0; /* a system without /proc */
        ck_assert(!launched_start(&ranks, "PMIX_RANK=0", MODEL_CHUNKS, &err));
        if (i > 0 || __real_access(beside, R_OK) != 0)
            ck_assert_str_eq(plugin.path, i == 1 ? beside : "burin_mpi.so");
    }
}
END_TEST

/* -- Images ------------------------------------------------------------------------------------ */

/* More than fit a piece of spread.c. */
enum { IMAGES = 700, SIDE_H = 60, SIDE_W = 70, CHANNELS = 2 };

static float pixel_of(int image, int c, int y, int x)
{
    return (float)((image * 7 + c * 31 + y * 5 + x * 3) % 251);
}

/* Channels beside each other, rows from the last to the first column: nothing is where planes have
 * it. type: of the pixels */
static void make_images(struct data *data, enum data_type type)
{
    static const char *const names[] = {"one", "two", "three"};
    const size_t elements = (size_t)CHANNELS * SIDE_H * SIDE_W;
    *data = (struct data){.c = CHANNELS,
                          .h = SIDE_H,
                          .w = SIDE_W,
                          .classes = 3,
                          .type = type,
                          .format = "npz",
                          .digest = "0123",
                          .source = "some/file",
                          .note = "a note",
                          .warning = "a warning",
                          .synthetic = true,
                          .strides = {.channel = 1, .row = CHANNELS, .column = CHANNELS * SIDE_H}};
    ck_assert(data_reserve(data, IMAGES) && data_name_classes(data, names));
    data->count = IMAGES;
    uint8_t *bytes = data_block(data, IMAGES * elements * sizeof(float));
    float *floats = (float *)bytes;
    ck_assert_ptr_nonnull(bytes);
    for (int i = 0; i < IMAGES; i++) {
        const size_t first = (size_t)i * elements;
        data->labels[i] = (uint8_t)(i % 3);
        data->images[i] = type == DATA_FLOATS ? (void *)(floats + first) : bytes + first;
        for (int c = 0; c < CHANNELS; c++)
            for (int y = 0; y < SIDE_H; y++)
                for (int x = 0; x < SIDE_W; x++) {
                    const size_t at = first + (size_t)(c + CHANNELS * (y + SIDE_H * x));
                    if (type == DATA_FLOATS)
                        floats[at] = pixel_of(i, c, y, x);
                    else
                        bytes[at] = (uint8_t)pixel_of(i, c, y, x);
                }
    }
}

static void expect_images(const struct data *data, enum data_type type)
{
    ck_assert(data->count == IMAGES && data->type == type && data->synthetic);
    ck_assert_str_eq(data->format, "npz");
    ck_assert_str_eq(data->digest, "0123");
    ck_assert_str_eq(data->source, "some/file");
    ck_assert_str_eq(data->note, "a note");
    ck_assert_str_eq(data->warning, "a warning");
    ck_assert_str_eq(data->class_names[0], "one");
    ck_assert_str_eq(data->class_names[2], "three");
    for (int i = 0; i < IMAGES; i++) {
        bool same = data->labels[i] == i % 3;
        for (int c = 0; c < CHANNELS; c++)
            for (int y = 0; y < SIDE_H; y++)
                for (int x = 0; x < SIDE_W; x++) {
                    const size_t at = (size_t)c * data->strides.channel +
                                      (size_t)y * data->strides.row +
                                      (size_t)x * data->strides.column;
                    const float found = type == DATA_FLOATS
                                            ? data_float(data->images[i], at)
                                            : ((const uint8_t *)data->images[i])[at];
                    same = same && found == pixel_of(i, c, y, x);
                }
        ck_assert_msg(same, "image %d", i); /* an assertion of each pixel takes minutes */
    }
}

static void give_images(struct ranks *ranks)
{
    for (int type = DATA_BYTES; type <= DATA_FLOATS; type++) {
        struct data data = {0};
        struct err err = {0};
        if (ranks->me == 0)
            make_images(&data, (enum data_type)type);
        ck_assert_msg(spread_data(&data, ranks, true, &err), "%s", err.message);
        expect_images(&data, (enum data_type)type);
        data_close(&data);
    }
    struct data none = {0};
    struct err err = {0};
    const bool opened = ranks->me != 0 || err_set_code(&err, EXIT_DATA, "no such folder");
    ck_assert(!spread_data(&none, ranks, opened, &err));
    ck_assert_str_eq(err.message, "rank 0 on host0: no such folder");
    data_close(&none);
}

START_TEST(images_are_given_to_all)
{
    with_ranks(3, 1000, give_images);
}
END_TEST

/* -- The tree ---------------------------------------------------------------------------------- */

enum { LENGTH = 131 };

/* Numbers of very different sizes, whose sum depends on the order. */
static void fill_vectors(float vectors[MODEL_MOST_CHUNKS][LENGTH])
{
    for (uint32_t k = 0; k < MODEL_MOST_CHUNKS; k++) {
        const uint64_t key = rng_key(3, 0, k, RNG_INIT);
        for (uint32_t i = 0; i < LENGTH; i++) {
            const float size = (float)(1u << rng_below(key, 2 * i, 24));
            vectors[k][i] = size * (2 * rng_float(key, 2 * i + 1) - 1);
        }
    }
}

static const int many[] = {31, 32, 33, 100, 255, MODEL_MOST_CHUNKS};

/* Any number of ranks makes the bits of one, and each sends as few nodes as there are. */
START_TEST(a_tree_in_pieces_has_the_same_bits)
{
    static float vectors[MODEL_MOST_CHUNKS][LENGTH], sums[MODEL_MOST_CHUNKS][LENGTH];
    const int parts = _i < MODEL_CHUNKS ? _i + 1 : many[_i - MODEL_CHUNKS];
    float whole[LENGTH], pieces[LENGTH];
    fill_vectors(vectors);
    tree_sum(whole, vectors[0], LENGTH, parts, LENGTH);
    for (int ranks = 1; ranks <= RANKS_MAX; ranks += 1 + ranks / 16) {
        struct tree_node nodes[MODEL_MOST_CHUNKS];
        int count = 0;
        for (int r = 0; r < ranks; r++)
            count +=
                tree_nodes(run_divide((struct span){0, parts}, r, ranks), parts, nodes + count);
        for (int k = 0; k < count; k++) {
            const struct span span = nodes[k].span;
            ck_assert_int_eq(span.first, k == 0 ? 0 : nodes[k - 1].span.last);
            tree_sum(sums[k], vectors[span.first], LENGTH, span.last - span.first, LENGTH);
            nodes[k].sum = sums[k];
        }
        ck_assert(ranks > 1 || count == 1);
        ck_assert(parts != 16 || ranks != 4 || count == 4);
        tree_finish(pieces, nodes, count, parts, LENGTH);
        ck_assert_msg(memcmp(whole, pieces, sizeof whole) == 0, "%d parts on %d ranks", parts,
                      ranks);
    }
}
END_TEST

/* That the numbers are ones for which another order has other bits. */
START_TEST(another_order_has_other_bits)
{
    static float vectors[MODEL_MOST_CHUNKS][LENGTH];
    float whole[LENGTH], line[LENGTH] = {0};
    fill_vectors(vectors);
    tree_sum(whole, vectors[0], LENGTH, MODEL_CHUNKS, LENGTH);
    for (int k = 0; k < MODEL_CHUNKS; k++) {
        for (int i = 0; i < LENGTH; i++)
            line[i] += vectors[k][i];
    }
    ck_assert(memcmp(whole, line, sizeof whole) != 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ranks");
    TCase *bytes = tcase_create("bytes");
    tcase_set_timeout(bytes, 120);
    tcase_add_loop_test(bytes, bytes_come_where_they_belong, 0, 12);
    suite_add_tcase(suite, bytes);
    TCase *agreement = tcase_create("agreement");
    tcase_set_timeout(agreement, 120);
    tcase_add_test(agreement, what_fails_on_one_fails_on_all);
    tcase_add_test(agreement, differences_are_named);
    tcase_add_test(agreement, a_failure_stays);
    tcase_add_test(agreement, processors_are_shared_out);
    tcase_add_test(agreement, a_launcher_is_known_by_its_variables);
    tcase_add_test(agreement, a_plug_in_starts_or_it_is_said_why_not);
    tcase_add_test(agreement, a_plug_in_is_looked_for_beside_the_program);
    suite_add_tcase(suite, agreement);
    TCase *images = tcase_create("images");
    tcase_set_timeout(images, 120);
    tcase_add_test(images, images_are_given_to_all);
    suite_add_tcase(suite, images);
    TCase *tree = tcase_create("tree");
    tcase_set_timeout(tree, 120);
    tcase_add_loop_test(tree, a_tree_in_pieces_has_the_same_bits, 0,
                        MODEL_CHUNKS + (int)(sizeof many / sizeof many[0]));
    tcase_add_test(tree, another_order_has_other_bits);
    suite_add_tcase(suite, tree);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
