/* fuzz_archive.c - any bytes as an archive of CIFAR's files, packed or plain. cifar.c and
 * cifar_archive.c are compiled for files of a few records here. */
#include "fuzz_formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH_SIZE];
    static int fd = -1;
    fuzz_keep(&fd, "x.tar.gz", data, size);
    fuzz_path("x.tar.gz", path);
    struct data found = {0};
    struct err err = {0};
    const struct data_request request = {.path = path, .part = DATA_TEST};
    bool opened = format_open(&found, &request, &err);
    if (opened) {
        check_names(&found);
        check_images(&found);
    } else {
        check_message(&err, path);
    }
    data_close(&found);
    return 0;
}
