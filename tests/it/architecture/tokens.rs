//! Rust text as words and signs: comments, literals and test code are left out.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    Word(&'a str),
    /// `::`
    PathSeparator,
    Sign(char),
}

/// The tokens of a file's production code. Test code may use more than the code it tests, so everything behind
/// `#[cfg(test)]` is left out.
pub fn production_tokens(text: &str) -> Vec<Token<'_>> {
    let all = tokens(text);
    let mut kept = Vec::with_capacity(all.len());
    let mut rest = all.as_slice();
    while let Some((first, after)) = rest.split_first() {
        rest = if is_cfg_test(rest) {
            after_item(rest)
        } else {
            kept.push(*first);
            after
        };
    }
    kept
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = if rest.starts_with("//") {
            after(rest, "\n")
        } else if rest.starts_with("/*") {
            after_block_comment(rest)
        } else if let Some(after) = after_literal(rest) {
            after
        } else if is_word_character(first) {
            let end = rest.find(|c| !is_word_character(c)).unwrap_or(rest.len());
            tokens.push(Token::Word(&rest[..end]));
            &rest[end..]
        } else if let Some(after) = rest.strip_prefix("::") {
            tokens.push(Token::PathSeparator);
            after
        } else if rest.starts_with("->") || rest.starts_with("=>") {
            // One sign, so that a lone `>` closes generics (or compares).
            tokens.push(Token::Sign('-'));
            &rest[2..]
        } else {
            if !first.is_whitespace() {
                tokens.push(Token::Sign(first));
            }
            &rest[first.len_utf8()..]
        };
    }
    tokens
}

fn is_word_character(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn after<'a>(text: &'a str, end: &str) -> &'a str {
    text.split_once(end).map_or("", |(_, after)| after)
}

/// Block comments nest.
fn after_block_comment(text: &str) -> &str {
    let mut depth = 0;
    let mut rest = text;
    loop {
        rest = if let Some(after) = rest.strip_prefix("/*") {
            depth += 1;
            after
        } else if let Some(after) = rest.strip_prefix("*/") {
            depth -= 1;
            after
        } else {
            let mut characters = rest.chars();
            characters.next();
            characters.as_str()
        };
        if depth == 0 || rest.is_empty() {
            return rest;
        }
    }
}

/// What follows the string or character at the start of `text`; `None` where neither starts there.
fn after_literal(text: &str) -> Option<&str> {
    let text = text.strip_prefix(['b', 'c']).unwrap_or(text);
    if let Some(raw) = text.strip_prefix('r') {
        let quote = raw.trim_start_matches('#');
        let hashes = &raw[..raw.len() - quote.len()];
        return Some(after(quote.strip_prefix('"')?, &format!("\"{hashes}")));
    }
    if let Some(inside) = text.strip_prefix('"') {
        return Some(after_closing(inside, '"'));
    }
    let inside = text.strip_prefix('\'')?;
    // `'a'` is a character, `'a` a lifetime.
    let is_character = inside.starts_with('\\') || inside.chars().nth(1) == Some('\'');
    is_character.then(|| after_closing(inside, '\''))
}

/// What follows the first `quote` that no backslash stands before.
fn after_closing(inside: &str, quote: char) -> &str {
    let mut characters = inside.chars();
    while let Some(c) = characters.next() {
        if c == '\\' {
            characters.next();
        } else if c == quote {
            break;
        }
    }
    characters.as_str()
}

fn is_cfg_test(tokens: &[Token<'_>]) -> bool {
    let [first, second, rest @ ..] = tokens else { return false };
    let condition = [Token::Word("cfg"), Token::Sign('('), Token::Word("test"), Token::Sign(')'), Token::Sign(']')];
    (*first, *second) == (Token::Sign('#'), Token::Sign('[')) && rest.starts_with(&condition)
}

/// What follows the item at the start, its attributes included: it ends with `;` or a block outside all brackets.
fn after_item<'t, 'a>(mut tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    let mut depth = 0;
    while let Some((first, after)) = tokens.split_first() {
        tokens = after;
        match first {
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(')' | ']') => depth -= 1,
            Token::Sign('}') => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            Token::Sign(';') if depth == 0 => break,
            _ => {}
        }
    }
    tokens
}

#[test]
fn comments_and_literals_are_no_code() {
    let words = |text: &str| {
        let words = tokens(text).into_iter().filter_map(|token| match token {
            Token::Word(word) => Some(word.to_owned()),
            Token::PathSeparator | Token::Sign(_) => None,
        });
        words.collect::<Vec<_>>().join(" ")
    };
    for (text, expected) in [
        ("a // b\nc /// d\n", "a c"),
        ("a /* b /* c */ d */ e", "a e"),
        (r#"a "b" c "d\" e" f"#, "a c f"),
        (r###"a r"b" r#"c "d" e"# br##"f"# g"## h"###, "a h"),
        (r#"a b"b" c"c" d"#, "a d"),
        (r"a 'b' '\'' '\u{62}' b'c' d", "a d"),
        ("fn f<'a>(b: &'a str, c: &'static str)", "fn f a b a str c static str"),
        ("r#type brute crate", "r type brute crate"),
        ("\"a", ""),
    ] {
        assert_eq!(words(text), expected, "{text}");
    }
}

#[test]
fn test_code_is_left_out() {
    let text = "use a; #[cfg(test)] #[path = \"x\"] mod tests { use b; fn c() {} } #[cfg(test)] use d::e;
        #[cfg(test)] fn g(h: [u8; 2]) { i } #[cfg(unix)] mod j;";
    let kept: Vec<_> = production_tokens(text);
    assert_eq!(kept, tokens("use a; #[cfg(unix)] mod j;"));
}
