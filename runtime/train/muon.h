/* muon.h - Muon: the momentum of a matrix, made orthogonal, is the direction in which it moves.
 *
 * Jordan, Jin, Boza, You, Cesista, Newhouse and Bernstein, "Muon: An optimizer for hidden layers in
 * neural networks", 2024 (kellerjordan.github.io/posts/muon), in float throughout. A filter bank
 * O,I,kh,kw is the matrix of O rows and I*kh*kw columns.
 */
#ifndef BURIN_MUON_H
#define BURIN_MUON_H

#include "train/optim.h"

/* Floats of scratch that muon_update needs for a matrix. */
size_t muon_floats(size_t rows, size_t columns);

/* Sets out [rows][columns] to nearly the orthogonal matrix next to x: the singular values of x,
 * whatever they are, go to 0.7 .. 1.2 in five `steps` of a quintic iteration of Newton and Schulz,
 * X = a X + (b A + c A A) X with A = X X' and (a, b, c) = (3.4445, -4.7750, 2.0315), that begins at
 * x divided by its Frobenius norm plus 1e-7. out may be x; scratch is as muon_update's. */
void muon_orthogonalize(real *out, const real *x, size_t rows, size_t columns, int steps,
                        real *restrict scratch);

/* Updates a matrix [rows][columns] in place; part->n is their product. With decay d,
 *     v = momentum v + grad;  g = nesterov ? grad + momentum v : v;
 *     p -= lr d p;  p -= lr sqrt(max(1, rows / columns)) orthogonal(g)
 * (the authors' average of gradients in place of the sum v changes g by a factor, which the
 * iteration takes out again). With renormalize, as in their record on CIFAR-10, the rows have norm
 * 1 on average before they move, and the root is left out: p *= sqrt(rows) / |p|;  p -= lr
 * orthogonal(g) */
void muon_update(const struct optim *optim, const struct optim_part *part, size_t rows,
                 size_t columns, real *scratch);

#endif
