#!/bin/sh
# A page in headless Chromium, 400 and 1400 pixels wide: no error, and nothing wider than the page.
#
#     tests/project/test_browser.sh build/tests/report/report.html
#
# The page is shown in two frames of another page, whose script measures them; a window itself
# cannot be that narrow.
set -eu
page=$1
skipped=77
browser=$(command -v chromium || command -v google-chrome || true)
if [ -z "$browser" ]; then
    echo "skipped: there is no chromium, so nothing was looked at in a browser"
    exit $skipped
fi
if [ ! -e "$page" ]; then
    echo "$page: is not there: expected what test_report leaves" >&2
    exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$page" "$work/page.html"
cat > "$work/frames.html" <<'END'
<!DOCTYPE html><title>frames</title>
<iframe src="page.html" style="width: 400px; height: 800px; border: 0"></iframe>
<iframe src="page.html" style="width: 1400px; height: 800px; border: 0"></iframe>
<pre id="result"></pre>
<script>
window.onload = () => {
    for (const frame of document.querySelectorAll("iframe")) {
        const page = frame.contentDocument, width = page.documentElement.clientWidth;
        let wide = "";
        for (const one of page.querySelectorAll("body *"))
            if (!one.closest(".scroll, svg") && one.getBoundingClientRect().right > width + 0.5)
                wide += " " + one.tagName + "." + one.className;
        document.querySelector("#result").textContent += `frame ${frame.style.width}: ` +
            `${page.querySelectorAll("section").length > 0 ? "shown" : "empty"}, ` +
            (page.documentElement.scrollWidth > width || wide ? "overflows" + wide : "fits") + "\n";
    }
};
</script>
END
# No sandbox: there is none for root, and the page is ours. Containers have little /dev/shm.
"$browser" --headless --no-sandbox --disable-dev-shm-usage --disable-gpu --user-data-dir="$work/profile" \
    --allow-file-access-from-files --enable-logging=stderr --window-size=1500,900 --dump-dom \
    "file://$work/frames.html" > "$work/dom" 2> "$work/messages" || { cat "$work/messages"; exit 1; }
sed -n '/^frame \|<pre/p' "$work/dom"
if grep 'CONSOLE' "$work/messages"; then
    echo "expected no message of the browser about the page" >&2
    exit 1
fi
for width in 400 1400; do
    grep -q "frame ${width}px: shown, fits" "$work/dom" || {
        echo "expected a page that fits into $width pixels" >&2
        exit 1
    }
done
