/* fuzz_safetensors.c - any bytes as a safetensors file.
 *
 * It is refused with a message that names the file, or it keeps what safetensors.h promises: names
 * in order, and tensors that cover the data section from end to end. A sanitizer watches over every
 * byte that a tensor then says it has. What is accepted is also held against a model.
 */
#include <string.h>

#include "../support/tiny_model.h"
#include "file/checkpoint.h"
#include "fuzz.h"
#include "fuzz_folder.h"
#include "fuzz_message.h"

FUZZ_UNTRACED static size_t check_tensors(const struct safetensors *file)
{
    size_t bytes = 0;
    unsigned sum = 0;
    for (size_t i = 0; i < file->count; i++) {
        const struct safetensor *tensor = &file->tensors[i];
        const unsigned char *data = tensor->data;
        FUZZ_CHECK(i == 0 || strcmp(file->tensors[i - 1].name, tensor->name) < 0,
                   "names out of order");
        FUZZ_CHECK(safetensors_find(file, tensor->name) == tensor, "not found: %s", tensor->name);
        for (size_t k = 0; k < safetensors_bytes(tensor); k++)
            sum += data[k];
        bytes += safetensors_bytes(tensor);
    }
    return bytes + (sum > UINT32_MAX - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct safetensors file = {0};
    struct err err = {0};
    char path[FUZZ_PATH_SIZE];
    static int fd = -1;
    fuzz_keep(&fd, "last.safetensors", data, size);
    fuzz_path("last.safetensors", path);
    if (safetensors_open(&file, path, &err)) {
        FUZZ_CHECK(check_tensors(&file) <= size, "more tensors than bytes");
        for (size_t i = 0; i < file.meta_count; i++)
            FUZZ_CHECK(safetensors_meta(&file, file.metas[i].key) == file.metas[i].value,
                       "metadata not found");
        if (!checkpoint_fits(&file, &tiny_model, &err))
            check_message(&err, path);
    } else {
        check_message(&err, path);
    }
    safetensors_close(&file);
    return 0;
}
