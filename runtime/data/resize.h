/* resize.h - a picture of another size, by the mean over areas.
 *
 *     if (!resize_picture(&picture, RESIZE_CROP, 32, 32, &err)) ...
 *
 * A pixel of the new picture covers a rectangle of the old one and is the mean of it, each old
 * pixel weighted by how much of it is inside. So nothing is lost between two samples when a picture
 * gets smaller, and where one side is a whole multiple of the other it is the plain mean of whole
 * pixels, or their repetition. The arithmetic is of integers: the mean is exact and rounds once, a
 * half up.
 */
#ifndef BURIN_RESIZE_H
#define BURIN_RESIZE_H

#include "data/picture.h"

enum resize {
    RESIZE_NONE, /* another size is an error of the caller's */
    RESIZE_FIT,  /* the whole picture, its proportions kept, in the middle of black */
    RESIZE_CROP  /* the largest part in the middle that has the proportions asked for */
};

/* "fit", "crop"; "none". */
const char *resize_name(enum resize how);

/* Makes the picture h x w and notes PICTURE_RESIZED, unless it is so already. how is not
 * RESIZE_NONE. Proportions that FIT keeps are rounded to whole pixels. False where there is no
 * memory; the picture is then as it was. */
bool resize_picture(struct picture *picture, enum resize how, int h, int w, struct err *err);

#endif
