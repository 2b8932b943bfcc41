/* test_generic.c - the generic backend on tiny networks: every gradient against finite differences
 * of the same network in double, the same bits for every thread count, and the update. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "naive_oracle.h"

/* A run with every parameter away from its special initial values. */
static void open_run(struct run *run, const struct model *model, int threads)
{
    struct err err = {0};
    ck_assert_msg(run_open(run, model, &generic_backend, threads, &err), "%s", err.message);
    run_init_params(run, 1);
    for (size_t i = 0; i < model->param_floats; i++)
        run->store.param[i] += 0.5f * (float)naive_random(5, (int)i);
    for (size_t i = 0; i < model->state_floats; i++)
        run->store.state[i] += 0.5f * (float)naive_random(6, (int)i);
    run_pack(run);
    run->label_smoothing = 0.1f;
}

static struct net net;
static struct data data;
static struct oracle oracle;

/* -- Tests ------------------------------------------------------------------------------------- */

START_TEST(gradients_by_finite_differences)
{
    struct run run;
    net_make(&net, _i);
    data_make(&data, IMAGES);
    open_run(&run, &net.model, 2);
    oracle_start(&oracle, &run, &data.batch, true); /* with a learning rate of zero */
    struct step_result r = run_train(&run, &data.batch);
    ck_assert_double_eq_tol(r.loss, oracle_loss(&oracle), 2e-6);
    for (size_t i = 0; i < net.model.param_floats; i++) {
        double side[2], old = oracle.param[i], h = 1e-6;
        for (int up = 0; up < 2; up++) {
            oracle.param[i] = up ? old + h : old - h;
            side[up] = oracle_loss(&oracle);
        }
        oracle.param[i] = old;
        double want = (side[1] - side[0]) / (2 * h), got = (double)run.store.grad[i];
        ck_assert_msg(fabs(want - got) < 2e-6 + 2e-5 * fabs(want),
                      "net %d, parameter %zu: expected %.9g, got %.9g", _i, i, want, got);
    }
    run_close(&run);
}
END_TEST

START_TEST(dropout_can_be_turned_off)
{
    struct run run;
    net_make(&net, 6);
    data_make(&data, BATCH);
    open_run(&run, &net.model, 1);
    double with = run_train(&run, &data.batch).loss;
    run.dropout = false;
    oracle_start(&oracle, &run, &data.batch, true);
    double without = run_train(&run, &data.batch).loss;
    ck_assert_double_ne(with, without);
    ck_assert_double_eq_tol(without, oracle_loss(&oracle), 2e-6);
    run_close(&run);
}
END_TEST

START_TEST(evaluation_uses_running_statistics)
{
    struct run run;
    float logits[BATCH * CLASSES];
    net_make(&net, _i);
    data_make(&data, IMAGES);
    data.batch.samples = NULL; /* an evaluation draws no random numbers */
    open_run(&run, &net.model, 3);
    oracle_start(&oracle, &run, &data.batch, false);
    struct step_result r = run_eval(&run, &data.batch, logits);
    ck_assert_double_eq_tol(r.loss, oracle_loss(&oracle), 2e-6);
    int last = net.model.layer_count - 2, correct = 0;
    for (int i = 0; i < IMAGES * CLASSES; i++)
        ck_assert_double_eq_tol((double)logits[i], oracle.value[last][i], 1e-5);
    for (int i = 0; i < IMAGES; i++)
        correct += ref_argmax(logits + i * CLASSES, CLASSES) == data.labels[i];
    ck_assert_int_eq(r.correct, correct);
    ck_assert_double_eq(run_eval(&run, &data.batch, NULL).loss, r.loss);
    run_close(&run);
}
END_TEST

START_TEST(same_bits_for_every_thread_count)
{
    static const int counts[] = {1, 2, 3, 8};
    static struct run first, other;
    net_make(&net, _i);
    const struct model *m = &net.model;
    for (int t = 0; t < 4; t++) {
        struct run *run = t == 0 ? &first : &other;
        struct step_result r = {0};
        open_run(run, m, counts[t]);
        run->optim = (struct optim){.lr = 0.05f, .momentum = 0.9f, .weight_decay = 1e-3f};
        for (int step = 0; step < 3; step++) {
            data_make(&data, step == 1 ? IMAGES : BATCH);
            r = run_train(run, &data.batch);
        }
        static struct step_result want;
        if (t == 0) {
            want = r;
            continue;
        }
        ck_assert_double_eq(r.loss, want.loss);
        ck_assert_int_eq(r.correct, want.correct);
        ck_assert_mem_eq(other.store.param, first.store.param, m->param_floats * sizeof(float));
        ck_assert_mem_eq(other.store.grad, first.store.grad, m->param_floats * sizeof(float));
        ck_assert_mem_eq(other.store.momentum, first.store.momentum,
                         m->param_floats * sizeof(float));
        ck_assert_mem_eq(other.store.state, first.store.state, m->state_floats * sizeof(float));
        run_close(&other);
    }
    run_close(&first);
}
END_TEST

START_TEST(one_step_by_hand)
{
    struct run run;
    static float before[2048], state[64];
    net_make(&net, 1);
    data_make(&data, BATCH);
    open_run(&run, &net.model, 2);
    const struct model *m = &net.model;
    run.optim = (struct optim){.lr = 0.1f, .momentum = 0.9f, .weight_decay = 0.01f, .nesterov = true};
    memcpy(before, run.store.param, m->param_floats * sizeof(float));
    memcpy(state, run.store.state, m->state_floats * sizeof(float));
    oracle_start(&oracle, &run, &data.batch, true);
    oracle_loss(&oracle);
    run_train(&run, &data.batch);
    for (int p = 0; p < m->param_count; p++)
        for (size_t i = m->params[p].offset; i < m->params[p].offset + m->params[p].count; i++) {
            float g = run.store.grad[i] + (m->params[p].decays ? 0.01f * before[i] : 0);
            ck_assert_double_eq_tol((double)run.store.momentum[i], (double)g, 1e-7);
            ck_assert_double_eq_tol((double)run.store.param[i],
                                    (double)(before[i] - 0.1f * 1.9f * g), 1e-6);
        }

    /* Running statistics of the first norm, whose input is the first conv. */
    const struct layer *l = &m->layers[2];
    ck_assert_int_eq(l->op, LAYER_NORM);
    int pixels = l->h * l->w, count = BATCH * pixels;
    for (int c = 0; c < l->c; c++) {
        double mean = 0, var = 0;
        for (int pass = 0; pass < 2; pass++)
            for (int i = 0; i < count; i++) {
                double x = oracle.value[1][(i / pixels * l->c + c) * pixels + i % pixels];
                if (pass == 0)
                    mean += x / count;
                else
                    var += (x - mean) * (x - mean) / (count - 1);
            }
        ck_assert_double_eq_tol((double)run.store.state[c], 0.9 * (double)state[c] + 0.1 * mean,
                                1e-6);
        ck_assert_double_eq_tol((double)run.store.state[l->c + c],
                                0.9 * (double)state[l->c + c] + 0.1 * var, 1e-6);
    }
    ck_assert_int_eq((int)run.store.batches, 1);
    run_close(&run);
}
END_TEST

static void set_ghosts(struct net *n, int ghost)
{
    for (int i = 0; i < n->model.layer_count; i++)
        if (n->layers[i].op == LAYER_NORM)
            n->layers[i].ghost = ghost;
}

/* A batch of ghosts is what its parts are as batches of their own: loss, gradients and running
 * statistics are their means, each weighing as many images as it has. */
START_TEST(ghosts_are_batches_of_their_own)
{
    static const int ghosts[] = {2, 5, 8, 18};
    static double grad[2048], state[64];
    struct run whole, part, other;
    double loss = 0;
    net_make(&net, 1);
    data_make(&data, BATCH);
    const struct model *m = &net.model;
    memset(grad, 0, sizeof grad);
    memset(state, 0, sizeof state);
    for (int first = 0; first < BATCH; first += ghosts[_i]) {
        struct batch batch = data.batch;
        batch.n = BATCH - first < ghosts[_i] ? BATCH - first : ghosts[_i];
        batch.images += first * IMAGE;
        batch.labels += first;
        batch.samples += first;
        open_run(&part, m, 1);
        double weight = (double)batch.n / BATCH;
        loss += weight * run_train(&part, &batch).loss;
        for (size_t i = 0; i < m->param_floats; i++)
            grad[i] += weight * (double)part.store.grad[i];
        for (size_t i = 0; i < m->state_floats; i++)
            state[i] += weight * (double)part.store.state[i];
        run_close(&part);
    }

    set_ghosts(&net, ghosts[_i]);
    open_run(&whole, m, 1);
    ck_assert_double_eq_tol(run_train(&whole, &data.batch).loss, loss, 1e-6);
    for (size_t i = 0; i < m->param_floats; i++)
        ck_assert_double_eq_tol((double)whole.store.grad[i], grad[i], 2e-6);
    for (size_t i = 0; i < m->state_floats; i++)
        ck_assert_double_eq_tol((double)whole.store.state[i], state[i], 1e-6);
    for (int threads = 2; threads < 6; threads++) {
        open_run(&other, m, threads);
        run_train(&other, &data.batch);
        ck_assert_mem_eq(other.store.grad, whole.store.grad, m->param_floats * sizeof(float));
        ck_assert_mem_eq(other.store.state, whole.store.state, m->state_floats * sizeof(float));
        run_close(&other);
    }
    run_close(&whole);
}
END_TEST

/* Each further layer of a chain takes memory for its value, and for no gradient of its own. */
START_TEST(gradients_share_memory)
{
    size_t shared[2], thread;
    for (int longer = 0; longer < 2; longer++) {
        net_start(&net);
        int x = net_conv(&net, 0, C, 1, 1, true);
        for (int i = 0; i < (longer ? 9 : 4); i++)
            x = net_window(&net, LAYER_MAXPOOL, x, 1, 1, 0);
        net_finish(&net, net_flat(&net, LAYER_LINEAR, x, CLASSES));
        generic_backend.measure(&net.model, &shared[longer], &thread);
    }
    ck_assert_uint_eq(shared[1] - shared[0], (size_t)(5 * BATCH * ((IMAGE + 15) / 16 * 16)));
}
END_TEST

START_TEST(learns_one_batch_by_heart)
{
    struct run run;
    net_make(&net, _i);
    data_make(&data, BATCH);
    open_run(&run, &net.model, 2);
    run.optim = (struct optim){.lr = 0.1f, .momentum = 0.9f};
    run.dropout = false;
    run.label_smoothing = 0;
    struct step_result r = {0};
    for (int step = 0; step < 400; step++)
        r = run_train(&run, &data.batch);
    ck_assert_double_lt(r.loss, 0.05);
    ck_assert_int_eq(r.correct, BATCH);
    run_close(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("generic");
    TCase *tcase = tcase_create("generic");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, gradients_by_finite_differences, 0, NETS);
    tcase_add_test(tcase, dropout_can_be_turned_off);
    tcase_add_loop_test(tcase, evaluation_uses_running_statistics, 0, NETS);
    tcase_add_loop_test(tcase, same_bits_for_every_thread_count, 0, NETS);
    tcase_add_test(tcase, one_step_by_hand);
    tcase_add_test(tcase, gradients_share_memory);
    tcase_add_loop_test(tcase, ghosts_are_batches_of_their_own, 0, 4);
    tcase_add_loop_test(tcase, learns_one_batch_by_heart, 0, 3);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
