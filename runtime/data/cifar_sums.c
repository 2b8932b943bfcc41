/* cifar_sums.c - the digests that `make data` wrote beside the files of CIFAR-10. */
#include "data/cifar_sums.h"

#include <stdio.h>
#include <string.h>

#include "data/cifar.h"
#include "data/format.h"
#include "file/infile.h"

void cifar_sums_read(struct cifar_sums *sums, const char *dir)
{
    char path[DATA_PATH_SIZE];
    struct err ignored = {0};
    *sums = (struct cifar_sums){0};
    if (!format_join(path, dir, "SHA256SUMS", &ignored))
        return;
    FILE *file = infile_open(path, "rb");
    if (!file)
        return;
    size_t length = fread(sums->text, 1, sizeof sums->text - 1, file);
    sums->text[length] = '\0';
    sums->there = !ferror(file);
    fclose(file);
}

/* The digest that a list gives for a file, or NULL. A line is the digest, a blank, a blank or an
 * asterisk, and the name. */
static const char *listed_digest(const struct cifar_sums *sums, const char *name)
{
    const size_t digest = SHA256_HEX_SIZE - 1;
    for (const char *line = sums->text; *line;) {
        size_t length = strcspn(line, "\r\n");
        if (length == digest + 2 + strlen(name) && line[digest] == ' ' &&
            strncmp(line + digest + 2, name, strlen(name)) == 0)
            return line;
        line += length;
        line += strspn(line, "\r\n");
    }
    return NULL;
}

void cifar_sums_compare(struct data *data, const struct cifar_sums *sums, const char *name,
                        const char *digest)
{
    if (!sums->there || data->warning[0])
        return;
    const char *listed = listed_digest(sums, name);
    if (!listed) {
        snprintf(data->warning, sizeof data->warning, "%s/SHA256SUMS: does not list %s",
                 data->source, name);
        return;
    }
    if (strncmp(listed, digest, strlen(digest)) != 0)
        snprintf(data->warning, sizeof data->warning,
                 "%s/%s: differs from the SHA256SUMS beside it", data->source, name);
}

void cifar_sums_judge(struct data *data, const struct cifar_sums *sums)
{
    const char *mark = CIFAR_OFFICIAL_MARK;
    if (data->warning[0])
        return;
    if (!sums->there)
        snprintf(
            data->warning, sizeof data->warning,
            "%s: whether these are the official files is not known: no SHA256SUMS beside them, "
            "which `make data` writes; they are read all the same",
            data->source);
    else if (strncmp(sums->text, mark, strlen(mark)) != 0)
        snprintf(
            data->warning, sizeof data->warning,
            "%s: whether these are the official files is not known: the SHA256SUMS beside them "
            "is not that of `make data`, which begins with \"%s\"; they are read all the same",
            data->source, mark);
}
