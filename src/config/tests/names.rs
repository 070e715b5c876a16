//! Names that may be secrets, pasted where a key belongs: not repeated.

use std::collections::BTreeMap;

use super::super::{Overrides, Source, check};
use super::write;

const SECRETS: [&str; 4] =
    ["LTAI5tExampleAccessKeyId", "wJalrXUtnFEMI", "AKIAIOSFODNN7EXAMPLE", "9f86d081884c7d659a2feaa0c55ad015"];

fn report_of(text: &str, environment: &BTreeMap<String, String>) -> String {
    let report = check(&Source::File(write(text).path), &Overrides::default(), environment);
    assert_eq!(report.exit_code(), 1);
    format!("{report} {report:?} {}", report.to_json())
}

#[test]
fn a_secret_for_a_key_is_not_repeated() {
    for secret in SECRETS {
        for text in [
            format!("{secret} = 'x'"),
            format!("{secret} = 1\n{secret} = 2"),
            format!("[{secret}]\nx = 1"),
            format!("[server]\n{secret} = 1"),
            format!("[server.{secret}]\nx = 1"),
            format!("[credentials.main]\n{secret} = 'x'"),
            format!("server.limits.{secret}.x = 1"),
            format!("[[topics]]\nname = 'x'\nprofile = 'x'\n\"{secret}\" = 1"),
            secret.to_owned(),
            format!("{secret} = "),
        ] {
            let report = report_of(&text, &BTreeMap::new());
            assert!(!report.contains(secret), "{text}: {report}");
        }
        let report = report_of(&format!("{secret} = 'x'"), &BTreeMap::new());
        let length = format!("a name of {} characters", secret.len());
        assert!(report.contains(&length) && report.contains(":1:1:"), "{report}");
    }
}

#[test]
fn slips_of_the_fingers_are_repeated() {
    for (text, key) in [
        ("[server]\nlissten = 1", "server.lissten"),
        ("[server]\nListen = 1", "server.Listen"),
        ("[server]\ncolour_of_it = 1", "server.colour_of_it"),
    ] {
        assert!(report_of(text, &BTreeMap::new()).contains(&format!("`{key}`")), "{text}");
    }
}

#[test]
fn a_secret_for_a_variable_is_not_repeated() {
    for secret in SECRETS {
        for name in [format!("MQ_GATEWAY__{secret}"), format!("MQ_GATEWAY__SERVER__{secret}")] {
            let report = report_of("", &BTreeMap::from([(name.clone(), "x".to_owned())]));
            let (upper, lower) = (secret.to_uppercase(), secret.to_lowercase());
            assert!(![secret, &upper, &lower].iter().any(|it| report.contains(*it)), "{name}: {report}");
        }
    }
    let report = report_of("", &BTreeMap::from([("MQ_GATEWAY__SERVER__COLOUR".to_owned(), "x".to_owned())]));
    assert!(report.contains("MQ_GATEWAY__SERVER__COLOUR"), "{report}");
}
