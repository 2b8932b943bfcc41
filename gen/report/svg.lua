-- svg.lua - pictures that are no charts, drawn as inline SVG: the grids, the strips of values.
--
--     local picture <const> = svg.new(200, 150, "what it shows")
--     picture.rect(x, y, width, height, "first")
--     picture.text(x, y, "channels", { anchor = "middle", class = "soft", size = 10 })
--     picture.path("M0,0L10,10", "area", "before the norm: mean 0.3")
--     picture.open(80) ... picture.close()     -- what the page's script may move down by so much
--     picture.done()                                     -- the text of the element
--
-- Colours are classes of the page, so that a picture suits light and dark.

local svg <const> = {}

local ESCAPES <const> = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

--- Text as XML: bytes that are no UTF-8 and controls, which XML does not allow, become "?".
function svg.escape(text)
    text = text:gsub("[%z\1-\8\11-\31\127]", "?")
    if not utf8.len(text) then
        text = text:gsub("[\128-\255]", "?")
    end
    return (text:gsub('[&<>"]', ESCAPES))
end

--- A coordinate: tenths of a pixel are enough.
function svg.number(x)
    return (("%.1f"):format(x):gsub("%.0$", ""))
end

local number <const>, escape <const> = svg.number, svg.escape

local function tooltip(text)
    return text and "<title>" .. escape(text) .. "</title>" or ""
end

--- A picture of so many pixels; `label` says to those who do not see it what it shows.
function svg.new(width, height, label)
    local parts <const> = {}
    local picture <const> = {}

    function picture.rect(x, y, w, h, class, title)
        parts[#parts + 1] = ('<rect class="%s" x="%s" y="%s" width="%s" height="%s">%s</rect>')
            :format(class, number(x), number(y), number(w), number(h), tooltip(title))
    end

    -- style, all optional: anchor "start", "middle" or "end", class, size in pixels, turn in
    -- degrees
    function picture.text(x, y, text, style)
        style = style or {}
        local turn <const> = style.turn
            and (' transform="rotate(%d %s %s)"'):format(style.turn, number(x), number(y)) or ""
        parts[#parts + 1] = ('<text class="%s" x="%s" y="%s" text-anchor="%s" font-size="%d"%s>'
            .. "%s</text>"):format(style.class or "ink", number(x), number(y),
            style.anchor or "start", style.size or 11, turn, escape(text))
    end

    function picture.path(d, class, title, style)
        parts[#parts + 1] = ('<path class="%s" d="%s"%s>%s</path>'):format(class, d,
            style and ' style="' .. style .. '"' or "", tooltip(title))
    end

    function picture.line(x1, y1, x2, y2, class)
        picture.path(("M%s,%sL%s,%s"):format(number(x1), number(y1), number(x2), number(y2)), class)
    end

    function picture.open(drop)
        parts[#parts + 1] = ('<g data-drop="%s">'):format(number(drop))
    end

    function picture.close()
        parts[#parts + 1] = "</g>"
    end

    function picture.done()
        return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" '
            .. 'aria-label="%s">\n%s\n</svg>'):format(width, height, escape(label),
            table.concat(parts, "\n"))
    end

    return picture
end

return svg
