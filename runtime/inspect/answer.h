/* answer.h - what a network says of one image, as a line that a person or a program reads.
 *
 *     struct answer answer = {.file = "a.png", .logits = row, .classes = 10, .names = names};
 *     answer_print(stdout, ANSWER_JSON, &answer, 5);
 *     answer_print(stdout, ANSWER_JSON, &(struct answer){.file = "b.png", .problem = why}, 5);
 *
 * In JSON every answer is an object in a line of its own, in CSV (RFC 4180) a row under one head.
 */
#ifndef BURIN_ANSWER_H
#define BURIN_ANSWER_H

#include <stdbool.h>
#include <stdio.h>

enum answer_format { ANSWER_TABLE, ANSWER_JSON, ANSWER_CSV };

struct answer {
    const char *file;
    const char *problem; /* why there is none, in place of the rest; else NULL */
    const float *logits; /* [classes] */
    int classes;
    const char *const *names; /* [classes] */
    int width;                /* of the column of files, in a table */
};

/* Sets p [n] to the softmax of the logits, in double: the same for the same logits wherever it is
 * asked for. */
void answer_probabilities(double *p, const float *logits, int n);

/* Sets order to the indices of the `most` largest, the first of equal ones first. */
void answer_rank(int *order, const double *p, int n, int most);

/* The head of a CSV, for so many classes an image. */
void answer_print_head(FILE *out, enum answer_format format, int most);

/* The `most` likeliest classes. A table has no line for a problem. False without memory. */
bool answer_print(FILE *out, enum answer_format format, const struct answer *answer, int most);

#endif
