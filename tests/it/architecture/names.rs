//! Which names a file uses: its `use` trees, each name of them with its whole path, and the paths in its code.

use super::tokens::{Token, production_tokens};

/// As written: `["super", "x", "Y"]`. One that begins with `::` has an empty first segment.
pub type Path = Vec<String>;

/// What one file names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub imports: Vec<Import>,
    /// Paths of two segments or more outside `use`.
    pub paths: Vec<Path>,
}

/// One name of a `use` tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    pub path: Path,
    /// What the file calls it; [`GLOB`] for everything below the path.
    pub name: String,
    /// `pub use`, with whatever visibility.
    pub reexported: bool,
}

pub const GLOB: &str = "*";

impl Names {
    pub fn of(text: &str) -> Self {
        let tokens = production_tokens(text);
        let mut reader = Reader { tokens: &tokens, at: 0 };
        let mut names = Self::default();
        while let Some(token) = reader.next() {
            match token {
                // Not `impl Trait + use<'a>`.
                Token::Word("use") if reader.peek() != Some(Token::Sign('<')) => {
                    let reexported = matches!(reader.before(2), Some(Token::Word("pub") | Token::Sign(')')));
                    let mut found = Vec::new();
                    reader.use_tree(&[], &mut found);
                    names.imports.extend(found.into_iter().map(|(path, name)| Import { path, name, reexported }));
                }
                Token::Word(_) | Token::PathSeparator => names.paths.extend(reader.path(token)),
                Token::Sign(_) => {}
            }
        }
        names
    }
}

struct Reader<'t> {
    tokens: &'t [Token<'t>],
    at: usize,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<Token<'t>> {
        self.tokens.get(self.at).copied()
    }

    fn next(&mut self) -> Option<Token<'t>> {
        let token = self.peek();
        self.at += 1;
        token
    }

    /// The token so many before the next one.
    fn before(&self, distance: usize) -> Option<Token<'t>> {
        self.tokens.get(self.at.checked_sub(distance)?).copied()
    }

    /// Reads a `use` tree up to the `,`, `}` or `;` behind it.
    fn use_tree(&mut self, prefix: &[String], found: &mut Vec<(Path, String)>) {
        let mut path = prefix.to_vec();
        let mut alias = None;
        loop {
            match self.peek() {
                Some(Token::Word("as")) => {
                    self.at += 1;
                    if let Some(Token::Word(name)) = self.peek() {
                        alias = Some(name.to_owned());
                    }
                }
                // `a::{self}` is `a`.
                Some(Token::Word("self")) if !path.is_empty() => {}
                Some(Token::Word(segment)) => path.push(segment.to_owned()),
                Some(Token::PathSeparator) if path.is_empty() => path.push(String::new()),
                Some(Token::PathSeparator) => {}
                Some(Token::Sign('*')) => alias = Some(GLOB.to_owned()),
                Some(Token::Sign('{')) => {
                    self.at += 1;
                    return self.use_group(&path, found);
                }
                Some(Token::Sign(_)) | None => break,
            }
            self.at += 1;
            if alias.is_some() {
                break;
            }
        }
        let name = alias.or_else(|| path.last().cloned()).unwrap_or_default();
        found.push((path, name));
    }

    /// The trees of a group, whose `{` has been read.
    fn use_group(&mut self, prefix: &[String], found: &mut Vec<(Path, String)>) {
        while let Some(token) = self.peek() {
            match token {
                Token::Sign('}') => {
                    self.at += 1;
                    return;
                }
                Token::Sign(',') => self.at += 1,
                _ => self.use_tree(prefix, found),
            }
        }
    }

    /// The path that begins with `first`, which has been read.
    fn path(&mut self, first: Token<'t>) -> Option<Path> {
        // `a.b::<T>()` is a method, `<T as A>::b` and `Vec::<T>::b` have no path of their own.
        let inside = match self.before(2) {
            Some(Token::Sign('.')) => true,
            Some(Token::Sign('>')) => first == Token::PathSeparator,
            _ => false,
        };
        let mut path = Vec::new();
        match first {
            Token::Word(segment) => path.push(segment.to_owned()),
            _ => {
                path.push(String::new());
                self.at -= 1;
            }
        }
        while let (Some(Token::PathSeparator), Some(Token::Word(segment))) =
            (self.peek(), self.tokens.get(self.at + 1).copied())
        {
            path.push(segment.to_owned());
            self.at += 2;
        }
        if self.peek() == Some(Token::PathSeparator) {
            self.at += 1;
        }
        (path.len() > 1 && !inside).then_some(path)
    }
}

#[test]
fn use_trees_are_read_whole() {
    for (text, expected) in [
        ("use a::b;", "a::b as b"),
        ("use a::b as c;", "a::b as c"),
        ("use a::B as _;", "a::B as _"),
        ("use a::*;", "a as *"),
        ("use ::a::b;", "::a::b as b"),
        ("use super::super::a;", "super::super::a as a"),
        ("use self::a::{b};", "self::a::b as b"),
        (
            "use crate::{a::{b, c as d, e::*}, f, g::{self, h}};",
            "crate::a::b as b, crate::a::c as d, crate::a::e as *, crate::f as f, crate::g as g, crate::g::h as h",
        ),
        (
            "use crate::{\n    // use x;\n    a,\n    b::c, /* d */\n};\nuse e;",
            "crate::a as a, crate::b::c as c, e as e",
        ),
        ("pub use a::b; pub(crate) use c; pub(in crate::d) use e;", "pub a::b as b, pub c as c, pub e as e"),
        ("fn f() { use a::B::{C, D}; }", "a::B::C as C, a::B::D as D"),
        ("use a::{}; // use b;", ""),
        ("let x = \"use a::b;\"; r#\"use c;\"#;", ""),
        ("fn f<'a>() -> impl A + use<'a> {}", ""),
    ] {
        let imports = Names::of(text).imports.into_iter().map(|import| {
            let visibility = if import.reexported { "pub " } else { "" };
            format!("{visibility}{} as {}", import.path.join("::"), import.name)
        });
        assert_eq!(imports.collect::<Vec<_>>().join(", "), expected, "{text}");
    }
}

#[test]
fn paths_in_code_are_read() {
    for (text, expected) in [
        ("fn f(a: crate::a::B) -> super::C { self::d() }", "crate::a::B super::C self::d"),
        ("fn f() -> ::a::B", "::a::B"),
        ("a.b::<C>(); Vec::<D>::new(); <E as f::G>::h()", "f::G"),
        ("a::b::<c::D>()", "a::b c::D"),
        ("vec![a::b(), ::c::d]; matches!(x, e::F { .. })", "a::b ::c::d e::F"),
        ("#[a::b(c)] struct D;", "a::b"),
        ("if x == a::B && y > c::D {}", "a::B c::D"),
        ("macro_rules! m { () => { $crate::a::b } }", "crate::a::b"),
        ("// a::b\n\"c::d\"; 'e'; f", ""),
        ("use a::b; c::d", "c::d"),
    ] {
        let paths: Vec<String> = Names::of(text).paths.iter().map(|path| path.join("::")).collect();
        assert_eq!(paths.join(" "), expected, "{text}");
    }
}
