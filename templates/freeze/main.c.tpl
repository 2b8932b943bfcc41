@ -- An example of a caller, and the check of the frozen network.
@ local file = apart and " " .. c.comment(apart.path) or ""
/* main.c: what the network ${net} says of a picture; without a picture, its self test.
 *
 *     cc -std=c99 -O3 ${flags ~= "" and flags .. " " or ""}*.c -lm && ./a.out${file}
 *     ./a.out${file} picture.ppm         (a binary ${input.c == 1 and "PGM" or "PPM"} of ${input.w} x ${input.h} pixels)
 */
@ if apart then
    #define _POSIX_C_SOURCE 200809L /* open and mmap */
@ end
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
@ if apart then

    #include <fcntl.h>
    #include <sys/mman.h>
    #include <sys/stat.h>
    #include <unistd.h>
@ end

#include "${prefix}.h"

@ local declared, passed = apart and "const void *weights, " or "", apart and "weights, " or ""
@ if samples then
    @ local tolerance = samples.tolerance
    enum { SAMPLES = ${samples.count} };

    /* Images of the data that the network was tested on. */
    static const uint8_t sample_pixels[SAMPLES][${upper}_PIXELS] = {
    @ for _, rows in ipairs(samples.images) do
            {
        @ for _, row in ipairs(rows) do
                    ${row}
        @ end
            },
    @ end
    };

    /* What the training program makes of them. */
    static const float sample_logits[SAMPLES][${upper}_CLASSES] = {
    @ for _, rows in ipairs(samples.logits) do
            {
        @ for _, row in ipairs(rows) do
                    ${row}
        @ end
            },
    @ end
    };

    /* Compares all logits. Other kernels add in other orders, and a batch norm may be part of weights here: the
     * tolerance is ${tolerance.text} of the largest logit of an image. */
    static int self_test(${declared}void *work)
    {
        double worst = 0.0;
        for (int i = 0; i < SAMPLES; i++) {
            float logits[${upper}_CLASSES];
            double largest = 0.0;
            double difference = 0.0;
            ${prefix}_logits(logits, sample_pixels[i], 1, ${passed}work);
            for (int k = 0; k < ${upper}_CLASSES; k++) {
                const double expected = (double)sample_logits[i][k];
                largest = fabs(expected) > largest ? fabs(expected) : largest;
                difference = fabs((double)logits[k] - expected) > difference ? fabs((double)logits[k] - expected) : difference;
            }
            worst = difference / largest > worst ? difference / largest : worst;
        }
        printf("%d images: logits within %.1e of ${tolerance.of} (at most ${tolerance.text}): %s\n", SAMPLES, worst,
            worst <= ${tolerance.text} ? "ok" : "WRONG");
        return worst <= ${tolerance.text} ? EXIT_SUCCESS : EXIT_FAILURE;
    }
@ else
    /* The model came without samples (a training leaves them beside its best model, eval --samples makes them): there is nothing to compare with. */
    static int self_test(${declared}void *work)
    {
        static const uint8_t pixels[${upper}_PIXELS] = {0};
        float probabilities[${upper}_CLASSES];
        double sum = 0.0;
        ${prefix}_predict(probabilities, pixels, 1, ${passed}work);
        for (int k = 0; k < ${upper}_CLASSES; k++) {
            sum += (double)probabilities[k];
        }
        printf("no samples to compare with; the probabilities of a black image add up to %.6f\n", sum);
        return fabs(sum - 1.0) < 1e-5 ? EXIT_SUCCESS : EXIT_FAILURE;
    }
@ end

/* Reads a binary ${input.c == 1 and "PGM (P5)" or "PPM (P6)"} of the network's size into planes. */
static int read_picture(uint8_t *pixels, const char *path)
{
    FILE *file = fopen(path, "rb");
    int width = 0, height = 0, most = 0;
    if (file == NULL) {
        perror(path);
        return 0;
    }
    if (fscanf(file, "P${input.c == 1 and 5 or 6} %d %d %d", &width, &height, &most) != 3 || fgetc(file) == EOF || width != ${upper}_WIDTH ||
        height != ${upper}_HEIGHT || most != 255) {
        fprintf(stderr, "%s: expected a binary ${input.c == 1 and "PGM" or "PPM"} of %d x %d pixels up to 255\n", path, ${upper}_WIDTH, ${upper}_HEIGHT);
        fclose(file);
        return 0;
    }
    for (int i = 0; i < ${upper}_HEIGHT * ${upper}_WIDTH; i++) {
        for (int k = 0; k < ${upper}_CHANNELS; k++) {
            const int byte = fgetc(file);
            if (byte == EOF) {
                fprintf(stderr, "%s: is cut off\n", path);
                fclose(file);
                return 0;
            }
            pixels[k * ${upper}_HEIGHT * ${upper}_WIDTH + i] = (uint8_t)byte;
        }
    }
    fclose(file);
    return 1;
}

@ if apart then
    /* The weights of a file: the system reads what is used, when it is, and processes share it. NULL after a
     * message. */
    static const void *map_weights(const char *path)
    {
        const int file = open(path, O_RDONLY);
        struct stat status;
        void *weights = MAP_FAILED;
        const char *problem = NULL;
        if (file >= 0 && fstat(file, &status) == 0 && status.st_size > 0) {
            weights = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
        }
        if (weights == MAP_FAILED) {
            perror(path);
        } else {
            problem = ${prefix}_weights_problem(weights, (size_t)status.st_size);
        }
        if (file >= 0) {
            close(file); /* which the mapping outlives */
        }
        if (problem != NULL) {
            fprintf(stderr, "%s: %s: expected the file that was written with this program\n", path, problem);
        }
        return weights == MAP_FAILED || problem != NULL ? NULL : weights;
    }

@ end
@ local first = apart and 2 or 1
int main(int argc, char **argv)
{
    static uint8_t pixels[${upper}_PIXELS];
    float probabilities[${upper}_CLASSES];
    @ if apart then
        const void *weights = argc < 2 ? NULL : map_weights(argv[1]);
    @ end
    void *work = malloc(${upper}_WORK_BYTES);
    int status = EXIT_FAILURE;
    @ if apart then
        if (argc < 2) {
            fprintf(stderr, "usage: %s WEIGHTS [PICTURE]\n", argv[0]);
        }
        if (weights == NULL) {
            free(work);
            return status;
        }
    @ end
    if (work == NULL) {
        fputs("out of memory\n", stderr);
        return status;
    }
    if (argc < ${first + 1}) {
        status = self_test(${passed}work);
    } else if (read_picture(pixels, argv[${first}])) {
        ${prefix}_predict(probabilities, pixels, 1, ${passed}work);
        for (int k = 0; k < ${upper}_CLASSES; k++) {
            printf("%6.2f %%  %s\n", 100.0 * (double)probabilities[k], ${prefix}_class_names[k]);
        }
        status = EXIT_SUCCESS;
    }
    free(work);
    return status;
}
