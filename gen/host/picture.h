/* picture.h - pictures for scripts: the function host.png. */
#ifndef BURIN_PICTURE_H
#define BURIN_PICTURE_H

struct lua_State;

/* png(planes, channels, height, width): a PNG file as base64 of an image whose bytes stand plane by
 * plane, one channel (grey) or three (red, green, blue). */
int picture_png(struct lua_State *L);

#endif
