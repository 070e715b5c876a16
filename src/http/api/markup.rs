//! HTML made of our own short texts and of JSON. The texts have one mark, `code` between backticks, as a terminal shows them as they are.

/// A text in which nothing is markup.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            other => html.push(other),
        }
    }
    html
}

/// A sentence or more, with what stands between backticks as code; a page of ours is a link.
pub(super) fn prose(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 64);
    for (index, part) in text.split('`').enumerate() {
        let part = escaped(part);
        if index % 2 == 0 {
            html.push_str(&part);
        } else if part.starts_with("/docs/") {
            html.push_str(&format!("<a href=\"{part}\"><code>{part}</code></a>"));
        } else {
            html.push_str(&format!("<code>{part}</code>"));
        }
    }
    html
}

/// JSON that has a member a line, with names and texts told apart from the rest.
pub(super) fn json(lines: &str) -> String {
    let lines: Vec<_> = lines.lines().map(json_line).collect();
    lines.join("\n")
}

fn json_line(line: &str) -> String {
    let text = line.trim_start();
    let indent = line.strip_suffix(text).unwrap_or_default();
    let (name, value) = match text.strip_prefix('"').and_then(|rest| rest.split_once("\": ")) {
        Some((name, value)) => (format!("<span class=\"name\">&quot;{}&quot;</span>: ", escaped(name)), value),
        None => (String::new(), text),
    };
    let (value, comma) = value.strip_suffix(',').map_or((value, ""), |value| (value, ","));
    let value = match value.as_bytes().first() {
        Some(b'"') => format!("<span class=\"text\">{}</span>", escaped(value)),
        Some(b'{' | b'}' | b'[' | b']') | None => escaped(value),
        Some(_) => format!("<span class=\"word\">{}</span>", escaped(value)),
    };
    format!("{indent}{name}{value}{comma}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_marked_and_nothing_else_is_markup() {
        let check = |text: &str, expected: &str| assert_eq!(prose(text), expected);
        check("a `b` c", "a <code>b</code> c");
        check("`<b>` & \"c\"", "<code>&lt;b&gt;</code> &amp; &quot;c&quot;");
        check("`/docs/` has it", "<a href=\"/docs/\"><code>/docs/</code></a> has it");
        check("plain", "plain");
    }

    #[test]
    fn names_texts_and_words_of_json_are_told_apart() {
        let check = |line: &str, expected: &str| assert_eq!(json(line), expected);
        check("{\n  \"a\": 1\n}", "{\n  <span class=\"name\">&quot;a&quot;</span>: <span class=\"word\">1</span>\n}");
        check(
            "  \"a\": \"b\\\": <c>,\",",
            "  <span class=\"name\">&quot;a&quot;</span>: <span class=\"text\">&quot;b\\&quot;: &lt;c&gt;,&quot;</span>,",
        );
        check("    },", "    },");
        check("  \"errors\": [", "  <span class=\"name\">&quot;errors&quot;</span>: [");
        check("  \"a\"", "  <span class=\"text\">&quot;a&quot;</span>");
    }
}
