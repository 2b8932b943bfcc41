/* picture.c - libpng writes the file, libcrypto the base64. */
#include "picture.h"

#include <openssl/evp.h>
#include <png.h>

#include <lauxlib.h>
#include <lua.h>

enum { MAX_SIDE = 4096 };

int picture_png(lua_State *L)
{
    size_t size, bytes = 0;
    const char *planes = luaL_checklstring(L, 1, &size);
    lua_Integer c = luaL_checkinteger(L, 2), h = luaL_checkinteger(L, 3);
    lua_Integer w = luaL_checkinteger(L, 4);
    luaL_argcheck(L, c == 1 || c == 3, 2, "expected 1 or 3 channels");
    luaL_argcheck(L, h > 0 && h <= MAX_SIDE && w > 0 && w <= MAX_SIDE, 3, "expected 1 to 4096");
    luaL_argcheck(L, size == (size_t)(c * h * w), 1, "expected channels * height * width bytes");

    size_t channels = (size_t)c, pixels = (size_t)(h * w);
    char *mixed = lua_newuserdatauv(L, size, 0);
    for (size_t i = 0; i < pixels; i++)
        for (size_t k = 0; k < channels; k++)
            mixed[i * channels + k] = planes[k * pixels + i];

    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)w,
                       .height = (png_uint_32)h,
                       .format = c == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY};
    size_t room = PNG_IMAGE_PNG_SIZE_MAX(image);
    unsigned char *file = lua_newuserdatauv(L, room, 0);
    bytes = room;
    if (!png_image_write_to_memory(&image, file, &bytes, 0, mixed, 0, NULL))
        return luaL_error(L, "png: %s", image.message);
    unsigned char *text = lua_newuserdatauv(L, 4 * ((bytes + 2) / 3) + 1, 0);
    int length = EVP_EncodeBlock(text, file, (int)bytes);
    lua_pushlstring(L, (const char *)text, (size_t)length);
    return 1;
}
