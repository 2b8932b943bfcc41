@ -- What the loops of kernels are given: shapes, and the names for those of a program.
@ if wanted.image then

    /* An image of h x w pixels in a frame of `border` zeros: the c channels of a pixel lie side by side, and
     * the next pixel `pitch` ${real}s further on. */
    struct image {
        int h, w, c, pitch, border;
    };
@ end
@ if wanted.geometry and alone then

    /* A window: its taps, stride, padding and dilation down (h) and across (w): output p sees the inputs
     * p * stride - padding + tap * dilation. */
    struct axis {
        int taps, stride, padding, dilation;
    };

    struct geometry {
        struct axis h, w;
    };
@ end
@ if wanted.drop_bits then

    /* A dropout: elements take their bits of `keep` in order of rows, columns and channels, `pitch` bits a
     * pixel, `bytes` an image; `scale`, the factor of kept ones: 65536 / (65536 - threshold). The bits of one
     * pixel stand for all where `pitch` is 0. */
    struct drop_bits {
        int pitch, bytes;
        ${real} scale;
    };
@ end
@ if #shapes > 0 then

    @ if legend then
        /* ${legend} */
    @ end
    @ for _, shape in ipairs(shapes) do
        #define ${shape.name} ${shape.defines}
    @ end
@ end
