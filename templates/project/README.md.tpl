# ${name}

`${name}.lua` describes a network. burin writes a C program that trains it:

    make train                            # on drawn images, which need no file
    make train DATA=pictures/             # a folder of images for each class, .npz, CIFAR, MNIST, ...
    make train NORM=gn EPOCHS=20 ARGS="--lr 0.02 --seed 1"
    make freeze                           # the trained network as C that needs nothing but libm
    make help                             # the other targets and variables

`input` and `classes` in `${name}.lua` say what images it takes; `burin data PATH` says what images there are.
A run leaves its log and its models in `runs/`; `burin report runs/*` compares them on a page, and
`build/${name}_bn_* predict --model runs/${name}_bn photo.png` says what is in an image.

It needs burin, a C compiler, make, pkg-config and the libraries that `pkg-config --print-requires burin` names.
