#!/bin/sh
# Pages in headless Chromium, 360, 800 and 1400 pixels wide, light and dark, and on paper: no error,
# nothing wider than the page, cut off or overlapping, enough contrast, names for what is not text
# (page_checks.js), and at most nine pages.
#
#     tests/project/test_browser.sh build/tests/report/report.html ...
#
# A page is shown in frames of another page, whose script measures them; a window itself cannot be
# that narrow.
set -eu
skipped=77
most_pages=9
browser=$(command -v chromium || command -v google-chrome || true)
if [ -z "$browser" ]; then
    echo "skipped: there is no chromium, so nothing was looked at in a browser"
    exit $skipped
fi
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# No sandbox: there is none for root, and the page is ours. Containers have little /dev/shm.
browse() { # option...
    "$browser" --headless --no-sandbox --disable-dev-shm-usage --disable-gpu \
        --user-data-dir="$work/profile" --allow-file-access-from-files --enable-logging=stderr \
        --window-size=1500,900 "$@" 2> "$work/messages" || { cat "$work/messages"; exit 1; }
    if grep 'CONSOLE' "$work/messages" >&2; then
        echo "expected no message of the browser about the page" >&2
        exit 1
    fi
}

cp "$here/page_checks.js" "$work"
{
    echo '<!DOCTYPE html><meta charset="utf-8"><title>frames</title>'
    echo '<script src="page_checks.js"></script>'
    for page in "$@"; do
        if [ ! -e "$page" ]; then
            echo "$page: is not there: expected what test_report leaves" >&2
            exit 1
        fi
        cp "$page" "$work"
        for width in 360 800 1400; do
            echo "<iframe src=\"$(basename "$page")\" style=\"width: ${width}px; height: 800px;" \
                'border: 0"></iframe>'
        done
    done
    cat << 'END'
<pre id="result"></pre>
<script>
window.onload = () => {
    const scheme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    for (const frame of document.querySelectorAll("iframe")) {
        const wrong = check(frame);
        document.querySelector("#result").textContent +=
            `frame ${frame.getAttribute("src")} ${frame.style.width} ${scheme}: `
            + `${wrong.length === 0 ? "fits" : wrong.length}\n`
            + wrong.slice(0, 20).map((text) => `  ${text}\n`).join("");
    }
};
</script>
END
} > "$work/frames.html"

for scheme in light dark; do
    setting=$([ $scheme = dark ] && echo 0 || echo 1)
    browse --blink-settings=preferredColorScheme=$setting --dump-dom \
        "file://$work/frames.html" > "$work/dom"
    sed -n '/<pre id/,/<\/pre>/p' "$work/dom"
    for page in "$@"; do
        for width in 360 800 1400; do
            grep -q "frame $(basename "$page") ${width}px $scheme: fits" "$work/dom" || {
                echo "$page: expected a page that fits into $width pixels, $scheme" >&2
                exit 1
            }
        done
    done
done
for page in "$@"; do
    browse --no-pdf-header-footer --print-to-pdf="$work/page.pdf" "file://$work/$(basename "$page")"
    pages=$(grep -a -c '/Type /Page$' "$work/page.pdf")
    echo "$page: $pages pages on paper"
    if [ "$pages" -lt 1 ] || [ "$pages" -gt $most_pages ]; then
        echo "$page: expected at most $most_pages pages on paper" >&2
        exit 1
    fi
done
