/* fuzz_tensors.c - any bytes as a safetensors file of images and labels. */
#include "fuzz_formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH_SIZE];
    static int fd = -1;
    fuzz_keep(&fd, "x.safetensors", data, size);
    judge_format(fuzz_path("x.safetensors", path),
                 (struct data_options){RESIZE_NONE, false, NULL, NULL, 0});
    return 0;
}
