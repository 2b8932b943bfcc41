# `cpack -G DEB` in the build folder: what is installed, as a package of Debian.
#
# What the two executables link is found by dpkg-shlibdeps; the rest is what generated programs are
# compiled, linked and run with, which nothing can find by itself: tests/project/test_deb.sh compares it
# with the packages that burin.pc requires, and trains where nothing else is installed.
set(CPACK_PACKAGE_NAME burin)
set(CPACK_PACKAGE_VENDOR "burin contributors")
set(CPACK_PACKAGE_CONTACT "burin contributors <contributors@burin.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "engraves a neural network into C")
set(CPACK_PACKAGE_DESCRIPTION
"burin reads the description of a neural network, thirty lines of Lua, and
writes one readable C program that trains it: AVX2, AVX-512 or portable C
kernels, forward and backward, for every shape in it.
.
The package has the generator, the library that generated programs are
linked with, manual pages, examples and documents.")
set(CPACK_PACKAGE_FILE_NAME "burin_${burin_VERSION}-1")
set(CPACK_GENERATOR DEB)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ
    GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
# Before the files are copied, those of them that are made: the tests are not.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
set(CPACK_INSTALL_COMMANDS
    "'${CMAKE_COMMAND}' --build '${CMAKE_CURRENT_BINARY_DIR}' --target install_files")
set(CPACK_PRE_BUILD_SCRIPTS "${CMAKE_CURRENT_SOURCE_DIR}/cmake/debian.cmake")

set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
string(JOIN ", " CPACK_DEBIAN_PACKAGE_DEPENDS
    # of a program that is compiled: the packages of BURIN_RUNTIME_PACKAGES
    libcjson-dev libssl-dev libpng-dev libjpeg-dev libarchive-dev libzip-dev zlib1g-dev
    # of the generic kernels, which load it when they are used
    libopenblas0
    # of the Makefile of `burin new`
    "gcc | c-compiler" libc6-dev make pkg-config)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS gnuplot-nox) # of `burin report`
set(CPACK_DEBIAN_PACKAGE_SUGGESTS cmake)
include(CPack)
