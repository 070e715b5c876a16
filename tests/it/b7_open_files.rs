//! Promise B7: a process that may open few files goes on serving.

use crate::support::{Connection, Endpoint, Launch, Settings};

#[test]
fn few_open_files_are_enough() {
    let endpoint = Endpoint::start();
    let mut app = Launch::towards(&endpoint, Settings::new()).open_files(256).start();
    assert!(app.output().contains("the process may not open enough files"), "{}", app.output());
    let crowd: Vec<Connection> = (0..500).map(|_| Connection::open(app.data())).collect();
    // Meanwhile those who say nothing make room.
    for number in 0..20 {
        app.publish("orders", &number.to_string());
    }
    drop(crowd);
    for number in 0..200 {
        app.publish("orders", &number.to_string());
    }
    let complaints = app.output().matches("Error accepting connection").count();
    assert!(complaints <= 1, "{complaints} in a few seconds");
    assert!(app.is_running());
}
