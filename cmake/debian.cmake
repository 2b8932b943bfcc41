# Run by cpack over the files of a package: what Debian has otherwise than others. Manual pages and
# changelogs are compressed, the license is in its form, and zsh looks in a folder of its own.
set(usr "${CPACK_TEMPORARY_DIRECTORY}/usr")
set(doc "${usr}/share/doc/burin")
set(maintainer "${CPACK_PACKAGE_CONTACT}")

# It would make the package depend on one MPI; without it --ranks N works on one machine.
file(REMOVE "${usr}/lib/burin_mpi.so")

file(READ "${doc}/LICENSE" license)
string(REGEX REPLACE "^MIT License\n+Copyright [^\n]*\n+" "" license "${license}")
string(STRIP "${license}" license)
string(REGEX REPLACE "\n\n" "\n.\n" license "${license}")
string(REPLACE "\n" "\n " license "${license}")
file(WRITE "${doc}/copyright" "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: burin

Files: *
Copyright: 2026 burin contributors
License: Expat
 ${license}
")
file(REMOVE "${doc}/LICENSE")

# The day of the version is that of the manual pages.
file(STRINGS "${usr}/share/man/man1/burin.1" head LIMIT_COUNT 1)
string(REGEX MATCH "[0-9]+-[0-9]+-[0-9]+" date "${head}")
execute_process(COMMAND date -u -R -d "${date}" OUTPUT_VARIABLE date OUTPUT_STRIP_TRAILING_WHITESPACE)
file(RENAME "${doc}/CHANGELOG.md" "${doc}/changelog")
file(WRITE "${doc}/changelog.Debian"
    "burin (${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium\n\n"
    "  * As changelog.gz says.\n\n -- ${maintainer}  ${date}\n")

file(GLOB pages "${usr}/share/man/man*/*")
execute_process(COMMAND gzip -9 -n "${doc}/changelog" "${doc}/changelog.Debian" ${pages}
    COMMAND_ERROR_IS_FATAL ANY)

file(MAKE_DIRECTORY "${usr}/share/zsh/vendor-completions")
file(RENAME "${usr}/share/zsh/site-functions/_burin" "${usr}/share/zsh/vendor-completions/_burin")
file(REMOVE_RECURSE "${usr}/share/zsh/site-functions")
