//! How SQLite goes about each statement of the engine: by a key or a range of an index, however many messages there are.
//!
//! The statements are read from the sources, so that none is forgotten.

use std::path::Path;

use rusqlite::Connection;

use super::*;
use crate::embedded::stored_message::columns;

/// Statements that go over a whole table, once in the life of a process.
const WHOLE_TABLE: [&str; 3] = [
    // When a store is found damaged.
    "checksum, sequence FROM messages ORDER BY sequence",
    // When a store is opened: the delayed messages, by their index, and what is out.
    "UPDATE messages INDEXED BY messages_due",
    "UPDATE deliveries SET visible_at = ?1 + coalesce(hidden_for, ?2)",
];

/// The statements of the sources, migrations left out.
fn statements() -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/embedded");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") || path.ends_with("schema.rs") {
            continue;
        }
        let source = std::fs::read_to_string(path).unwrap();
        let (code, _) = source.split_once("#[cfg(test)]").unwrap_or((&source, ""));
        // `concat!("SELECT ", columns!(), …)` is one text.
        let pieces: Vec<&str> = code.split('"').collect();
        let mut texts = pieces.iter().skip(1).step_by(2).zip(pieces.iter().skip(2).step_by(2));
        while let Some((text, between)) = texts.next() {
            let (mut statement, mut between) = ((*text).to_owned(), *between);
            while between.contains("columns!()")
                && between.chars().all(|char| char.is_whitespace() || ",columns!()".contains(char))
            {
                let Some((more, after)) = texts.next() else { break };
                statement = format!("{statement}{}{more}", columns!());
                between = after;
            }
            if ["SELECT ", "INSERT ", "UPDATE ", "DELETE "].iter().any(|word| statement.trim_start().starts_with(word))
            {
                found.push(statement.split_whitespace().collect::<Vec<_>>().join(" "));
            }
        }
    }
    found
}

/// What SQLite says of a statement, in one column.
fn explained(connection: &Connection, how: &str, statement: &str, column: usize) -> Vec<String> {
    let mut explain = connection.prepare(&format!("{how} {statement}")).unwrap();
    let mut rows = explain.raw_query();
    let mut lines = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        lines.push(row.get(column).unwrap());
    }
    lines
}

/// Those of the statements of which SQLite says what the test asks for.
async fn which(
    how: &'static str,
    column: usize,
    is_it: fn(&str, &str) -> bool,
    statements: Vec<String>,
) -> Vec<String> {
    let engine = start(EngineOptions::default()).engine;
    let look = move |connection: &Connection| {
        let is_it = |statement: &String| {
            explained(connection, how, statement, column).iter().any(|line| is_it(statement, line))
        };
        Ok(statements.iter().filter(|statement| is_it(statement)).cloned().collect())
    };
    engine.shared().storage.run(Access::Reads, look).await.unwrap()
}

/// Whether a step of a plan goes over a table that grows with what is stored. The first rows in the table's own order are
/// a part of it.
fn goes_over_all(statement: &str, step: &str) -> bool {
    let scan = ["messages", "deliveries", "filtered_out"]
        .iter()
        .any(|table| step == format!("SCAN {table}") || step.starts_with(&format!("SCAN {table} ")));
    let first_rows =
        statement.contains("ORDER BY sequence LIMIT") || statement.contains("ORDER BY sequence DESC LIMIT");
    scan && !first_rows
}

#[tokio::test]
async fn no_statement_goes_over_all_that_is_stored() {
    let mut statements = statements();
    assert!(statements.len() > 50, "the sources are read otherwise than they are written: {statements:#?}");
    let (excused, found): (Vec<_>, Vec<_>) = which("EXPLAIN QUERY PLAN", 3, goes_over_all, statements.clone())
        .await
        .into_iter()
        .partition(|statement| WHOLE_TABLE.iter().any(|known| statement.contains(known)));
    assert_eq!(found, [] as [String; 0]);
    assert_eq!(excused.len(), WHOLE_TABLE.len(), "what is excused is there: {excused:#?}");
    let bad = "SELECT body FROM messages WHERE tag = ?1".to_owned();
    statements.push(bad.clone());
    assert!(which("EXPLAIN QUERY PLAN", 3, goes_over_all, statements).await.contains(&bad), "it would be found");
}

#[tokio::test]
async fn what_is_done_for_each_message_makes_no_table_of_its_own() {
    let for_each = |statement: &String| {
        let insert = statement.starts_with("INSERT") && !statement.contains("RETURNING");
        insert || statement.starts_with("DELETE FROM deliveries") || statement.starts_with("UPDATE subscriptions SET")
    };
    let statements: Vec<String> = statements().into_iter().filter(for_each).collect();
    assert!(statements.iter().any(|statement| statement.starts_with("INSERT INTO deliveries")), "{statements:#?}");
    let makes_one: fn(&str, &str) -> bool = |_, operation| operation == "OpenEphemeral";
    assert_eq!(which("EXPLAIN", 1, makes_one, statements).await, [] as [String; 0]);
    let known = "SELECT 1 FROM deliveries WHERE state IN (?1, ?2, ?3)".to_owned();
    assert_eq!(which("EXPLAIN", 1, makes_one, vec![known.clone()]).await, [known], "it would be found");
}
