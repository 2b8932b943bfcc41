/* ref_blas.h - the one function of OpenBLAS that the generic kernels call. */
#ifndef BURIN_REF_BLAS_H
#define BURIN_REF_BLAS_H

#include <cblas.h>

/* cblas_sgemm, once ref_open was called. */
extern __typeof__(cblas_sgemm) *ref_sgemm;

#endif
