/* folder.h - images in folders, one a class: PNG and JPEG files (folder_list.h says which).
 *
 * An image of another size than the network takes is an error that lists the first ones, unless
 * the request says how to resize. One that cannot be read is an error that lists the first ones,
 * unless the request says to skip them; then they are counted in data->note, as are conversions
 * (picture.h).
 *
 * Images are decoded by all processors and kept as bytes, in memory and in a hidden file in the
 * folder of the classes, ".burin-<shape>-<resize>.cache", which every training and evaluation
 * shares and which goes when the folder goes. It is written anew when a name, a size or a time has
 * changed. Where it cannot be written, data->note says so.
 */
#ifndef BURIN_FOLDER_H
#define BURIN_FOLDER_H

#include "data/format.h"

extern const struct data_format folder_format;

#endif
