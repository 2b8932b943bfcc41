/* fuzz_data.c - any bytes as a folder with CIFAR-10's test file and the SHA256SUMS beside it.
 *
 * Two bytes of a length, so many bytes of SHA256SUMS, and the rest is the file. A flag in the first
 * byte asks for a file of the right size, so that mutations come past the first check: what is
 * missing is added as zeros, what is too much is cut off. cifar.c is compiled for files of
 * CIFAR_RECORDS = 4 records here.
 */
#include <string.h>

#include "data/cifar.h"
#include "fuzz.h"
#include "fuzz_folder.h"
#include "fuzz_message.h"

enum { HEAD = 2, FILE_BYTES = CIFAR_RECORDS * (1 + CIFAR_PIXELS), RIGHT_SIZE = 0x80 };

static void judge(const uint8_t *file, size_t size)
{
    struct data data = {0};
    struct err err = {0};
    const struct data_request request = {.path = fuzz_folder, .part = DATA_TEST};
    bool opened = format_open(&data, &request, &err);
    bool good = size == FILE_BYTES;
    for (size_t i = 0; good && i < CIFAR_RECORDS; i++)
        good = file[i * (1 + CIFAR_PIXELS)] < CIFAR_CLASSES;
    FUZZ_CHECK(opened == good, "%s, but should not be: %s", opened ? "accepted" : "refused",
               err.message);
    if (opened) {
        FUZZ_CHECK(data.count == CIFAR_RECORDS, "%d images", data.count);
        for (int i = 0; i < data.count; i++)
            FUZZ_CHECK(data.labels[i] == file[i * (1 + CIFAR_PIXELS)], "label of image %d", i);
        for (const char *at = data.warning; *at != '\0'; at++)
            FUZZ_CHECK((unsigned char)*at >= ' ', "a control character: %s", data.warning);
    } else {
        check_message(&err, fuzz_folder);
    }
    data_close(&data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD)
        return 0;
    size_t rest = size - HEAD, sums = ((size_t)data[0] & (RIGHT_SIZE - 1)) << 8 | data[1];
    sums = sums < rest ? sums : rest;
    size_t bytes = rest - sums, file_size = data[0] & RIGHT_SIZE ? FILE_BYTES : bytes;
    uint8_t *file = calloc(file_size + 1, 1);
    FUZZ_CHECK(file != NULL, "no memory");
    memcpy(file, data + HEAD + sums, bytes < file_size ? bytes : file_size);
    static int records = -1, digests = -1;
    fuzz_keep(&records, "test_batch.bin", file, file_size);
    fuzz_keep(&digests, "SHA256SUMS", data + HEAD, sums);
    judge(file, file_size);
    free(file);
    return 0;
}
